// @ts-check
/** Training in the page: the pipeline, the run, and samples of the model in training. */
import { findAdapter } from '../adapter.js';
import { choice, make } from '../dom.js';
import { download } from '../download.js';
import { Grid } from '../grid.js';
import { contextOf, paintAt, resize } from '../pixels.js';
import { showStatus } from '../status.js';
import { filesIn } from '../own-model.js';
import { Curves, titleOf } from '../train/curves.js';
import { deployedSets, isDeployed } from '../train/images.js';
import { Preview } from '../train/preview.js';
import { Run } from '../train/run.js';

/** Number and seed of the samples. */
const [SAMPLES, SEED] = [36, 7];
/** Images per side of the map of a two-dimensional latent space. */
const SIDE = 12;
/** The deepest level at which image folders are searched. */
const MAX_DEPTH = 8;
/** Milliseconds between the last key and the check of the pipeline. */
const CHECK_DELAY = 200;

/**
 * @param {HTMLElement} panel
 * @param {import('../main.js').App} app
 */
export function create(panel, app) {
  const presets = make('select', { 'aria-label': 'Preset' });
  const about = make('p', { class: 'hint' });
  const editor = make('textarea', { class: 'yaml', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', rows: 26, wrap: 'off', 'aria-label': 'Pipeline (YAML)' });
  const findings = make('ul', { class: 'findings', 'aria-live': 'polite' });
  const source = make('select', { 'aria-label': 'Model that provides the latents' });
  const sourceRow = make('p', { class: 'row', hidden: true }, make('label', {}, 'Latents of ', source));
  const files = make('input', { type: 'file', multiple: true, hidden: true });
  const folder = make('input', { type: 'file', webkitdirectory: true, hidden: true });
  const imagesLine = make('span', { class: 'hint' });
  const drawings = button('Use my drawings', () => takeOwn(app.drawings.slice()));
  const imagesRow = make('p', { class: 'row', hidden: true }, button('Choose files…', () => files.click()), button('Choose a folder…', () => folder.click()), drawings, imagesLine, files, folder);
  const offer = make('p', { class: 'offer', hidden: true });
  const train = button('Train', () => app.attempt(start), 'main');
  const pause = button('Pause', () => app.attempt(stop));
  const step = button('Step', () => app.attempt(() => start(1)));
  const reset = button('Reset', () => app.attempt(restart));
  const save = button('Download model', () => app.attempt(offerModel));
  const limit = make('input', { type: 'number', min: 1, step: 1, class: 'limit', 'aria-label': 'Pause at step', placeholder: 'last' });
  const devices = make('span', { class: 'choices' }, choice('train-device', 'cpu', 'CPU'), choice('train-device', 'webgpu', 'WebGPU'));
  const line = make('p', { class: 'run-line', role: 'status' }, 'Not started.');
  const bar = make('progress', { max: 1, value: 0, 'aria-label': 'Training progress' });
  const curves = new Curves(make('figure', { class: 'curves', hidden: true }));
  const sheet = make('div', { class: 'samples', 'aria-label': 'No samples yet' });
  const grid = new Grid(sheet);
  const map = make('canvas', { class: 'latent-map', role: 'img', 'aria-label': 'Map of the latent space', hidden: true });
  panel.append(make('div', { class: 'train' },
    make('section', { 'aria-label': 'Pipeline' }, make('p', { class: 'row' }, make('label', {}, 'Preset ', presets)), about, editor, findings, sourceRow, imagesRow),
    make('section', { 'aria-label': 'Run' }, offer,
      make('p', { class: 'row' }, train, pause, step, reset, save),
      make('p', { class: 'row' }, make('label', {}, 'Pause at step ', limit), make('span', { class: 'hint' }, 'Train on'), devices),
      line, bar, curves.figure, make('div', { class: 'previews' }, sheet, map))));

  const run = new Run({
    progress: showProgress,
    notice: (text) => showStatus(text, true),
    curves,
    settings: () => ({ device: chosenDevice(), until: Number(limit.value) || Infinity }),
  });
  const preview = new Preview(showSamples, (modelFiles) => app.adopt(modelFiles, run.name));
  /** The parsed pipeline, if it has no errors. @type {any} */
  let pipeline = null;
  /** Counts the checks, so that outdated results are ignored. */
  let checks = 0;
  /** @type {Promise<void> | null} */
  let opening = null;
  /** The user's own images. @type {{ path: string, file: File }[]} */
  let own = [];
  /** @type {string[]} */
  let deployed = [];
  /** @type {any[]} */
  let presetList = [];
  let rate = { step: 0, at: 0, perSecond: 0 };

  // ---- The pipeline -----------------------------------------------------------------------------

  async function open() {
    const adapter = findAdapter();
    deployed = await deployedSets();
    presetList = (await (await download('pipelines/index.json')).json()).filter((/** @type {any} */ preset) => !preset.data || isDeployed(preset.data, deployed));
    presets.replaceChildren(...presetList.map(({ title }, at) => make('option', { value: at }, title)), make('option', { value: -1, hidden: true }, 'Edited'));
    const saved = await run.saved();
    if (saved) offerSaved(saved);
    await choosePreset(0);
    const hardware = await adapter;
    const webgpu = devices.querySelector('[value="webgpu"]');
    if (webgpu instanceof HTMLInputElement) webgpu.disabled = !hardware || hardware.software;
    const cpu = devices.querySelector('[value="cpu"]');
    if (cpu instanceof HTMLInputElement) cpu.checked = true;
  }

  /** @param {number} at */
  async function choosePreset(at) {
    const preset = presetList[at];
    editor.value = await (await download(`pipelines/${preset.file}`)).text();
    presets.value = String(at);
    about.textContent = preset.about;
    await check();
  }

  presets.addEventListener('change', () => app.attempt(async () => {
    if (presets.value !== '-1') await choosePreset(Number(presets.value));
  }));
  let timer = 0;
  editor.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => app.attempt(check), CHECK_DELAY);
    presets.value = '-1';
    about.textContent = '';
  });

  async function check() {
    const turn = ++checks;
    const yaml = editor.value;
    const { findings: found, pipeline: parsed } = await run.check(yaml);
    if (turn !== checks) return;
    pipeline = parsed;
    findings.replaceChildren(...found.map(describeFinding));
    editor.setAttribute('aria-invalid', String(!pipeline));
    editor.dataset.read = yaml;
    showInputs();
    showButtons();
  }

  /** @param {import('../train/trainer.js').Finding} finding */
  function describeFinding({ severity, line: at, column, start: from, end, path, found, expected, note, suggestion }) {
    const jump = button(`${at}:${column}`, () => {
      editor.focus();
      editor.setSelectionRange(from, end);
      editor.scrollTop = (at - 4) * parseFloat(getComputedStyle(editor).lineHeight);
    });
    const message = [`${path}: ${found}`, expected && `expected ${expected}`].filter(Boolean).join('; ');
    const notes = [note, suggestion && `Try: ${suggestion}`].filter(Boolean).map((text) => make('span', { class: 'note' }, String(text)));
    return make('li', { class: severity }, jump, ' ', message, ...notes);
  }

  /** Shows the inputs for the images and the model that the pipeline needs. */
  function showInputs() {
    const needsImages = pipeline && !pipeline.set.startsWith('synthetic') && !(pipeline.folder === null && isDeployed(pipeline.set, deployed));
    imagesRow.hidden = !needsImages;
    drawings.hidden = pipeline?.folder === null || app.drawings.length === 0;
    if (needsImages) {
      const what = pipeline.folder === null ? `the four IDX files of ${pipeline.set}` : 'images or a folder of images';
      imagesLine.textContent = own.length > 0 ? `${own.length} files chosen` : `Drop ${what} here. They never leave your computer.`;
    }
    sourceRow.hidden = !pipeline?.from;
    if (!pipeline?.from) return;
    const encoders = app.models.filter(({ encodes, conditional, dataset }) => encodes && !conditional && dataset === pipeline.set);
    const options = encoders.map(({ name }) => make('option', { value: name }, name));
    if (preview.files) options.unshift(make('option', { value: '' }, `${preview.facts?.name ?? 'model'} (trained here)`));
    source.replaceChildren(...options);
    const from = pipeline.from.split('/').pop();
    if (encoders.some(({ name }) => name === from)) source.value = from;
  }

  // ---- The run ----------------------------------------------------------------------------------

  /** Starts or continues the run. @param {number} [steps] */
  async function start(steps) {
    if (!run.begun) {
      if (!pipeline) throw new Error('The pipeline has errors, which are listed below it');
      showStatus('Preparing the images…');
      line.textContent = 'Preparing…';
      offer.hidden = true;
      await run.begin({ yaml: editor.value, pipeline, own, deployed, source: await sourceFiles(), name: pipeline.name });
    }
    showStatus(`Training ${run.name}.`);
    await run.train(steps);
    showButtons();
  }

  async function stop() {
    await run.pause();
    await preview.update(run, true);
    showButtons();
  }

  async function restart() {
    await run.reset();
    curves.points = [];
    grid.clear();
    map.hidden = true;
    bar.value = 0;
    line.textContent = 'Not started.';
    showStatus('Ready to train.');
    showButtons();
  }

  async function sourceFiles() {
    if (!pipeline.from) return null;
    if (source.value === '' && preview.files) return preview.files;
    if (!source.value) throw new Error(`No model encodes ${pipeline.set}: train a VAE first`);
    const at = `models/${encodeURIComponent(source.value)}`;
    const [manifest, weights] = await Promise.all([download(`${at}/model.ron`).then((found) => found.text()), download(`${at}/weights.bpk`).then((found) => found.arrayBuffer())]);
    return { manifest, weights: new Uint8Array(weights) };
  }

  /** @param {import('../train/store.js').SavedRun} saved */
  function offerSaved(saved) {
    const when = saved.step === saved.steps ? 'finished' : `at step ${saved.step.toLocaleString('en')} of ${saved.steps.toLocaleString('en')}`;
    offer.hidden = false;
    offer.replaceChildren(`Your run ${saved.name} was saved, ${when}. `,
      button('Continue', () => app.attempt(async () => {
        offer.hidden = true;
        editor.value = saved.yaml;
        presets.value = '-1';
        about.textContent = '';
        await check();
        await run.restore(saved);
        await preview.update(run, true);
        showButtons();
        showStatus(`${saved.name} is restored, ${when}.`);
      })), ' ',
      button('Discard', () => app.attempt(async () => {
        offer.hidden = true;
        await run.discard();
      })));
  }

  /** @param {import('../train/trainer.js').Progress} progress */
  function showProgress(progress) {
    const { step: at, steps, running, ended, epoch, epochs, losses, test } = progress;
    const now = performance.now();
    if (!running || at < rate.step) rate = { step: at, at: now, perSecond: 0 };
    else if (now - rate.at > 900) rate = { step: at, at: now, perSecond: (at - rate.step) * 1000 / (now - rate.at) };
    bar.value = at / steps;
    const parts = [`Epoch ${epoch} of ${epochs}`, `step ${at.toLocaleString('en')} of ${steps.toLocaleString('en')}`];
    if (ended) parts.push(ended);
    else if (!running) parts.push('paused');
    else if (rate.perSecond > 0) parts.push(`${rate.perSecond.toPrecision(3)} steps/s`, `${duration((steps - at) / rate.perSecond)} left`);
    parts.push(...losses.map(([name, value]) => `${titleOf(name)} ${value.toPrecision(4)}`));
    if (ended) parts.push(...test.map(([name, value]) => `test ${titleOf(name)} ${value.toPrecision(4)}`));
    line.textContent = parts.join(' · ');
    if (!document.hidden) app.attempt(() => preview.update(run, !running));
    if (!running) showButtons();
  }

  /** @param {any} engine @param {any} facts */
  async function showSamples(engine, facts) {
    if (facts.family === 'classifier') return;
    const { pixels } = await engine.sample(SEED, 0, SAMPLES);
    grid.show(pixels, facts, `${SAMPLES} samples of ${facts.name} at the current step`);
    map.hidden = facts.latent !== 2;
    if (facts.latent !== 2) return;
    const latents = new Float32Array(2 * SIDE * SIDE);
    for (let at = 0; at < SIDE * SIDE; at += 1) {
      latents[2 * at] = ((at % SIDE + 0.5) / SIDE - 0.5) * 6;
      latents[2 * at + 1] = (0.5 - (Math.floor(at / SIDE) + 0.5) / SIDE) * 6;
    }
    const decoded = await engine.decode(latents, facts.conditional ? 0 : null);
    resize(map, SIDE * facts.width, SIDE * facts.height);
    for (let at = 0; at < SIDE * SIDE; at += 1) {
      paintAt(contextOf(map), decoded.pixels, facts, at, at % SIDE * facts.width, Math.floor(at / SIDE) * facts.height);
    }
  }

  function showButtons() {
    const running = run.progress?.running ?? false;
    const finished = run.begun && Boolean(run.progress?.ended);
    train.disabled = running || finished || (!run.begun && !pipeline);
    step.disabled = train.disabled;
    pause.disabled = !running;
    reset.disabled = !run.begun;
    save.disabled = !run.begun;
  }

  async function offerModel() {
    const { manifest, weights } = await run.artifact();
    for (const [name, content] of /** @type {[string, BlobPart][]} */ ([['model.ron', manifest], ['weights.bpk', weights], ['pipeline.yaml', run.yaml]])) {
      const url = URL.createObjectURL(new Blob([content]));
      make('a', { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    }
  }

  function chosenDevice() {
    const chosen = devices.querySelector('input:checked');
    return chosen instanceof HTMLInputElement && chosen.value === 'webgpu' ? 'webgpu' : 'cpu';
  }

  for (const input of [files, folder]) {
    input.addEventListener('change', () => {
      takeOwn([...input.files ?? []].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
      input.value = '';
    });
  }
  panel.addEventListener('drop', (event) => {
    if (imagesRow.hidden || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.stopPropagation();
    document.body.classList.remove('dropping');
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
    const withoutPaths = [...event.dataTransfer.files].map((file) => ({ path: file.name, file }));
    app.attempt(async () => {
      const found = await Promise.all(entries.map((entry) => (entry ? filesIn(entry, MAX_DEPTH) : [])));
      const withPaths = found.flat();
      takeOwn(withPaths.length > 0 ? withPaths : withoutPaths);
    });
  });

  /** @param {{ path: string, file: File }[]} chosen */
  function takeOwn(chosen) {
    own = chosen;
    showInputs();
  }

  showButtons();

  return {
    /** @param {() => boolean} isCurrent */
    async show(isCurrent) {
      showStatus('Starting…');
      opening ??= open();
      opening.catch(() => { opening = null; });
      await opening;
      if (!isCurrent()) return;
      showInputs();
      showButtons();
      showStatus(run.progress?.running ? `Training ${run.name}.` : 'Ready to train.');
    },

    clear() { /* the run continues */ },
  };

  /**
   * @param {string} text
   * @param {() => void} pressed
   * @param {string} [className]
   */
  function button(text, pressed, className) {
    const created = make('button', { type: 'button', class: className }, text);
    created.addEventListener('click', pressed);
    return created;
  }
}

/** @param {number} seconds */
function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : `${(seconds / 3600).toFixed(1)} h`;
}
