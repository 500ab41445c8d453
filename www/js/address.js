// @ts-check
/**
 * The state in the address: `?view=latent&model=mnist-vae&seed=7&code=0:0.5,1:-1.2&backend=cpu`.
 * Defaults are left out. Without `class`, all classes are sampled; without `backend`, the page
 * chooses one.
 */

/** The views; the first is the default. */
export const VIEWS = ['generate', 'latent', 'draw', 'compare', 'inside', 'train'];

/** The sample counts on offer. */
export const COUNTS = [16, 64, 144];

/** Seeds are unsigned 32-bit numbers. */
export const MAX_SEED = 0xffffffff;

/** The largest index of a sample or dimension. */
const MAX_INDEX = 9999;

/**
 * What the page should show.
 * @typedef {object} PageState
 * @property {string} view
 * @property {string | null} model       a published model, or the path of a folder of this site
 * @property {number} seed
 * @property {number | null} class       null means all classes in turn
 * @property {number} count              samples in the grid
 * @property {number} temperature        scales the standard deviation of the latents
 * @property {number} sample             the sample in the Inside view
 * @property {number | null} test        the test image in the Inside and Draw views
 * @property {Map<number, number>} edits latent values that were set by hand, by dimension
 * @property {Map<number, number>} drawingEdits the same for the latent of a drawing
 * @property {[number, number]} dims     the dimensions on the map
 * @property {[number, number]} ends     the samples A and B to interpolate between
 * @property {number} along              the position from A to B, 0 to 1
 * @property {string[]} others           the models to compare with the first
 * @property {'cpu' | 'webgpu' | null} backend
 */

/**
 * Parses a whole number; null if it is not one or too large.
 * @param {string | null} text
 * @param {number} largest
 */
function whole(text, largest) {
  if (!/^\d{1,10}$/.test(text ?? '')) return null;
  const number = Number(text);
  return number <= largest ? number : null;
}

/** Parses a seed; null if it is not one. @param {string | null} text */
export const parseSeed = (text) => whole(text, MAX_SEED);

/** A random seed. */
export function freshSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

/**
 * Parses a decimal number; null if it is not one or out of range.
 * @param {string | null | undefined} text
 * @param {number} min
 * @param {number} max
 */
function decimal(text, min, max) {
  if (!/^-?\d{1,4}(\.\d{1,6})?$/.test(text ?? '')) return null;
  const number = Number(text);
  return number >= min && number <= max ? number : null;
}

/**
 * Parses two whole numbers, as in `0,1`.
 * @param {string | null} text
 * @param {[number, number]} fallback
 * @returns {[number, number]}
 */
function pair(text, fallback) {
  const [first, second, ...more] = (text ?? '').split(',').map((part) => whole(part, MAX_INDEX));
  return first === null || second === null || second === undefined || more.length > 0 ? fallback : [first, second];
}

/** Parses values by dimension, as in `0:0.5,3:-1`. @param {string | null} text */
function parseEdits(text) {
  /** @type {Map<number, number>} */
  const edits = new Map();
  for (const part of (text ?? '').split(',')) {
    const [dimension, value] = part.split(':');
    const [at, number] = [whole(dimension, MAX_INDEX), decimal(value, -9999, 9999)];
    if (at !== null && number !== null) edits.set(at, number);
  }
  return edits;
}

/**
 * The state in the address, with a random seed if it has none.
 * @returns {PageState}
 */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const backend = query.get('backend');
  const view = VIEWS.find((one) => one === query.get('view')) ?? VIEWS[0];
  const edits = parseEdits(query.get('code'));
  return {
    view,
    model: query.get('model'),
    seed: parseSeed(query.get('seed')) ?? freshSeed(),
    class: whole(query.get('class'), 9999),
    count: COUNTS.find((count) => String(count) === query.get('count')) ?? 64,
    temperature: decimal(query.get('temperature'), 0.1, 1.5) ?? 1,
    sample: whole(query.get('sample'), MAX_INDEX) ?? 0,
    test: whole(query.get('test'), 59),
    edits: view === 'draw' ? new Map() : edits,
    drawingEdits: view === 'draw' ? edits : new Map(),
    dims: pair(query.get('dims'), [0, 1]),
    ends: pair(query.get('ends'), [0, 1]),
    along: decimal(query.get('along'), 0, 1) ?? 0,
    others: (query.get('with') ?? '').split(',').filter(Boolean).slice(0, 2),
    backend: backend === 'cpu' || backend === 'webgpu' ? backend : null,
  };
}

/**
 * The query of an address that restores a state.
 * @param {PageState} state
 */
export function queryFor(state) {
  const { view, model, seed, class: klass, count, temperature, sample, test, edits, drawingEdits, dims, ends, along, others, backend } = state;
  const [latent, draw, inside] = [view === 'latent', view === 'draw', view === 'inside'];
  const values = [...draw ? drawingEdits : edits].sort(([a], [b]) => a - b).map(([dimension, value]) => `${dimension}:${value}`).join();
  /** @type {[string, unknown][]} */
  const parts = [
    ['view', view === VIEWS[0] ? null : view],
    ['model', model],
    ['seed', seed],
    ['class', klass],
    ['count', view === 'generate' && count !== 64 ? count : null],
    ['temperature', temperature === 1 ? null : temperature],
    ['sample', inside && sample !== 0 ? sample : null],
    ['test', inside || draw ? test : null],
    ['code', latent || draw ? values || null : null],
    ['dims', (latent || draw) && dims.join() !== '0,1' ? dims.join() : null],
    ['ends', latent && ends.join() !== '0,1' ? ends.join() : null],
    ['along', latent && along !== 0 ? along : null],
    ['with', view === 'compare' && others.length > 0 ? others.join() : null],
    ['backend', backend],
  ];
  const given = parts.filter(([, value]) => value !== null);
  return `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value)).replace(/%(2C|2F|3A)/g, decodeURIComponent)}`).join('&')}`;
}

/** Milliseconds between changes of the address: browsers block pages that change it too often. */
const PAUSE = 250;

let lastWritten = -PAUSE;
/** @type {Promise<void> | null} */
let writing = null;

/**
 * Writes the state into the address, now or soon. A `step` can be undone with the browser's back
 * button.
 * @param {PageState} state
 * @param {boolean} [step]
 * @returns {Promise<void>} when it is
 */
export function writeAddress(state, step = false) {
  const write = () => {
    lastWritten = performance.now();
    history[step ? 'pushState' : 'replaceState'](null, '', queryFor(state));
  };
  const pause = lastWritten + PAUSE - performance.now();
  if (!step && writing) return writing;
  if (step || pause <= 0) {
    write();
    return Promise.resolve();
  }
  writing = new Promise((resolve) => setTimeout(() => {
    writing = null;
    write();
    resolve();
  }, pause));
  return writing;
}

/** Resolves when the address holds the latest state. */
export const addressWritten = () => writing ?? Promise.resolve();
