/**
 * Keeps the page for when there is no network. What the network gives goes first, so that a page is never older than its site and its files
 * always fit together; what was kept serves when the network gives nothing.
 */

/** Another name makes browsers forget what was kept under the old one. */
const CACHE = 'imago-1';

self.addEventListener('install', () => self.skipWaiting());

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith('imago-') && name !== CACHE).map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

self.addEventListener('message', (event) => {
  const { keep } = event.data ?? {};
  if (Array.isArray(keep)) event.waitUntil(Promise.all(keep.map(keepIfMissing)));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method === 'GET' && new URL(request.url).origin === self.location.origin) event.respondWith(answer(event));
});

async function answer(event) {
  const { request } = event;
  try {
    const response = await fetch(request);
    if (response.ok) event.waitUntil(put(request.url, response.clone()));
    return response;
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(keyOf(request.url), { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

async function keepIfMissing(url) {
  const cache = await caches.open(CACHE);
  if (await cache.match(keyOf(url), { ignoreVary: true })) return;
  const response = await fetch(url).catch(() => null);
  if (response?.ok) await put(url, response);
}

async function put(url, response) {
  await (await caches.open(CACHE)).put(keyOf(url), response).catch(() => { /* the disk is full: then there is no copy */ });
}

/** An address without what only the page reads of it. */
function keyOf(url) {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
