/** Robustness: lost and missing devices, memory leaks, blocked input. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  addressOf, assertClean, assertLively, assertSame, badgeOf, canvas, inWorkers, LOSABLE, loseDevice, modelNames, modelWith, newPage, openSite,
  PATIENCE, gridOf, settled, statusOf, visit,
} from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

const [model] = modelNames();
const flat = modelWith('a model of two dimensions', ({ latent, family }) => latent === 2 && family !== 'classifier').name;

test('all views work in a browser without WebGPU', { timeout: 2 * PATIENCE }, async (t) => {
  const seen = await newPage(t, site, async (page) => {
    await page.addInitScript(() => delete Navigator.prototype.gpu);
    await inWorkers(page, 'delete WorkerNavigator.prototype.gpu;');
  });
  const { page } = seen;
  await visit(page, `${site.url}?model=${model}&seed=7`);
  assert.equal(await page.evaluate(() => 'gpu' in navigator), false);
  assertLively(await gridOf(page));
  for (const view of ['latent', 'draw', 'compare', 'inside']) {
    await visit(page, `${site.url}?view=${view}&model=${flat}&seed=7`);
    assert.match(await badgeOf(page), /^CPU, SIMD/);
  }
  assertClean(seen, site);
});

test('if the device is lost, the page falls back to the CPU, says so and shows the same samples', { timeout: 2 * PATIENCE }, async (t) => {
  const { page, pageErrors } = await newPage(t, site, (page) => inWorkers(page, LOSABLE));
  await page.goto(addressOf(site, { model, seed: 7, backend: 'webgpu' }));
  await page.waitForSelector('#badge[data-backend="webgpu"]');
  await settled(page);
  const onGpu = await gridOf(page);
  await loseDevice(page);
  await page.waitForTimeout(200);
  await page.locator('#seed').fill('8');
  await page.locator('#seed').press('Enter');
  await page.waitForSelector('#badge[data-backend="cpu"]');
  await settled(page);
  const said = await statusOf(page);
  t.diagnostic(said);
  assert.match(said, /WebGPU is not available here, so the page uses the CPU/);
  assert.match(await badgeOf(page), /^CPU, SIMD \(no WebGPU\)/);
  await page.locator('#seed').fill('7');
  await page.locator('#seed').press('Enter');
  await settled(page);
  assertSame(await gridOf(page), onGpu, 1);
  assert.deepEqual(pageErrors, []);
});

test('300 grids of samples, two models and 300 moves do not leak memory', { timeout: 2 * PATIENCE }, async (t) => {
  const seen = await newPage(t, site, (page) => inWorkers(page, `
    const instantiate = WebAssembly.instantiate;
    WebAssembly.instantiate = async (...what) => {
      const result = await instantiate(...what);
      const { memory } = (result.instance ?? result).exports;
      new BroadcastChannel('memory').onmessage = ({ target, data }) => data === 'ask' && target.postMessage(memory.buffer.byteLength);
      return result;
    };`));
  const { page } = seen;
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  await cdp.send('HeapProfiler.enable');
  const measure = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    const { metrics } = await cdp.send('Performance.getMetrics');
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    const { usedSize, backingStorageSize } = await cdp.send('Runtime.getHeapUsage');
    const wasm = await page.evaluate(() => new Promise((done) => {
      const channel = new BroadcastChannel('memory');
      channel.onmessage = ({ data }) => { if (typeof data === 'number') done(data); };
      channel.postMessage('ask');
    }));
    return { heap: usedSize / 1e6, buffers: backingStorageSize / 1e6, nodes: of('Nodes'), wasm: wasm / 1e6 };
  };
  const sampleMany = (count) => page.evaluate(async (count) => {
    const [grid, seed] = [document.getElementById('grid'), document.getElementById('seed')];
    for (let grids = 0; grids < count; grids += 1) {
      document.getElementById('fresh').click();
      while (!grid.ariaLabel.endsWith(`seed ${seed.value}`)) await new Promise((done) => setTimeout(done, 2));
    }
  }, count);
  const moves = async (count) => {
    await page.locator('.latent .pad').focus();
    for (let move = 0; move < count; move += 1) await page.keyboard.press(move % 20 < 10 ? 'ArrowRight' : 'ArrowLeft');
  };
  const models = modelNames().slice(0, 2);
  const round = async (count) => {
    for (const name of models) {
      await page.locator(`#models input[value="${name}"]`).check();
      await settled(page);
      await sampleMany(count / 2);
    }
    await page.locator('#tab-latent').click();
    await settled(page);
    await moves(count);
    await page.locator('#tab-generate').click();
    await settled(page);
  };
  await visit(page, addressOf(site, { model: models[1], seed: 7, count: 16 }));
  await round(20);
  const before = await measure();
  await round(300);
  const after = await measure();
  t.diagnostic(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
  assert.ok(after.heap - before.heap < 2, `the heap grew by ${after.heap - before.heap} MB`);
  assert.ok(after.buffers - before.buffers < 2, `buffers grew by ${after.buffers - before.buffers} MB`);
  assert.ok(after.wasm - before.wasm < 4, `the module's memory grew by ${after.wasm - before.wasm} MB`);
  assert.ok(after.nodes - before.nodes < 200, `${after.nodes - before.nodes} more nodes`);
  assertClean(seen, site);
});

test('pointer input is never blocked while the model computes', { timeout: PATIENCE }, async (t) => {
  const seen = await newPage(t, site);
  const { page } = seen;
  await visit(page, addressOf(site, { view: 'latent', model, seed: 7 }));
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration); })
      .observe({ type: 'longtask' });
  });
  const { x, y, width, height } = await page.locator('.latent .pad').boundingBox();
  await page.mouse.move(x + 5, y + 5);
  await page.mouse.down();
  for (let step = 0; step < 60; step += 1) await page.mouse.move(x + width * (0.05 + step / 70), y + height * (0.05 + step / 80));
  await page.mouse.up();
  await page.waitForTimeout(300);
  const longest = await page.evaluate(() => window.longest);
  t.diagnostic(`longest task ${longest} ms`);
  assert.ok(longest < 250, `a task of ${longest} ms`);
  assert.ok((await canvas(page, '.latent .big')).length > 0);
  assertClean(seen, site);
});
