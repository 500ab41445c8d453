/**
 * Makes the page work offline. The network comes first, so that the page is never older than its
 * site and its files fit together; the cache serves when the network fails.
 */

/** A new name makes browsers drop the old cache. */
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
    const cached = await (await caches.open(CACHE)).match(keyOf(request.url), { ignoreVary: true });
    if (cached) return cached;
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
  await (await caches.open(CACHE)).put(keyOf(url), response).catch(() => { /* the disk is full */ });
}

/** An address without query and fragment, which only the page reads. */
function keyOf(url) {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
