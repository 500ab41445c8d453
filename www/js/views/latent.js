// @ts-check
/** The latent space: a point on a map and its image, sliders, and an interpolation. */
import { priorOf } from '../latents.js';
import { reducedMotion, decimals, make } from '../dom.js';
import { interpolate, cdf, quantile } from '../normal-distribution.js';
import { LatentMap } from '../latent-map.js';
import { latestOnly } from '../latest.js';
import { contextOf, paint, paintAt, resize, wipe } from '../pixels.js';
import { showStatus } from '../status.js';

/** The most values that get a slider. */
const SLIDERS = 16;
/** Images of the interpolation. */
const STEPS = 10;
/** Milliseconds from A to B. */
const DURATION = 5000;

/**
 * @param {HTMLElement} panel
 * @param {import('../main.js').App} app
 */
export function create(panel, app) {
  const big = make('canvas', { class: 'big', role: 'img', 'aria-label': 'No image yet' });
  const caption = make('p', { class: 'hint coordinates' });
  const map = new LatentMap(app, 'Map of the latent space', (dims, x, y, byKey) => set([[dims[0], x], [dims[1], y]], byKey), true);
  const values = make('div', { class: 'values' });
  const strip = make('canvas', { class: 'strip', role: 'img', 'aria-label': `${STEPS} images interpolated from A to B` });
  const along = make('input', { type: 'range', min: 0, max: 1, step: 0.01, 'aria-label': 'Position from A to B' });
  const play = make('button', { type: 'button' }, 'Play');
  const ends = ['A', 'B'].map((name, end) => {
    const button = make('button', { type: 'button' }, `New ${name}`);
    button.addEventListener('click', () => {
      const next = /** @type {[number, number]} */ ([...app.state.ends]);
      next[end] = Math.max(...app.state.ends) + 1;
      app.update({ ends: next, edits: new Map() });
    });
    return button;
  });
  const method = make('p', { class: 'hint' });
  panel.append(make('div', { class: 'latent' },
    make('div', { class: 'subject' }, big, caption),
    map.root,
    make('section', { class: 'interpolation', 'aria-label': 'Interpolation' },
      make('h2', {}, 'Interpolation from A to B'), strip, along, make('div', { class: 'row' }, play, ...ends), method),
    make('section', { class: 'sliders', 'aria-label': 'Latent values' }, make('h2', {}, 'Latent values'), values)));

  /** The latents A and B, the path between them, their prior and model. @type {any} */
  let current = null;
  let frame = 0;

  /** The current latent: interpolated between A and B, with the values that were set by hand. */
  function currentLatent() {
    const latent = interpolate(current.a, current.b, app.state.along, current.prior.normal);
    for (const [at, value] of app.state.edits) if (at < latent.length) latent[at] = value;
    return latent;
  }

  /**
   * Shows the current latent: its position at once, its image when it is decoded.
   * @param {boolean} [announce]
   */
  function move(announce = false) {
    if (!current) return;
    const latent = currentLatent();
    const words = [...new Set(map.dims)].map((at) => decimals(latent[at])).join(', ');
    map.show(latent, { path: current.path });
    showValues(latent);
    along.value = String(app.state.along);
    caption.textContent = latent.length <= 2 ? `Latent ${words}` : `Latent ${words} and ${latent.length - 2} more values`;
    if (announce) showStatus(`Latent ${words}`);
    return app.attempt(() => decode(latent));
  }

  const decode = latestOnly(async (/** @type {Float32Array} */ latent) => {
    const { isCurrent, klass } = current;
    const words = caption.textContent ?? '';
    const { pixels, milliseconds, facts } = await app.withModel(async (engine, facts) => (
      { ...await engine.decode(latent, klass), facts }), isCurrent);
    if (!isCurrent()) return;
    paint(big, pixels, facts);
    big.setAttribute('aria-label', `${words}, decoded`);
    app.showTime(milliseconds);
  });

  /** Sets values by hand. @param {[number, number][]} changes @param {boolean} [announce] */
  function set(changes, announce) {
    if (!current) return;
    pause();
    app.setState({ edits: new Map([...app.state.edits, ...changes]) });
    move(announce);
  }

  // ---- Sliders ----------------------------------------------------------------------------------

  /** @param {number} count */
  function layOutSliders(count) {
    while (values.children.length > count) values.lastElementChild?.remove();
    for (let at = values.children.length; at < count; at += 1) {
      const slider = make('input', { type: 'range', min: 0.001, max: 0.999, step: 0.001, 'aria-label': `Latent value ${at + 1}` });
      slider.addEventListener('input', () => {
        const { mean, std } = current.prior;
        map.hold();
        set([[at, Math.round((mean[at] + std[at] * quantile(Number(slider.value))) * 1000) / 1000]]);
      });
      values.append(make('div', {}, make('span', { 'aria-hidden': 'true' }, String(at + 1)), slider, make('output')));
    }
  }

  /** A slider shows the cumulative probability of its value. @param {Float32Array} latent */
  function showValues(latent) {
    const { mean, std } = current.prior;
    [...values.children].forEach((row, at) => {
      const [, slider, output] = row.children;
      const text = decimals(latent[at]);
      const probability = String(cdf((latent[at] - mean[at]) / std[at]));
      if (slider !== document.activeElement) /** @type {HTMLInputElement} */ (slider).value = probability;
      slider.setAttribute('aria-valuetext', text);
      output.textContent = text;
    });
  }

  // ---- Interpolation ----------------------------------------------------------------------------

  async function showStrip() {
    const { a, b, prior, klass, isCurrent } = current;
    await app.withModel(async (engine, facts) => {
      const latents = new Float32Array(STEPS * facts.latent);
      for (let step = 0; step < STEPS; step += 1) latents.set(interpolate(a, b, step / (STEPS - 1), prior.normal), step * facts.latent);
      const { pixels } = await engine.decode(latents, klass);
      if (!isCurrent()) return;
      resize(strip, STEPS * facts.width, facts.height);
      for (let step = 0; step < STEPS; step += 1) paintAt(contextOf(strip), pixels, facts, step, step * facts.width, 0);
    }, isCurrent);
  }

  /** @param {number} t the position from A to B, 0 to 1 */
  function goTo(t) {
    if (!current) return;
    map.hold();
    app.setState({ along: Math.round(t * 1000) / 1000, edits: new Map() });
    move();
  }

  function pause() {
    cancelAnimationFrame(frame);
    clearTimeout(frame);
    frame = 0;
    play.textContent = 'Play';
  }

  /** Plays the interpolation back and forth, in discrete steps with reduced motion. */
  function start() {
    play.textContent = 'Pause';
    if (reducedMotion()) {
      let step = Math.round(app.state.along * (STEPS - 1));
      const next = () => {
        step += 1;
        goTo(Math.abs((step + STEPS - 1) % (2 * (STEPS - 1)) - (STEPS - 1)) / (STEPS - 1));
        frame = window.setTimeout(next, 1000);
      };
      frame = window.setTimeout(next, 0);
      return;
    }
    const begin = performance.now() - app.state.along * DURATION;
    const next = (/** @type {number} */ time) => {
      const phase = Math.max(0, time - begin) / DURATION % 2;
      goTo(phase < 1 ? phase : 2 - phase);
      frame = requestAnimationFrame(next);
    };
    frame = requestAnimationFrame(next);
  }

  along.addEventListener('input', () => {
    pause();
    goTo(Number(along.value));
  });
  play.addEventListener('click', () => (frame ? pause() : start()));
  strip.addEventListener('click', ({ offsetX }) => {
    pause();
    goTo(Math.min(1, Math.max(0, (offsetX / strip.clientWidth * STEPS - 0.5) / (STEPS - 1))));
  });

  return {
    /** @param {() => boolean} isCurrent */
    async show(isCurrent) {
      pause();
      const { seed, temperature, ends: [first, last] } = app.state;
      const source = await app.withModel(async (engine, facts) => {
        if (facts.family === 'classifier') throw new Error(`The model ${facts.name} is a classifier: it has no latent space`);
        const klass = app.classOf(facts, first);
        const [a, b] = [await engine.latents(seed, first, 1, klass, temperature), await engine.latents(seed, last, 1, klass, temperature)];
        return { facts, klass, a, b, prior: await priorOf(engine, facts), isCurrent };
      }, isCurrent);
      await map.open(source);
      if (!isCurrent()) return;
      const { facts, klass, a, b, prior } = source;
      const path = Array.from({ length: 33 }, (_, step) => interpolate(a, b, step / 32, prior.normal));
      current = { ...source, path };
      layOutSliders(Math.min(SLIDERS, facts.latent));
      method.textContent = `A and B are samples ${first} and ${last} of the seed. The interpolation is ${prior.normal ? 'spherical' : 'linear'}.`;
      await move();
      await showStrip();
      if (!isCurrent()) return;
      app.report(null, `Latent space of ${facts.name}${klass === null ? '' : `, class ${facts.classes[klass]}`}.`);
    },

    clear() {
      pause();
      current = null;
      wipe(big);
      wipe(strip);
      map.clear();
      caption.textContent = '';
      layOutSliders(0);
    },

    hide: pause,
  };
}
