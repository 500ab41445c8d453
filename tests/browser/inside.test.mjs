/** The Inside view: the layers of a model and their outputs for one sample or one image. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  addressOf, ask, assertClean, assertDifferent, assertSame, canvas, canvases, modelNames, modelWith, newPage, openSite, PATIENCE, queryOf,
  settled, toText, visit,
} from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

function scene(name, play) {
  test(name, { timeout: 2 * PATIENCE }, async (t) => {
    const seen = await newPage(t, site);
    await play(seen.page, t);
    assertClean(seen, site);
  });
}

/** The rows of all tables: network, layer, output and parameters; and the totals. */
const tables = (page) => page.evaluate(() => [...document.querySelectorAll('#panel-inside table')].map((table) => ({
  network: table.caption.textContent.toLowerCase(),
  rows: [...table.tBodies[0].querySelectorAll('tr:not(.activation)')].map((row) => [...row.cells].map((cell) => cell.textContent)),
  total: table.tFoot.rows[0].cells[1].textContent,
})));

scene('every model shows its layers and their outputs for a sample', async (page) => {
  for (const model of modelNames()) {
    await visit(page, addressOf(site, { view: 'inside', model, seed: 7, sample: 5 }));
    const { layers, steps, pixels } = await ask(page, model, async (engine, facts) => {
      const klass = facts.conditional ? 5 : null;
      const latent = await engine.latents(7, 5, 1, klass);
      const steps = await engine.inside(latent, klass);
      const { pixels } = await engine.decode(latent, klass);
      return { layers: facts.layers, steps: steps.map(({ layer, values }) => ({ layer, values: Array.from(values) })), pixels: Array.from(pixels) };
    });
    const found = await tables(page);
    assert.deepEqual(found.map(({ network }) => network), [...new Set(layers.map(({ network }) => network))]);
    for (const { network, rows, total } of found) {
      const own = layers.filter((layer) => layer.network === network);
      assert.deepEqual(rows, own.map(({ layer, output, parameters }) => [layer, output.join(' × '), parameters.toLocaleString('en')]));
      assert.equal(total, own.reduce((sum, { parameters }) => sum + parameters, 0).toLocaleString('en'));
    }
    assertSame([await canvas(page, '#panel-inside .big')], [toText(pixels)], 1);
    // The last layer with the size of an image, from its minimum in black to its maximum in white.
    const images = await canvases(page, '#panel-inside .activation canvas:not([hidden])');
    assert.equal(images.length, steps.length);
    const at = steps.findLastIndex(({ values }) => values.length === pixels.length);
    const { values } = steps[at];
    const [min, max] = [Math.min(...values), Math.max(...values)];
    assertSame([images[at]], [toText(values.map((value) => (value - min) / (max - min)))], 1);
    for (const one of images) assert.ok(new Set(one).size > 1, `a layer of ${model} is blank`);
  }
});

scene('another sample gives other outputs, and the address restores it', async (page) => {
  const [model] = modelNames();
  await visit(page, addressOf(site, { view: 'inside', model, seed: 7 }));
  const first = await canvas(page, '#panel-inside .big');
  await page.locator('#sample').fill('12');
  await page.locator('#sample').press('Enter');
  await settled(page);
  assert.equal(queryOf(page).sample, '12');
  const twelfth = await canvas(page, '#panel-inside .big');
  assertDifferent([twelfth], [first]);
  await visit(page, page.url());
  assertSame([await canvas(page, '#panel-inside .big')], [twelfth]);
});

scene('a classifier shows its layer outputs for test images', async (page) => {
  const { name } = modelWith('a classifier', ({ family, dataset }) => family === 'classifier' && dataset === 'mnist');
  await visit(page, addressOf(site, { view: 'inside', model: modelNames()[0], seed: 7 }));
  await page.locator(`#models input[value="${name}"]`).check();
  await settled(page);
  const images = await canvases(page, '#panel-inside .activation canvas:not([hidden])');
  assert.ok(images.length >= 3);
  assert.match(await page.locator('#panel-inside .hint').first().innerText(), /^Test image 1: \d, \d+ %$/);
  await page.locator('#panel-inside .test-images input').nth(4).check();
  await settled(page);
  assert.equal(queryOf(page).test, '4');
  assertDifferent(await canvases(page, '#panel-inside .activation canvas:not([hidden])'), images);
  await page.locator('#tab-generate').click();
  await settled(page);
  assert.match(await page.locator('#status').innerText(), /is a classifier: it generates no images/);
});

scene('on WebGPU all layers have the same outputs', async (page) => {
  const [model] = modelNames();
  const images = () => canvases(page, '#panel-inside .activation canvas:not([hidden])');
  await visit(page, addressOf(site, { view: 'inside', model, seed: 7, sample: 3 }));
  const onCpu = await images();
  await page.locator('#backends input[value="webgpu"]').check();
  await page.waitForSelector('#badge[data-backend="webgpu"]');
  await settled(page);
  assertSame(await images(), onCpu, 1);
});
