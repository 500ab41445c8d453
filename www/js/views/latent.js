// @ts-check
/** The latent space: a point on a map and its image, the values of the latent, and the path from one latent to another. */
import { priorOf } from '../latents.js';
import { calm, decimals, make } from '../dom.js';
import { interpolate, cdf, quantile } from '../normal-distribution.js';
import { LatentMap } from '../latent-map.js';
import { latestOnly } from '../latest.js';
import { contextOf, paint, paintAt, resize, wipe } from '../pixels.js';
import { say } from '../status.js';

/** Values that have a slider. */
const SLIDERS = 16;
/** Images on the path from A to B. */
const STEPS = 10;
/** Milliseconds from A to B. */
const TRIP = 5000;

/**
 * @param {HTMLElement} panel
 * @param {import('../main.js').App} app
 */
export function create(panel, app) {
  const big = make('canvas', { class: 'big', role: 'img', 'aria-label': 'No image yet' });
  const where = make('p', { class: 'hint code' });
  const map = new LatentMap(app, 'Map of the latent space', (dims, x, y, byKey) => set([[dims[0], x], [dims[1], y]], byKey), true);
  const values = make('div', { class: 'values' });
  const strip = make('canvas', { class: 'strip', role: 'img', 'aria-label': `${STEPS} images interpolated from A to B` });
  const along = make('input', { type: 'range', min: 0, max: 1, step: 0.01, 'aria-label': 'Position from A to B' });
  const play = make('button', { type: 'button' }, 'Play');
  const ends = ['A', 'B'].map((name, end) => {
    const button = make('button', { type: 'button' }, `Another ${name}`);
    button.addEventListener('click', () => {
      const next = /** @type {[number, number]} */ ([...app.wanted.ends]);
      next[end] = Math.max(...app.wanted.ends) + 1;
      app.redraw({ ends: next, code: new Map() });
    });
    return button;
  });
  const manner = make('p', { class: 'hint' });
  panel.append(make('div', { class: 'latent' },
    make('div', { class: 'seen' }, big, where),
    map.root,
    make('section', { class: 'walk', 'aria-label': 'From A to B' },
      make('h2', {}, 'From A to B'), strip, along, make('div', { class: 'row' }, play, ...ends), manner),
    make('section', { class: 'set', 'aria-label': 'Values of the latent' }, make('h2', {}, 'Values'), values)));

  /** The latents A and B, their prior and their model. @type {any} */
  let now = null;
  let frame = 0;

  /** The wanted latent: between A and B, with the values that were set by hand. */
  function wantedCode() {
    const code = interpolate(now.a, now.b, app.wanted.along, now.prior.normal);
    for (const [at, value] of app.wanted.code) if (at < code.length) code[at] = value;
    return code;
  }

  /** Shows the wanted latent: its place at once, and its image as soon as it is decoded. @param {boolean} [aloud] */
  function move(aloud = false) {
    if (!now) return;
    const code = wantedCode();
    const words = [...new Set(map.dims)].map((at) => decimals(code[at])).join(', ');
    map.show(code, { way: now.way });
    showValues(code);
    along.value = String(app.wanted.along);
    where.textContent = code.length <= 2 ? `Latent ${words}` : `Latent ${words}, and ${code.length - 2} more values`;
    if (aloud) say(`Latent ${words}`);
    return app.attempt(() => decode(code));
  }

  const decode = latestOnly(async (/** @type {Float32Array} */ code) => {
    const { stillWanted, klass } = now;
    const words = where.textContent ?? '';
    const { pixels, milliseconds, facts } = await app.work(async (engine, facts) => (
      { ...await engine.decode(code, klass), facts }), stillWanted);
    if (!stillWanted()) return;
    paint(big, pixels, facts);
    big.setAttribute('aria-label', `${words}, decoded`);
    app.time(milliseconds);
  });

  /** Sets values by hand. @param {[number, number][]} changes @param {boolean} [aloud] */
  function set(changes, aloud) {
    if (!now) return;
    pause();
    const code = new Map(app.wanted.code);
    for (const [at, value] of changes) code.set(at, value);
    app.note({ code });
    move(aloud);
  }

  // ---- Sliders ------------------------------------------------------------------------------------

  /** @param {number} count */
  function laySliders(count) {
    while (values.children.length > count) values.lastElementChild?.remove();
    for (let at = values.children.length; at < count; at += 1) {
      const slider = make('input', { type: 'range', min: 0.001, max: 0.999, step: 0.001, 'aria-label': `Value ${at + 1}` });
      slider.addEventListener('input', () => {
        const { middle, spread } = now.prior;
        map.hold();
        set([[at, Math.round((middle[at] + spread[at] * quantile(Number(slider.value))) * 1000) / 1000]]);
      });
      values.append(make('div', {}, make('span', { 'aria-hidden': 'true' }, String(at + 1)), slider, make('output')));
    }
  }

  /** A slider is at the share of latents with a smaller value. @param {Float32Array} code */
  function showValues(code) {
    const { middle, spread } = now.prior;
    [...values.children].forEach((row, at) => {
      const [, slider, output] = row.children;
      const text = decimals(code[at]);
      const share = String(cdf((code[at] - middle[at]) / spread[at]));
      if (slider !== document.activeElement) /** @type {HTMLInputElement} */ (slider).value = share;
      slider.setAttribute('aria-valuetext', text);
      output.textContent = text;
    });
  }

  // ---- From A to B --------------------------------------------------------------------------------

  async function showStrip() {
    const { a, b, prior, klass, stillWanted } = now;
    await app.work(async (engine, facts) => {
      const latents = new Float32Array(STEPS * facts.latent);
      for (let step = 0; step < STEPS; step += 1) latents.set(interpolate(a, b, step / (STEPS - 1), prior.normal), step * facts.latent);
      const { pixels } = await engine.decode(latents, klass);
      if (!stillWanted()) return;
      resize(strip, STEPS * facts.width, facts.height);
      for (let step = 0; step < STEPS; step += 1) paintAt(contextOf(strip), pixels, facts, step, step * facts.width, 0);
    }, stillWanted);
  }

  /** @param {number} part */
  function goAlong(part) {
    if (!now) return;
    map.hold();
    app.note({ along: Math.round(part * 1000) / 1000, code: new Map() });
    move();
  }

  function pause() {
    cancelAnimationFrame(frame);
    clearTimeout(frame);
    frame = 0;
    play.textContent = 'Play';
  }

  /** Goes there and back, in a few steps for those who want little motion. */
  function start() {
    play.textContent = 'Pause';
    if (calm()) {
      let step = Math.round(app.wanted.along * (STEPS - 1));
      const next = () => {
        step += 1;
        goAlong(Math.abs((step + STEPS - 1) % (2 * (STEPS - 1)) - (STEPS - 1)) / (STEPS - 1));
        frame = window.setTimeout(next, 1000);
      };
      frame = window.setTimeout(next, 0);
      return;
    }
    const begin = performance.now() - app.wanted.along * TRIP;
    const next = (/** @type {number} */ time) => {
      const trips = Math.max(0, time - begin) / TRIP % 2;
      goAlong(trips < 1 ? trips : 2 - trips);
      frame = requestAnimationFrame(next);
    };
    frame = requestAnimationFrame(next);
  }

  along.addEventListener('input', () => {
    pause();
    goAlong(Number(along.value));
  });
  play.addEventListener('click', () => (frame ? pause() : start()));
  strip.addEventListener('click', ({ offsetX }) => {
    pause();
    goAlong(Math.min(1, Math.max(0, (offsetX / strip.clientWidth * STEPS - 0.5) / (STEPS - 1))));
  });

  return {
    /** @param {() => boolean} stillWanted */
    async show(stillWanted) {
      pause();
      const { seed, temperature, ends: [first, last] } = app.wanted;
      const place = await app.work(async (engine, facts) => {
        if (facts.family === 'classifier') throw new Error(`The model ${facts.name} is a classifier: it has no latent space`);
        const klass = app.classOf(facts, first);
        const [a, b] = [await engine.latents(seed, first, 1, klass, temperature), await engine.latents(seed, last, 1, klass, temperature)];
        return { facts, klass, a, b, prior: await priorOf(engine, facts), stillWanted };
      }, stillWanted);
      await map.open(place);
      if (!stillWanted()) return;
      const { facts, klass, a, b, prior } = place;
      const way = Array.from({ length: 33 }, (_, step) => interpolate(a, b, step / 32, prior.normal));
      now = { ...place, way };
      laySliders(Math.min(SLIDERS, facts.latent));
      manner.textContent = `Samples ${first} and ${last} of the seed. The path is ${
        prior.normal ? 'an arc around the origin, where normally distributed latents lie.' : 'a straight line.'}`;
      await move();
      await showStrip();
      if (!stillWanted()) return;
      app.tell(null, `The latent space of ${facts.name}${klass === null ? '' : `, class ${facts.classes[klass]}`}.`);
    },

    clear() {
      pause();
      now = null;
      wipe(big);
      wipe(strip);
      map.clear();
      where.textContent = '';
      laySliders(0);
    },

    hide: pause,
  };
}
