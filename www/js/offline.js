// @ts-check
/** Makes the page work offline: a service worker caches its files. */

/**
 * Caches the files that the page has used, all its views and the model in `folder`.
 * @param {(() => Promise<unknown>)[]} views
 * @param {string | null} folder
 */
export async function keepForOffline(views, folder) {
  if (!navigator.serviceWorker) return;
  try {
    await Promise.all(views.map((view) => view()));
    await navigator.serviceWorker.register(new URL('../sw.js', import.meta.url));
    const { active } = await navigator.serviceWorker.ready;
    const used = performance.getEntriesByType('resource').map(({ name }) => name);
    const model = folder ? ['model.ron', 'weights.bpk'].map((file) => `${folder}/${file}`) : [];
    const files = [document.baseURI, ...used, ...model].map((file) => new URL(file, document.baseURI));
    active?.postMessage({ keep: files.filter(({ origin }) => origin === location.origin).map(({ href }) => href) });
  } catch {
    // The page works without the cache.
  }
}
