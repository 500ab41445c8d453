/**
 * The page's address carries what it shows: `?model=mnist-vae&seed=7&backend=cpu`.
 * Without `backend` the page chooses by itself.
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

/** What the address asks for; null for each part that it leaves open. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const backend = query.get('backend');
  return {
    model: query.get('model'),
    seed: parseSeed(query.get('seed')),
    backend: backend === 'cpu' || backend === 'webgpu' ? backend : null,
  };
}

/** Makes the address the link to what the page shows now. */
export function writeAddress({ model, seed, backend }) {
  const query = new URLSearchParams({ model, seed });
  if (backend) query.set('backend', backend);
  history.replaceState(null, '', `?${query}`);
}
