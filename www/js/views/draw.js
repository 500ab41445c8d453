// @ts-check
/** A drawing, its latent, its reconstruction, and a classifier's prediction. */
import { normaliseDrawing } from '../normalise-drawing.js';
import { priorOf } from '../latents.js';
import { decimals, make } from '../dom.js';
import { Classifier } from '../classifier.js';
import { LatentMap } from '../latent-map.js';
import { latestOnly } from '../latest.js';
import { paint, wipe } from '../pixels.js';
import { showStatus } from '../status.js';
import { Strokes } from '../strokes.js';
import { testImages, TestPicker } from '../test-images.js';

/** The shape of a drawing: that of the data sets. */
const INPUT_SHAPE = { channels: 1, height: 28, width: 28 };
/** Class names that are safe as folder names. */
const CLASS_NAME = /^[\p{L}\p{N}][\p{L}\p{N} _-]*$/u;

/**
 * @param {HTMLElement} panel
 * @param {import('../main.js').App} app
 */
export function create(panel, app) {
  const strokes = new Strokes(() => takeDrawing());
  const clear = make('button', { type: 'button' }, 'Clear');
  const label = make('input', { class: 'label', maxlength: 24, placeholder: 'class', 'aria-label': 'Class of the drawing' });
  const keep = make('button', { type: 'button', disabled: true }, 'Keep for training');
  const kept = make('p', { class: 'hint', 'aria-live': 'polite' });
  const input = make('canvas', { class: 'big', width: 28, height: 28, role: 'img', 'aria-label': 'No drawing yet' });
  const reconstruction = make('canvas', { class: 'big', width: 28, height: 28, role: 'img', 'aria-label': 'No reconstruction yet' });
  const caption = make('p', { class: 'hint coordinates' });
  const reset = make('button', { type: 'button', disabled: true }, 'Reset to the mean');
  const picker = new TestPicker('test', (test) => app.update({ test, drawingEdits: new Map() }));
  const classifier = new Classifier((action) => app.attempt(action));
  const noClassifier = make('p', { class: 'hint' });
  const noTests = make('p', { class: 'hint' }, 'This model comes without test images.');
  const map = new LatentMap(app, 'Latent space map with the latent of the drawing', edit);
  panel.append(make('div', { class: 'draw-view' },
    make('section', { class: 'sheet-box', 'aria-label': 'Your drawing' },
      make('h2', {}, 'Draw'), strokes.canvas, make('div', { class: 'row' }, clear), make('div', { class: 'row' }, label, keep), kept),
    make('section', { class: 'picks', 'aria-label': 'Test images' }, make('h2', {}, 'Or pick a test image'), picker.root, noTests),
    make('section', { class: 'reconstruction', 'aria-label': 'Reconstruction' },
      make('figure', {}, input, make('figcaption', {}, 'Input')),
      make('figure', {}, reconstruction, make('figcaption', {}, 'Reconstruction'))),
    make('section', { class: 'prediction', 'aria-label': 'Prediction' }, make('h2', {}, 'Prediction of a classifier'), classifier.root, noClassifier),
    make('section', { class: 'encoding', 'aria-label': 'Latent' }, make('h2', {}, 'Latent'), map.root,
      make('div', { class: 'row' }, caption, reset))));

  /** The model, its prior and the class. @type {any} */
  let current = null;
  /** The selected model without an encoder that was replaced. */
  let replaced = '';
  /** The input image. @type {Float32Array | null} */
  let image = null;
  /** Its posterior. @type {{ means: Float32Array, stds: Float32Array } | null} */
  let posterior = null;

  const encode = latestOnly(async (/** @type {Float32Array} */ pixels) => {
    const { isCurrent } = current;
    const found = await app.withModel((engine) => engine.encode(pixels), isCurrent);
    if (!isCurrent() || pixels !== image) return;
    posterior = found;
    await move();
  });

  const decode = latestOnly(async (/** @type {Float32Array} */ latent) => {
    const { isCurrent, klass, facts } = current;
    const { pixels, milliseconds } = await app.withModel((engine) => engine.decode(latent, klass), isCurrent);
    if (!isCurrent() || !posterior) return;
    paint(reconstruction, pixels, facts);
    reconstruction.setAttribute('aria-label', `Decoded, ${caption.textContent}`);
    app.showTime(milliseconds);
  });

  /**
   * Shows the latent, the mean unless it was edited, and its reconstruction.
   * @param {boolean} [announce]
   */
  async function move(announce = false) {
    if (!posterior || !current) return;
    const latent = posterior.means.slice();
    for (const [at, value] of app.state.drawingEdits) if (at < latent.length) latent[at] = value;
    map.show(latent, { posterior });
    const words = [...new Set(map.dims)].map((at) => decimals(latent[at])).join(', ');
    caption.textContent = latent.length <= 2 ? `Latent ${words}` : `Latent ${words} and ${latent.length - 2} more values`;
    reset.disabled = app.state.drawingEdits.size === 0;
    if (announce) showStatus(`Latent ${words}`);
    await app.attempt(() => decode(latent));
  }

  /** @param {[number, number]} dims @param {number} x @param {number} y @param {boolean} byKey */
  function edit(dims, x, y, byKey) {
    if (!posterior) return;
    app.setState({ drawingEdits: new Map(app.state.drawingEdits).set(dims[0], x).set(dims[1], y) });
    move(byKey);
  }

  /** Encodes and classifies another image. @param {Float32Array | null} pixels */
  async function setImage(pixels) {
    image = pixels;
    keep.disabled = !pixels || app.state.test !== null;
    if (!pixels) return empty();
    paint(input, pixels, INPUT_SHAPE);
    input.setAttribute('aria-label', 'The drawing at 28 × 28 pixels');
    const classified = current?.classifier ? classifier.show(current.classifier, pixels) : null;
    await app.attempt(() => encode(pixels));
    await classified;
  }

  function empty() {
    image = null;
    posterior = null;
    keep.disabled = true;
    wipe(input);
    wipe(reconstruction);
    classifier.clear();
    input.setAttribute('aria-label', 'No drawing yet');
    reconstruction.setAttribute('aria-label', 'No reconstruction yet');
    caption.textContent = '';
    reset.disabled = true;
    map.removePoint();
  }

  function clearSheet() {
    strokes.clear();
    app.setState({ test: null, drawingEdits: new Map() });
    picker.show(current?.tests ?? null, null);
    empty();
  }

  /** Keeps the drawing for training and clears the sheet for the next. */
  async function keepDrawing() {
    const name = label.value.trim() || 'drawing';
    if (!CLASS_NAME.test(name)) throw new Error(`${name} is not a class name: use letters, digits, spaces, - and _`);
    // A second press must not keep it twice.
    keep.disabled = true;
    /** @type {Blob | null} */
    const png = await new Promise((resolve) => input.toBlob(resolve));
    if (!png) throw new Error('This browser cannot write PNG files');
    const file = `${app.drawings.length + 1}.png`;
    app.drawings.push({ path: `drawings/${name}/${file}`, file: new File([png], file) });
    const classes = [...new Set(app.drawings.map(({ path }) => path.split('/')[1]))];
    const count = app.drawings.length;
    kept.replaceChildren(`${count} drawing${count === 1 ? '' : 's'} kept until the page is closed. To train on them, declare `,
      make('code', {}, `data: { set: { folder: drawings }, classes: ${JSON.stringify(classes)} }`), '.');
    clearSheet();
  }

  function takeDrawing() {
    if (!current) return;
    if (app.state.test !== null || app.state.drawingEdits.size > 0) {
      app.setState({ test: null, drawingEdits: new Map() });
      picker.show(current.tests, null);
    }
    const { values, side } = strokes.ink();
    setImage(normaliseDrawing(values, side));
  }

  clear.addEventListener('click', clearSheet);
  keep.addEventListener('click', () => app.attempt(keepDrawing));
  label.addEventListener('keydown', ({ key }) => {
    if (key === 'Enter') keep.click();
  });
  reset.addEventListener('click', () => {
    app.setState({ drawingEdits: new Map() });
    move();
  });

  return {
    /** @param {() => boolean} isCurrent */
    async show(isCurrent) {
      const source = await app.withModel(async (engine, facts) => {
        if (!facts.encodes) return null;
        if (facts.channels !== 1 || facts.width !== 28 || facts.height !== 28) throw new Error(`The model ${facts.name} does not take greyscale images of 28 × 28 pixels`);
        return { facts, klass: app.classOf(facts, 0), prior: await priorOf(engine, facts), isCurrent };
      }, isCurrent);
      if (!source) return switchToEncoder();
      const { facts } = source;
      const found = app.models.find(({ family, dataset }) => family === 'classifier' && dataset === facts.dataset);
      const tests = app.folder && (!app.publishedNow() || app.publishedNow()?.latents) ? await testImages(app.folder).catch(() => null) : null;
      await map.open(source);
      if (!isCurrent()) return;
      current = { ...source, tests, classifier: found?.name ?? null };
      noClassifier.textContent = found ? '' : `There is no classifier for ${facts.dataset}.`;
      classifier.root.hidden = !found;
      const { test } = app.state;
      picker.show(tests, test);
      noTests.hidden = Boolean(tests);
      if (test !== null && tests) {
        strokes.clear();
        strokes.show(tests.canvas, tests.side, test);
        await setImage(tests.pixels(test));
      } else if (image) {
        await setImage(image);
      } else {
        empty();
      }
      if (!isCurrent()) return;
      const words = image ? `${test === null ? 'Your drawing' : `Test image ${test + 1}`}, encoded by ${facts.name}.` : 'Draw something, or pick a test image.';
      app.report(null, replaced ? `The model ${replaced} has no encoder, so ${facts.name} is shown instead. ${words}` : words);
      replaced = '';
    },

    clear() {
      current = null;
      empty();
      map.clear();
      picker.show(null, null);
      noClassifier.textContent = '';
    },
  };

  /** Switches to a published model with an encoder. */
  function switchToEncoder() {
    const { name, dataset } = app.facts;
    const encoders = app.models.filter(({ encodes }) => encodes);
    const other = encoders.find((model) => model.dataset === dataset) ?? encoders[0];
    if (!other) throw new Error(`The model ${name} has no encoder, so it cannot encode drawings`);
    replaced = name;
    return app.update({ model: other.name });
  }
}
