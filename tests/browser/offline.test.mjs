/** Once it was loaded, the page works without a network, and it is never older than its site. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, modelNames, PATIENCE, picture, assertLively, assertSame, settled, visit, web } from './site.mjs';
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

/** Waits until what the page needs is kept: one file of each kind, each in the way of the others. */
const kept = (page) => page.waitForFunction(async () => {
  const keys = (await (await caches.open('imago-1')).keys()).map(({ url }) => url);
  const needed = ['/', 'weights.bpk', 'index.json', 'style.css', 'views.css', 'js/models.js', 'js/worker.js', 'js/views/inside.js', 'cpu/imago.js',
    'cpu/imago_bg.wasm'];
  return needed.every((end) => keys.some((url) => url.endsWith(end)));
});

test('the page is shown again when the network is gone, with all its views', { timeout: PATIENCE }, async (t) => {
  const server = await serve(workshop);
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  const address = `${server.url}?model=${modelNames()[0]}&seed=7&backend=cpu`;
  await visit(page, address);
  const before = await picture(page);
  await kept(page);
  await server.close();

  await visit(page, address);
  assertSame(await picture(page), before);
  for (const view of ['latent', 'compare', 'inside', 'generate']) {
    await page.locator(`#tab-${view}`).click();
    await settled(page);
  }
  await page.locator('#fresh').click();
  await settled(page);
  assertLively(await picture(page));
  assert.deepEqual(errors, []);
});

test('a page that changed is shown as it is now, in spite of what was kept', { timeout: PATIENCE }, async (t) => {
  let server = await serve(workshop);
  const context = await browser.newContext();
  t.after(async () => { await context.close(); await server.close(); });
  const page = await context.newPage();
  await visit(page, server.url);
  await kept(page);
  const file = join(workshop, 'js/models.js');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, before.replace("'Clothing'", "'Garments'").replaceAll("'Clothing'", "'Garments'"));
  t.after(() => writeFileSync(file, before));
  await server.close(); // which has the packed file of before
  server = await serve(workshop, { port: Number(new URL(server.url).port) });
  // It lets files be kept for ten minutes, so the browser is asked to look again.
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  await cdp.send('Network.clearBrowserCache');
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
  await page.reload();
  await settled(page);
  assert.equal(await page.evaluate(() => navigator.serviceWorker.controller?.state), 'activated', 'the worker does not serve the page');
  assert.equal(await page.locator('#models [aria-label="Garments"]').count(), 1);
});
