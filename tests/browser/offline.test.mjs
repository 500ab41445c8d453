/** Once loaded, the page works offline, and it is never older than its site. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, modelNames, PATIENCE, gridOf, assertLively, assertSame, settled, visit, web } from './site.mjs';
import { serve } from './server.mjs';

const workshop = mkdtempSync(join(tmpdir(), 'imago-offline-'));
let browser;
before(async () => {
  cpSync(web, workshop, { recursive: true, filter: (path) => !path.endsWith('.gz') });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(workshop, { recursive: true, force: true });
});

const NEEDED = ['/', 'weights.bpk', 'index.json', 'style.css', 'views.css', 'js/models.js', 'js/worker.js', 'js/views/inside.js', 'cpu/imago.js',
  'cpu/imago_bg.wasm'];

/** Waits until the files of the page are cached, including views that were not opened. */
async function cached(page) {
  for (;;) {
    const urls = await page.evaluate(async () => (await (await caches.open('imago-1')).keys()).map(({ url }) => url));
    if (NEEDED.every((end) => urls.some((url) => url.endsWith(end)))) return;
    await page.waitForTimeout(100);
  }
}

test('the page and all its views work offline', { timeout: PATIENCE }, async (t) => {
  const server = await serve(workshop);
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  const address = `${server.url}?model=${modelNames()[0]}&seed=7&backend=cpu`;
  await visit(page, address);
  const before = await gridOf(page);
  await cached(page);
  await server.close();

  await visit(page, address);
  assertSame(await gridOf(page), before);
  for (const view of ['latent', 'compare', 'inside', 'generate']) {
    await page.locator(`#tab-${view}`).click();
    await settled(page);
  }
  await page.locator('#fresh').click();
  await settled(page);
  assertLively(await gridOf(page));
  assert.deepEqual(errors, []);
});

test('a changed page is shown as it is now, in spite of the cache', { timeout: PATIENCE }, async (t) => {
  // The browser revalidates its own cache, so only the service worker can serve old files.
  const caching = 'no-cache';
  const server = await serve(workshop, { caching });
  const context = await browser.newContext();
  t.after(async () => { await context.close(); await server.close(); });
  const page = await context.newPage();
  await visit(page, server.url);
  await cached(page);
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
  const file = join(workshop, 'js/models.js');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, before.replaceAll("'Clothing'", "'Garments'"));
  t.after(() => writeFileSync(file, before));
  await page.reload();
  await settled(page);
  assert.equal(await page.evaluate(() => navigator.serviceWorker.controller?.state), 'activated', 'the worker does not serve the page');
  assert.equal(await page.locator('#models [aria-label="Garments"]').count(), 1);
  assert.match(await page.evaluate(async () => (await fetch(new URL('js/models.js', document.baseURI))).text()), /'Garments'/);
});
