// @ts-check
/**
 * The page's address carries what it shows: `?view=latent&model=mnist-vae&seed=7&code=0:0.5,1:-1.2&backend=cpu`.
 * What has its usual value is left out. Without `class` all classes are drawn, and without `backend` the page chooses by itself.
 */

/** The views, the first of which an address without one opens. */
export const VIEWS = ['generate', 'latent', 'draw', 'compare', 'inside', 'train'];

/** How many samples there may be. */
export const COUNTS = [16, 64, 144];

/** The largest seed: seeds are unsigned 32-bit numbers. */
export const MAX_SEED = 0xffffffff;

/** The largest number of a sample. */
const MAX_SAMPLE = 9999;

/**
 * What the person asked for.
 * @typedef {object} Wanted
 * @property {string} view
 * @property {string | null} model       a published model, or the path of a folder of this site
 * @property {number} seed
 * @property {number | null} class       null draws all classes
 * @property {number} count              samples on the sheet
 * @property {number} temperature        a factor for the standard deviation of the latents
 * @property {number} sample             the sample that is looked into
 * @property {number | null} test        the test image that is looked at or drawn after
 * @property {Map<number, number>} code  values of the latent that were set by hand, by dimension
 * @property {Map<number, number>} nudge the same of the latent of a drawing
 * @property {[number, number]} dims     the dimensions on the pad
 * @property {[number, number]} ends     the samples between which the latent may move
 * @property {number} along              how far it is on that way, 0 to 1
 * @property {string[]} others           the models beside the first in a comparison
 * @property {'cpu' | 'webgpu' | null} backend
 */

/**
 * A whole number from text, or null where it is none or too large.
 * @param {string | null} text
 * @param {number} largest
 */
function whole(text, largest) {
  if (!/^\d{1,10}$/.test(text ?? '')) return null;
  const number = Number(text);
  return number <= largest ? number : null;
}

/** @param {string | null} text a seed, or null where it is none */
export const parseSeed = (text) => whole(text, MAX_SEED);

/** A seed that nobody chose. */
export function freshSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

/**
 * A decimal number from text, or null where it is none or out of range.
 * @param {string | null | undefined} text
 * @param {number} least
 * @param {number} most
 */
function decimal(text, least, most) {
  if (!/^-?\d{1,4}(\.\d{1,6})?$/.test(text ?? '')) return null;
  const number = Number(text);
  return number >= least && number <= most ? number : null;
}

/**
 * Two whole numbers as in `0,1`.
 * @param {string | null} text
 * @param {[number, number]} usual
 * @returns {[number, number]}
 */
function pair(text, usual) {
  const [first, second, ...more] = (text ?? '').split(',').map((part) => whole(part, MAX_SAMPLE));
  return first === null || second === null || second === undefined || more.length > 0 ? usual : [first, second];
}

/** @param {string | null} text values by dimension, as in `0:0.5,3:-1` */
function parseCode(text) {
  /** @type {Map<number, number>} */
  const code = new Map();
  for (const part of (text ?? '').split(',')) {
    const [dimension, value] = part.split(':');
    const [at, number] = [whole(dimension, MAX_SAMPLE), decimal(value, -9999, 9999)];
    if (at !== null && number !== null) code.set(at, number);
  }
  return code;
}

/**
 * What the address asks for; the seed is a fresh one where it names none.
 * @returns {Wanted}
 */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const backend = query.get('backend');
  const view = VIEWS.find((one) => one === query.get('view')) ?? VIEWS[0];
  const code = parseCode(query.get('code'));
  return {
    view,
    model: query.get('model'),
    seed: parseSeed(query.get('seed')) ?? freshSeed(),
    class: whole(query.get('class'), 9999),
    count: COUNTS.find((count) => String(count) === query.get('count')) ?? 64,
    temperature: decimal(query.get('temperature'), 0.1, 1.5) ?? 1,
    sample: whole(query.get('sample'), MAX_SAMPLE) ?? 0,
    test: whole(query.get('test'), 59),
    code: view === 'draw' ? new Map() : code,
    nudge: view === 'draw' ? code : new Map(),
    dims: pair(query.get('dims'), [0, 1]),
    ends: pair(query.get('ends'), [0, 1]),
    along: decimal(query.get('along'), 0, 1) ?? 0,
    others: (query.get('with') ?? '').split(',').filter(Boolean).slice(0, 2),
    backend: backend === 'cpu' || backend === 'webgpu' ? backend : null,
  };
}

/**
 * The query of an address that shows what is wanted.
 * @param {Wanted} wanted
 */
export function queryFor(wanted) {
  const { view, model, seed, class: klass, count, temperature, sample, test, code, nudge, dims, ends, along, others, backend } = wanted;
  const [latent, draw, inside] = [view === 'latent', view === 'draw', view === 'inside'];
  const set = [...draw ? nudge : code].sort(([a], [b]) => a - b).map(([dimension, value]) => `${dimension}:${value}`).join();
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
    ['code', latent || draw ? set || null : null],
    ['dims', (latent || draw) && dims.join() !== '0,1' ? dims.join() : null],
    ['ends', latent && ends.join() !== '0,1' ? ends.join() : null],
    ['along', latent && along !== 0 ? along : null],
    ['with', view === 'compare' && others.length > 0 ? others.join() : null],
    ['backend', backend],
  ];
  const given = parts.filter(([, value]) => value !== null);
  return `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value)).replace(/%(2C|2F|3A)/g, decodeURIComponent)}`).join('&')}`;
}

/** Milliseconds between two changes of the address: browsers take offence at one that follows every move of a finger. */
const PAUSE = 250;

let lastWritten = -PAUSE;
/** @type {Promise<void> | null} */
let writing = null;

/**
 * Makes the address the link to what the page shows now, or soon. Another view is a step that the browser's back button undoes.
 * @param {Wanted} wanted
 * @param {boolean} [step]
 * @returns {Promise<void>} when it is
 */
export function writeAddress(wanted, step = false) {
  const write = () => {
    lastWritten = performance.now();
    history[step ? 'pushState' : 'replaceState'](null, '', queryFor(wanted));
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

/** Resolves when the address is the link to what was wanted last. */
export const addressWritten = () => writing ?? Promise.resolve();
