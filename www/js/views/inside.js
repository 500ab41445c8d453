// @ts-check
/** The layers of a model and their outputs for one sample or, in a classifier, one test image. */
import { make } from '../dom.js';
import { paint, wipe } from '../pixels.js';
import { ActivationImage } from '../activation-image.js';
import { testImages, TestPicker } from '../test-images.js';

/**
 * @typedef {{ network: string, layer: string, output: number[], parameters: number }} Layer
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
  const picker = new TestPicker('look', (test) => app.update({ test }));
  const tables = make('div', { class: 'tables' });
  panel.append(make('div', { class: 'inside' }, make('div', { class: 'subject' }, canvas, make('div', { class: 'choose' }, caption, sample), picker.root), tables));
  which.addEventListener('change', () => {
    const number = Number(which.value);
    if (Number.isInteger(number) && number >= 0 && number <= 9999) app.update({ sample: number });
    else which.value = String(app.state.sample);
  });

  /**
   * The layer outputs by index, and the layers that they belong to.
   * @type {Map<number, ActivationImage>}
   */
  const images = new Map();
  let shownLayers = '';

  /** @param {Layer[]} layers */
  function showTables(layers) {
    const key = JSON.stringify(layers);
    if (key === shownLayers) return;
    shownLayers = key;
    images.clear();
    const networks = [...new Set(layers.map(({ network }) => network))];
    tables.replaceChildren(...networks.map((network) => tableOf(network, layers, images)));
  }

  return {
    /** @param {() => boolean} isCurrent */
    async show(isCurrent) {
      const { seed, temperature } = app.state;
      const facts = await app.withModel(async (_, facts) => facts, isCurrent);
      const classifies = facts.family === 'classifier';
      const folder = classifies ? folderOfTests(facts.dataset) : null;
      const tests = folder ? await testImages(folder).catch(() => null) : null;
      if (!isCurrent()) return;
      const test = Math.min(app.state.test ?? 0, 59);
      picker.show(tests, test);
      sample.hidden = classifies;
      showTables(facts.layers);

      const found = await app.withModel(async (engine) => {
        if (classifies) {
          if (!tests) return null;
          const pixels = tests.pixels(test);
          const probabilities = await engine.classify(pixels);
          return { pixels, outputs: await engine.inside(pixels), probabilities, milliseconds: null };
        }
        const klass = app.classOf(facts, app.state.sample);
        const latent = await engine.latents(seed, app.state.sample, 1, klass, temperature);
        const { pixels, milliseconds } = await engine.decode(latent, klass);
        return { pixels, outputs: await engine.inside(latent, klass), probabilities: null, milliseconds };
      }, isCurrent);
      if (!isCurrent()) return;
      which.value = String(app.state.sample);
      if (!found) {
        wipe(canvas);
        caption.textContent = 'No test images are available.';
        return app.report(null, `Layers of ${facts.name}.`);
      }
      paint(canvas, found.pixels, facts);
      for (const { layer, shape, values } of found.outputs) images.get(layer)?.show(shape, values);
      const what = classifies ? `Test image ${test + 1}` : `Sample ${app.state.sample} of seed ${seed}`;
      canvas.setAttribute('aria-label', `${what}, enlarged`);
      caption.textContent = found.probabilities ? `${what}: ${describePrediction(facts.classes, found.probabilities)}` : what;
      app.report(found.milliseconds, `Layer outputs of ${facts.name} for ${what.toLowerCase()}.`);
    },

    clear() {
      wipe(canvas);
      shownLayers = '';
      images.clear();
      tables.replaceChildren();
      caption.textContent = '';
    },
  };

  /**
   * The folder of a model of the same data set that comes with test images.
   * @param {string} dataset
   */
  function folderOfTests(dataset) {
    const model = app.models.find((model) => model.dataset === dataset && model.latents);
    return model ? `models/${encodeURIComponent(model.name)}` : null;
  }
}

/** @param {string[]} classes @param {Float32Array} probabilities */
function describePrediction(classes, probabilities) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  return `${classes[best]}, ${Math.round(probabilities[best] * 100)} %`;
}

/**
 * @param {string} network
 * @param {Layer[]} layers   of all networks
 * @param {Map<number, ActivationImage>} images to which those of this network are added
 */
function tableOf(network, layers, images) {
  const own = [...layers.entries()].filter(([, layer]) => layer.network === network);
  const total = own.reduce((sum, [, { parameters }]) => sum + parameters, 0);
  const rows = own.flatMap(([number, { layer, output, parameters }]) => {
    const image = new ActivationImage(layer);
    images.set(number, image);
    const cells = [make('th', { scope: 'row' }, layer), make('td', {}, output.join(' × ')), make('td', {}, parameters.toLocaleString('en'))];
    return [make('tr', {}, ...cells), make('tr', { class: 'activation' }, make('td', { colspan: 3 }, image.root))];
  });
  return make('table', {},
    make('caption', {}, network[0].toUpperCase() + network.slice(1)),
    make('thead', {}, make('tr', {}, ...['Layer', 'Output', 'Parameters'].map((name) => make('th', { scope: 'col' }, name)))),
    make('tbody', {}, ...rows),
    make('tfoot', {}, make('tr', {}, make('th', { scope: 'row', colspan: 2 }, 'Total'), make('td', {}, total.toLocaleString('en')))));
}
