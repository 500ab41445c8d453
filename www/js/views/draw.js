// @ts-check
/** A drawing, its latent, its reconstruction, and what a classifier predicts. */
import { normaliseDrawing } from '../normalise-drawing.js';
import { priorOf } from '../latents.js';
import { decimals, make } from '../dom.js';
import { Classifier } from '../classifier.js';
import { LatentMap } from '../latent-map.js';
import { latestOnly } from '../latest.js';
import { paint, wipe } from '../pixels.js';
import { say } from '../status.js';
import { Strokes } from '../strokes.js';
import { testImages, TestPicker } from '../test-images.js';

/** A grey image, as in the data sets. */
const PICTURE = { channels: 1, height: 28, width: 28 };

/**
 * @param {HTMLElement} panel
 * @param {import('../main.js').App} app
 */
export function create(panel, app) {
  const strokes = new Strokes(() => drawn());
  const clear = make('button', { type: 'button' }, 'Clear');
  const seen = make('canvas', { class: 'big', width: 28, height: 28, role: 'img', 'aria-label': 'No drawing yet' });
  const again = make('canvas', { class: 'big', width: 28, height: 28, role: 'img', 'aria-label': 'No reconstruction yet' });
  const where = make('p', { class: 'hint code' });
  const back = make('button', { type: 'button', disabled: true }, 'Back to the mean');
  const picker = new TestPicker('test', (test) => app.redraw({ test, nudge: new Map() }));
  const classifier = new Classifier((action) => app.attempt(action));
  const prediction = make('p', { class: 'hint' });
  const none = make('p', { class: 'hint' }, 'This model comes without test images.');
  const map = new LatentMap(app, 'Map of the latent space, to move the latent of the drawing', (dims, x, y, byKey) => nudge(dims, x, y, byKey));
  panel.append(make('div', { class: 'drawer' },
    make('section', { class: 'sheet-box', 'aria-label': 'Your drawing' },
      make('h2', {}, 'Draw'), strokes.canvas, make('div', { class: 'row' }, clear)),
    make('section', { class: 'picks', 'aria-label': 'Test images' }, make('h2', {}, 'Or pick a test image'), picker.root, none),
    make('section', { class: 'pair', 'aria-label': 'Reconstruction' },
      make('figure', {}, seen, make('figcaption', {}, 'Input')),
      make('figure', {}, again, make('figcaption', {}, 'Reconstruction'))),
    make('section', { class: 'prediction', 'aria-label': 'Classifier' }, make('h2', {}, 'What a classifier predicts'), classifier.root, prediction),
    make('section', { class: 'where', 'aria-label': 'Its latent' }, make('h2', {}, 'Its latent'), map.root,
      make('div', { class: 'row' }, where, back))));

  /** The model, its prior and the class. @type {any} */
  let now = null;
  /** The model that was asked for, has no encoder and gave way. */
  let insteadOf = '';
  /** The image in use. @type {Float32Array | null} */
  let picture = null;
  /** Its latent. @type {{ means: Float32Array, stds: Float32Array } | null} */
  let cloud = null;

  const encode = latestOnly(async (/** @type {Float32Array} */ pixels) => {
    const { stillWanted } = now;
    const found = await app.work((engine) => engine.encode(pixels), stillWanted);
    if (!stillWanted() || pixels !== picture) return;
    cloud = found;
    await move();
  });

  const decode = latestOnly(async (/** @type {Float32Array} */ code) => {
    const { stillWanted, klass, facts } = now;
    const { pixels, milliseconds } = await app.work((engine) => engine.decode(code, klass), stillWanted);
    if (!stillWanted() || !cloud) return;
    paint(again, pixels, facts);
    again.setAttribute('aria-label', `Decoded, ${where.textContent}`);
    app.time(milliseconds);
  });

  /** Shows the latent, which is the mean unless it was moved, and its reconstruction. @param {boolean} [aloud] */
  async function move(aloud = false) {
    if (!cloud || !now) return;
    const code = cloud.means.slice();
    for (const [at, value] of app.wanted.nudge) if (at < code.length) code[at] = value;
    map.show(code, { cloud });
    const words = [...new Set(map.dims)].map((at) => decimals(code[at])).join(', ');
    where.textContent = code.length <= 2 ? `Latent ${words}` : `Latent ${words}, and ${code.length - 2} more values`;
    back.disabled = app.wanted.nudge.size === 0;
    if (aloud) say(`Latent ${words}`);
    await app.attempt(() => decode(code));
  }

  /** @param {[number, number]} dims @param {number} x @param {number} y @param {boolean} byKey */
  function nudge(dims, x, y, byKey) {
    if (!cloud) return;
    app.note({ nudge: new Map(app.wanted.nudge).set(dims[0], x).set(dims[1], y) });
    move(byKey);
  }

  /** Takes another image. @param {Float32Array | null} pixels */
  async function take(pixels) {
    picture = pixels;
    if (!pixels) return empty();
    paint(seen, pixels, PICTURE);
    seen.setAttribute('aria-label', 'The drawing at 28 × 28 pixels');
    const shares = now?.classifier ? classifier.show(now.classifier, pixels) : null;
    await app.attempt(() => encode(pixels));
    await shares;
  }

  function empty() {
    picture = null;
    cloud = null;
    wipe(seen);
    wipe(again);
    classifier.clear();
    seen.setAttribute('aria-label', 'No drawing yet');
    again.setAttribute('aria-label', 'No reconstruction yet');
    where.textContent = '';
    back.disabled = true;
    map.lift();
  }

  function drawn() {
    if (!now) return;
    if (app.wanted.test !== null || app.wanted.nudge.size > 0) {
      app.note({ test: null, nudge: new Map() });
      picker.show(now.tests, null);
    }
    const { values, side } = strokes.ink();
    take(normaliseDrawing(values, side));
  }

  clear.addEventListener('click', () => {
    strokes.clear();
    app.note({ test: null, nudge: new Map() });
    picker.show(now?.tests ?? null, null);
    empty();
  });
  back.addEventListener('click', () => {
    app.note({ nudge: new Map() });
    move();
  });

  return {
    /** @param {() => boolean} stillWanted */
    async show(stillWanted) {
      const place = await app.work(async (engine, facts) => {
        if (!facts.encodes) return null;
        if (facts.channels !== 1 || facts.width !== 28 || facts.height !== 28) throw new Error(`The model ${facts.name} does not take grey images of 28 × 28 pixels`);
        return { facts, klass: app.classOf(facts, 0), prior: await priorOf(engine, facts), stillWanted };
      }, stillWanted);
      if (!place) return giveWay();
      const { facts } = place;
      const fitting = app.models.find(({ family, dataset }) => family === 'classifier' && dataset === facts.dataset);
      const tests = app.folder && (!app.publishedNow() || app.publishedNow()?.latents) ? await testImages(app.folder).catch(() => null) : null;
      await map.open(place);
      if (!stillWanted()) return;
      now = { ...place, tests, classifier: fitting?.name ?? null };
      prediction.textContent = fitting ? '' : `There is no classifier for ${facts.dataset} here.`;
      classifier.root.hidden = !fitting;
      const { test } = app.wanted;
      picker.show(tests, test);
      none.hidden = Boolean(tests);
      if (test !== null && tests) {
        strokes.clear();
        strokes.show(tests.canvas, tests.side, test);
        await take(tests.pixels(test));
      } else if (picture) {
        await take(picture);
      } else {
        empty();
      }
      if (!stillWanted()) return;
      const words = picture ? `${test === null ? 'Your drawing' : `Test image ${test + 1}`}, encoded by ${facts.name}.` : 'Draw something, or pick a test image.';
      app.tell(null, insteadOf ? `The model ${insteadOf} has no encoder, so this is ${facts.name}. ${words}` : words);
      insteadOf = '';
    },

    clear() {
      now = null;
      empty();
      map.clear();
      picker.show(null, null);
      prediction.textContent = '';
    },
  };

  /** Takes a published model that has an encoder instead of one that has none. */
  function giveWay() {
    const { name, dataset } = app.facts;
    const coders = app.models.filter(({ encodes }) => encodes);
    const other = coders.find((model) => model.dataset === dataset) ?? coders[0];
    if (!other) throw new Error(`The model ${name} has no encoder: it cannot encode a drawing`);
    insteadOf = name;
    return app.redraw({ model: other.name });
  }
}
