/** Bad files and missing devices give a message, and the page keeps working. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  assertLively, badgeOf, modelNames, newPage, openSite, PATIENCE, gridOf, pick, queryOf, settled, statusOf, visit, web,
} from './site.mjs';

const [broken, sound] = modelNames();

let site;
before(async () => {
  assert.ok(sound, 'these tests need two models in models/index.json');
  site = await openSite();
});
after(() => site?.close());

const weights = () => readFileSync(`${web}/models/${broken}/weights.bpk`);

const files = [
  ['truncated weights', 'weights.bpk', () => ({ body: weights().subarray(0, weights().length / 2) })],
  ['weights with one byte changed', 'weights.bpk', () => {
    const body = weights();
    body[body.length >> 1] ^= 0x10;
    return { body };
  }],
  ['a model that is not RON', 'model.ron', () => ({ body: '<html>not here</html>' })],
  ['weights that are not there', 'weights.bpk', () => ({ status: 404, body: 'not found' })],
  ['a model that is not there', 'model.ron', () => ({ status: 404, body: 'not found' })],
];

for (const [what, file, answer] of files) {
  test(`${what}: the status names ${file}, and the other model still works`, { timeout: PATIENCE }, async (t) => {
    const { page, pageErrors } = await newPage(t, site, (page) => (
      page.route(`**/models/${broken}/${file}`, (route) => route.fulfill(answer()))));
    await page.goto(`${site.url}?model=${broken}&seed=7&backend=cpu`);
    await settled(page);
    const said = await statusOf(page);
    t.diagnostic(said);
    assert.ok(said.includes(file), `the status line says "${said}"`);
    if (answer().status === 404) assert.match(said, /HTTP 404/);
    await pick(page, sound);
    await settled(page);
    assertLively(await gridOf(page));
    assert.ok(!(await statusOf(page)).includes(file));
    assert.deepEqual(pageErrors, []);
  });
}

test('a repaired model can be sampled without reloading the page', { timeout: PATIENCE }, async (t) => {
  const pattern = `**/models/${broken}/weights.bpk`;
  const { page } = await newPage(t, site, (page) => page.route(pattern, (route) => route.fulfill({ status: 503, body: '' })));
  await page.goto(`${site.url}?model=${broken}&backend=cpu`);
  await settled(page);
  assert.match(await statusOf(page), /weights\.bpk.*HTTP 503/);
  await page.unroute(pattern);
  await page.locator('#fresh').click();
  await settled(page);
  assertLively(await gridOf(page));
});

test('without models the page says which file is missing', { timeout: PATIENCE }, async (t) => {
  const { page, pageErrors } = await newPage(t, site, (page) => (
    page.route('**/models/index.json', (route) => route.fulfill({ status: 404, body: '' }))));
  await page.goto(site.url);
  await settled(page);
  assert.match(await statusOf(page), /models\/index\.json.*HTTP 404/);
  assert.deepEqual(pageErrors, []);
});

/** Requests WebGPU where it fails, and checks that the CPU takes over and the page says so. */
async function assertFallsBack(t, prepare, reason) {
  const { page, pageErrors } = await newPage(t, site, prepare);
  await visit(page, `${site.url}?model=${sound}&seed=7&backend=webgpu`);
  assertLively(await gridOf(page));
  const said = await statusOf(page);
  t.diagnostic(said);
  assert.match(said, /WebGPU is not available here/);
  assert.match(said, reason);
  assert.match(await badgeOf(page), /^CPU, SIMD \(no WebGPU\)/);
  assert.equal(queryOf(page).backend, 'webgpu');
  await pick(page, broken);
  await settled(page);
  assertLively(await gridOf(page));
  assert.match(await badgeOf(page), /^CPU, SIMD \(no WebGPU\)/);
  assert.deepEqual(pageErrors, []);
}

test('a browser without WebGPU falls back to the CPU and says so', { timeout: PATIENCE }, (t) => (
  assertFallsBack(t, (page) => page.addInitScript(() => delete Navigator.prototype.gpu), /no WebGPU adapter/)));

test('if the WebGPU module cannot be fetched, the page falls back to the CPU', { timeout: PATIENCE }, (t) => (
  assertFallsBack(t, (page) => page.route('**/wasm/webgpu/imago_bg.wasm', (route) => route.fulfill({ status: 404, body: '' })),
    /imago_bg\.wasm.*HTTP 404/)));

test('if the WebGPU glue cannot be loaded, the page falls back to the CPU', { timeout: PATIENCE }, (t) => (
  assertFallsBack(t, (page) => page.route('**/wasm/webgpu/imago.js', (route) => route.fulfill({ status: 500, body: '' })),
    /Cannot load wasm\/webgpu\/imago\.js/)));

test('if the device does not start in the worker, the page falls back to the CPU', { timeout: PATIENCE }, (t) => (
  assertFallsBack(t, (page) => page.route('**/js/worker.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `if (self.name === 'webgpu') delete WorkerNavigator.prototype.gpu;\n${await response.text()}` });
  }), /WebGPU is not available here.*\. ./)));
