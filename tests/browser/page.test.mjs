/** The page as a whole: addresses, seeds, models and backends. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertClean, assertDifferent, assertLively, assertSame, badgeOf, modelNames, newPage, openSite, PATIENCE, gridOf, pick, queryOf,
  settled, statusOf, visit,
} from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

/** A test that also checks for errors and foreign requests. */
function scene(name, play, prepare) {
  test(name, { timeout: 2 * PATIENCE }, async (t) => {
    const seen = await newPage(t, site, prepare);
    await play(seen.page, seen, t);
    assertClean(seen, site);
  });
}

scene('on the CPU, 64 different images appear and the badge names it', async (page) => {
  await visit(page, `${site.url}?backend=cpu`);
  assertLively(await gridOf(page));
  assert.match(await badgeOf(page), /^CPU, SIMD.*ms per image/s);
  assert.equal(await page.evaluate(() => performance.getEntriesByName('first-grid').length), 1);
  for (const fact of ['family', 'dataset', 'parameters', 'latent']) {
    assert.notEqual(await page.locator(`#${fact}`).innerText(), '', `the fact "${fact}" is empty`);
  }
});

scene('an address restores the same samples', async (page) => {
  const [model] = modelNames();
  const address = `${site.url}?model=${model}&seed=7&backend=cpu`;
  await visit(page, address);
  const first = await gridOf(page);
  assert.equal(page.url(), address);
  await visit(page, address);
  assertSame(await gridOf(page), first);
});

scene('"New samples" changes the seed and the samples', async (page) => {
  await visit(page, `${site.url}?seed=7&backend=cpu`);
  const first = await gridOf(page);
  await page.locator('#fresh').click();
  await settled(page);
  const { seed, backend } = queryOf(page);
  assert.notEqual(seed, '7');
  assert.equal(backend, 'cpu');
  assert.equal(await page.locator('#seed').inputValue(), seed);
  const second = await gridOf(page);
  assertLively(second);
  assertDifferent(second, first);
});

scene('a seed can be typed, and an invalid one is rejected', async (page) => {
  await visit(page, `${site.url}?seed=7&backend=cpu`);
  const first = await gridOf(page);
  await page.locator('#seed').fill('4294967296');
  await page.locator('#seed').press('Enter');
  assert.match(await statusOf(page), /from 0 to 4294967295/);
  assert.equal(queryOf(page).seed, '7');
  await page.locator('#seed').fill('8');
  await page.locator('#seed').press('Enter');
  await settled(page);
  assert.equal(queryOf(page).seed, '8');
  assertDifferent(await gridOf(page), first);
});

scene('every other model can be picked', async (page) => {
  const [first, ...others] = modelNames();
  await visit(page, `${site.url}?model=${first}&seed=7&backend=cpu`);
  let before = await gridOf(page);
  for (const model of others) {
    await pick(page, model);
    await settled(page);
    assert.equal(queryOf(page).model, model);
    const now = await gridOf(page);
    assertLively(now);
    assertDifferent(now, before);
    before = now;
  }
});

scene('of many quick changes the last one is shown', async (page) => {
  await visit(page, `${site.url}?seed=7&backend=cpu`);
  await page.evaluate(() => {
    const models = [...document.querySelectorAll('#models label:not([hidden]) input')];
    for (let click = 0; click < 12; click += 1) {
      document.getElementById('fresh').click();
      models[click % models.length].click();
    }
  });
  await settled(page);
  const shown = await gridOf(page);
  await visit(page, page.url());
  assertSame(await gridOf(page), shown);
});

scene('an address with an unknown model shows the first one and says so', async (page) => {
  await visit(page, `${site.url}?model=no-such-model&seed=7&backend=cpu`);
  assert.match(await statusOf(page), /no-such-model/);
  assert.equal(queryOf(page).model, modelNames()[0]);
});

scene('by default, the page stays on the CPU if the adapter is software', async (page, seen) => {
  await visit(page, `${site.url}?seed=7`);
  const adapter = await page.evaluate(async () => (await import(new URL('js/adapter.js', document.baseURI))).findAdapter());
  assert.equal(adapter?.software, true, `this browser's adapter is ${JSON.stringify(adapter)}`);
  assert.match(await badgeOf(page), /^CPU, SIMD/);
  assert.deepEqual(seen.requests.filter((url) => url.includes('/wasm/webgpu/')), []);
  assert.equal('backend' in queryOf(page), false);
});

scene('a hardware adapter takes over from the CPU with the same samples', async (page) => {
  await page.goto(`${site.url}?seed=7`);
  await page.waitForFunction(() => window.gridOnCpu);
  await page.waitForSelector('#badge[data-backend="webgpu"]');
  await settled(page);
  assert.match(await badgeOf(page), /^WebGPU, NVIDIA Testcard/);
  const onGpu = await gridOf(page);
  assertLively(onGpu);
  const onCpu = await page.evaluate(() => window.gridOnCpu);
  assertSame(onCpu, onGpu, 1);
}, (page) => page.addInitScript(() => {
  // The page takes the software adapter for a GPU; the grid of the CPU is stored when it is
  // complete.
  navigator.gpu.requestAdapter = async () => ({ isFallbackAdapter: false, info: { vendor: 'nvidia', architecture: 'testcard' } });
  const look = setInterval(() => {
    const tiles = [...document.querySelectorAll('#grid canvas')];
    if (!document.querySelector('#badge[data-backend="cpu"]') || !document.querySelector('#panel-generate[aria-busy="false"]')) return;
    clearInterval(look);
    window.gridOnCpu = tiles.map((tile) => {
      const { data } = tile.getContext('2d').getImageData(0, 0, tile.width, tile.height);
      return String.fromCharCode(...data.filter((_, index) => index % 4 === 0));
    });
  }, 5);
}));

scene('WebGPU can be selected on the page and in the address', async (page) => {
  await visit(page, `${site.url}?seed=7&backend=cpu`);
  const onCpu = await gridOf(page);
  await page.locator('#backends input[value="webgpu"]').check();
  await page.waitForSelector('#badge[data-backend="webgpu"]');
  await settled(page);
  assert.match(await badgeOf(page), /^WebGPU, /);
  assert.equal(queryOf(page).backend, 'webgpu');
  const onGpu = await gridOf(page);
  assertSame(onCpu, onGpu, 1);
});

test('the policy of the page stops foreign requests and inline scripts', { timeout: PATIENCE }, async (t) => {
  const { page } = await newPage(t, site);
  await visit(page, `${site.url}?backend=cpu`);
  const elsewhere = site.url.replace('127.0.0.1', 'localhost');
  const outcome = await page.evaluate(async (url) => {
    const script = document.createElement('script');
    script.textContent = 'window.inlineScriptRan = true';
    document.head.append(script);
    const violated = new Set();
    document.addEventListener('securitypolicyviolation', (event) => violated.add(event.effectiveDirective));
    const reached = await fetch(url).then(() => true, () => false);
    await new Promise((resolve) => setTimeout(resolve));
    return { reached, ran: Boolean(window.inlineScriptRan), connect: violated.has('connect-src') };
  }, elsewhere);
  assert.deepEqual(outcome, { reached: false, ran: false, connect: true });
});
