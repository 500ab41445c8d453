// @ts-check
/** The layers of a model and their outputs for one sample, or for one image. */
import { make } from '../dom.js';
import { paint, wipe } from '../pixels.js';
import { ActivationImage } from '../activation-image.js';
import { testImages, TestPicker } from '../test-images.js';

/**
 * @typedef {{ network: string, layer: string, output: number[], parameters: number }} Layer
 * @typedef {{ layer: number, shape: number[], values: Float32Array }} Step
 */

/**
 * @param {HTMLElement} panel
 * @param {import('../main.js').App} app
 */
export function create(panel, app) {
  const canvas = make('canvas', { class: 'big', width: 28, height: 28, role: 'img', 'aria-label': 'No image yet' });
  const caption = make('p', { class: 'hint' });
  const which = make('input', { type: 'number', id: 'sample', inputmode: 'numeric', min: 0, max: 9999, step: 1 });
  const sample = make('div', { class: 'row' }, make('label', { for: 'sample' }, 'Sample'), which);
  const picker = new TestPicker('look', (test) => app.redraw({ test }));
  const tables = make('div', { class: 'tables' });
  panel.append(make('div', { class: 'inside' }, make('div', { class: 'seen' }, canvas, make('div', { class: 'choose' }, caption, sample), picker.root), tables));
  which.addEventListener('change', () => {
    const number = Number(which.value);
    if (Number.isInteger(number) && number >= 0 && number <= 9999) app.redraw({ sample: number });
    else which.value = String(app.wanted.sample);
  });

  /** The pictures of the layers, by number, and of which layers they are. @type {Map<number, ActivationImage>} */
  const pictures = new Map();
  let laid = '';

  /** @param {Layer[]} layers */
  function lay(layers) {
    const key = JSON.stringify(layers);
    if (key === laid) return;
    laid = key;
    pictures.clear();
    const networks = [...new Set(layers.map(({ network }) => network))];
    tables.replaceChildren(...networks.map((network) => tableOf(network, layers, pictures)));
  }

  return {
    /** @param {() => boolean} stillWanted */
    async show(stillWanted) {
      const { seed, temperature } = app.wanted;
      const facts = await app.work(async (_, facts) => facts, stillWanted);
      const classifies = facts.family === 'classifier';
      const folder = classifies ? folderOfTests(facts.dataset) : null;
      const tests = folder ? await testImages(folder).catch(() => null) : null;
      if (!stillWanted()) return;
      const test = Math.min(app.wanted.test ?? 0, 59);
      picker.show(tests, test);
      sample.hidden = classifies;
      lay(facts.layers);

      const found = await app.work(async (engine) => {
        if (classifies) {
          if (!tests) return null;
          const pixels = tests.pixels(test);
          const shares = await engine.classify(pixels);
          return { pixels, steps: await engine.inside(pixels), shares, milliseconds: null };
        }
        const klass = app.classOf(facts, app.wanted.sample);
        const code = await engine.latents(seed, app.wanted.sample, 1, klass, temperature);
        const { pixels, milliseconds } = await engine.decode(code, klass);
        return { pixels, steps: await engine.inside(code, klass), shares: null, milliseconds };
      }, stillWanted);
      if (!stillWanted()) return;
      which.value = String(app.wanted.sample);
      if (!found) {
        wipe(canvas);
        caption.textContent = 'There are no test images here.';
        return app.tell(null, `The layers of ${facts.name}.`);
      }
      paint(canvas, found.pixels, facts);
      for (const step of found.steps) pictures.get(step.layer)?.show(step.shape, step.values);
      const what = classifies ? `Test image ${test + 1}` : `Sample ${app.wanted.sample} of seed ${seed}`;
      canvas.setAttribute('aria-label', `${what}, enlarged`);
      caption.textContent = found.shares ? `${what}: ${describePrediction(facts.classes, found.shares)}` : what;
      app.tell(found.milliseconds, `The layer outputs of ${facts.name} for ${what.toLowerCase()}.`);
    },

    clear() {
      wipe(canvas);
      laid = '';
      pictures.clear();
      tables.replaceChildren();
      caption.textContent = '';
    },
  };

  /** A model of the same data that comes with test images. @param {string} dataset */
  function folderOfTests(dataset) {
    const model = app.models.find((model) => model.dataset === dataset && model.latents);
    return model ? `models/${encodeURIComponent(model.name)}` : null;
  }
}

/** @param {string[]} classes @param {Float32Array} shares */
function describePrediction(classes, shares) {
  const best = shares.indexOf(Math.max(...shares));
  return `${classes[best]}, ${Math.round(shares[best] * 100)} %`;
}

/**
 * @param {string} network
 * @param {Layer[]} layers   of all networks
 * @param {Map<number, ActivationImage>} pictures to which those of this network are added
 */
function tableOf(network, layers, pictures) {
  const own = [...layers.entries()].filter(([, layer]) => layer.network === network);
  const total = own.reduce((sum, [, { parameters }]) => sum + parameters, 0);
  const rows = own.flatMap(([number, { layer, output, parameters }]) => {
    const picture = new ActivationImage(layer);
    pictures.set(number, picture);
    const cells = [make('th', { scope: 'row' }, layer), make('td', {}, output.join(' × ')), make('td', {}, parameters.toLocaleString('en'))];
    return [make('tr', {}, ...cells), make('tr', { class: 'gives' }, make('td', { colspan: 3 }, picture.root))];
  });
  return make('table', {},
    make('caption', {}, network[0].toUpperCase() + network.slice(1)),
    make('thead', {}, make('tr', {}, ...['Layer', 'Output', 'Parameters'].map((name) => make('th', { scope: 'col' }, name)))),
    make('tbody', {}, ...rows),
    make('tfoot', {}, make('tr', {}, make('th', { scope: 'row', colspan: 2 }, 'Total'), make('td', {}, total.toLocaleString('en')))));
}
