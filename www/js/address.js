/**
 * The page's address carries what it shows: `?model=mnist-cvae&seed=7&class=3&backend=cpu`.
 * Without `class` all classes are drawn, and without `backend` the page chooses by itself.
 */

/** The largest seed: seeds are unsigned 32-bit numbers. */
export const MAX_SEED = 0xffffffff;

/** A seed from text, or null where it is none. */
export function parseSeed(text) {
  if (!/^\d{1,10}$/.test(text ?? '')) return null;
  const seed = Number(text);
  return seed <= MAX_SEED ? seed : null;
}

/** A seed that nobody chose. */
export function freshSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

/** The number of a class from text, or null where it is none. */
function parseClass(text) {
  return /^\d{1,4}$/.test(text ?? '') ? Number(text) : null;
}

/** What the address asks for; null for each part that it leaves open. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const backend = query.get('backend');
  return {
    model: query.get('model'),
    seed: parseSeed(query.get('seed')),
    class: parseClass(query.get('class')),
    backend: backend === 'cpu' || backend === 'webgpu' ? backend : null,
  };
}

/** Makes the address the link to what the page shows now. */
export function writeAddress({ model, seed, class: klass, backend }) {
  const query = new URLSearchParams({ model, seed });
  if (klass !== null) query.set('class', klass);
  if (backend) query.set('backend', backend);
  history.replaceState(null, '', `?${query}`);
}
