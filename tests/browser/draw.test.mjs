/** The Draw view: input, latent, reconstruction and prediction. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  addressOf, ask, assertClean, assertDifferent, assertSame, canvas, modelWith, newPage, openSite, PATIENCE, published, queryOf,
  settled, statusOf, toText, visit, web,
} from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

const model = modelWith('a model of digits that encodes, with test images', ({ encodes, latents, dataset }) => encodes && latents && dataset === 'mnist');
const INPUT = '.draw-view .reconstruction figure:nth-child(1) canvas';
const RECONSTRUCTION = '.draw-view .reconstruction figure:nth-child(2) canvas';

function scene(name, play, prepare = null) {
  test(name, { timeout: 2 * PATIENCE }, async (t) => {
    const seen = await newPage(t, site, prepare);
    await play(seen.page, t);
    assertClean(seen, site);
  });
}

/** Waits until the reconstruction belongs to the latent. */
async function rested(page) {
  await settled(page);
  await page.waitForFunction(() => {
    const [reconstruction, words] = [document.querySelector('.draw-view .reconstruction figure:nth-child(2) canvas'), document.querySelector('.draw-view .coordinates')];
    return words.textContent && reconstruction.ariaLabel === `Decoded, ${words.textContent}`;
  });
  await page.waitForTimeout(300);
}

/** The predicted class, once there is one. */
async function prediction(page) {
  await page.waitForSelector('.bars .best');
  return page.locator('.bars .best .name').innerText();
}

/** Draws lines between points, given as fractions of the drawing's side. */
async function draw(page, ...lines) {
  const { x, y, width, height } = await page.locator('.drawing').boundingBox();
  for (const line of lines) {
    for (const [at, [across, down]] of line.entries()) {
      await page.mouse.move(x + width * across, y + height * down, { steps: 4 });
      if (at === 0) await page.mouse.down();
    }
    await page.mouse.up();
  }
}

/** Encodes and reconstructs the input as the page should. */
async function reconstruct(page) {
  const text = await canvas(page, INPUT);
  return ask(page, model.name, async (engine, facts, pixels) => {
    const { means, stds } = await engine.encode(Float32Array.from(pixels));
    const { pixels: decoded } = await engine.decode(means);
    return { means: Array.from(means), stds: Array.from(stds), decoded: Array.from(decoded) };
  }, [...text].map((one) => one.charCodeAt(0) / 255));
}

scene('a drawing is normalised, encoded, decoded and classified', async (page) => {
  await visit(page, addressOf(site, { view: 'draw', model: model.name, seed: 7 }));
  assert.match(await statusOf(page), /Draw something/);
  // A vertical line anywhere is a 1.
  await draw(page, [[0.3, 0.2], [0.3, 0.8]]);
  await rested(page);
  assert.equal(await prediction(page), '1');
  const one = await canvas(page, INPUT);
  const [pixels, rows] = [[...one].map((char) => char.charCodeAt(0)), []];
  for (let row = 0; row < 28; row += 1) rows.push(pixels.slice(row * 28, row * 28 + 28).reduce((sum, value) => sum + value, 0));
  const inked = rows.flatMap((sum, row) => (sum > 100 ? [row] : []));
  assert.ok(inked[0] >= 3 && inked.at(-1) <= 24 && inked.length >= 19 && inked.length <= 22, `rows ${inked[0]} to ${inked.at(-1)}`);
  const total = pixels.reduce((sum, value) => sum + value, 0);
  const middle = pixels.reduce((sum, value, at) => sum + value * (at % 28 + 0.5), 0) / total;
  assert.ok(Math.abs(middle - 14.5) < 0.2, `its middle is at ${middle}`);
  const { decoded, means } = await reconstruct(page);
  const found = (await page.locator('.draw-view .coordinates').innerText()).replaceAll('\u2212', '-').match(/-?\d+\.\d\d/g).map(Number);
  for (const [at, value] of found.entries()) assert.ok(Math.abs(value - means[at]) < 0.05, `${found} and ${means}`);
  assertSame([await canvas(page, RECONSTRUCTION)], [toText(decoded)], 12); // the input was rounded to bytes

  // A ring is a 0.
  await page.getByRole('button', { name: 'Clear' }).click();
  assert.deepEqual([...new Set(await canvas(page, INPUT))], ['\0']);
  const ring = Array.from({ length: 41 }, (_, at) => [0.5 + 0.2 * Math.sin(at * Math.PI / 20), 0.5 - 0.3 * Math.cos(at * Math.PI / 20)]);
  await draw(page, ring);
  await rested(page);
  assertDifferent([await canvas(page, INPUT)], [one]);
  await page.waitForFunction(() => document.querySelector('.bars .best .name')?.textContent === '0');
});

scene('the posterior is drawn on the map, and moving the latent changes the reconstruction until it is reset', async (page) => {
  await visit(page, addressOf(site, { view: 'draw', model: model.name, seed: 7, test: 3 }));
  await rested(page);
  const { decoded } = await reconstruct(page);
  const start = await canvas(page, RECONSTRUCTION);
  assertSame([start], [toText(decoded)], 12);
  const marks = await page.evaluate(() => {
    const layer = document.querySelectorAll('.draw-view .pad canvas')[2];
    const { data } = layer.getContext('2d').getImageData(0, 0, layer.width, layer.height);
    return data.filter((value, at) => at % 4 === 3 && value > 200).length;
  });
  assert.ok(marks > 300, `${marks} pixels of marks`);

  await page.locator('.draw-view .pad').focus();
  for (let press = 0; press < 8; press += 1) await page.keyboard.press('Shift+ArrowDown');
  await rested(page);
  const moved = await canvas(page, RECONSTRUCTION);
  assertDifferent([moved], [start]);
  assert.match(queryOf(page).code, /^0:-?[\d.]+,1:-?[\d.]+$/);
  await visit(page, page.url());
  await rested(page);
  assertSame([await canvas(page, RECONSTRUCTION)], [moved]);
  // The Latent space view has its own point.
  await page.locator('#tab-latent').click();
  await settled(page);
  assert.equal(queryOf(page).code, undefined);
  await page.locator('#tab-draw').click();
  await rested(page);
  assertSame([await canvas(page, RECONSTRUCTION)], [moved]);
  await page.getByRole('button', { name: 'Reset to the mean' }).click();
  await rested(page);
  assertSame([await canvas(page, RECONSTRUCTION)], [start]);
  assert.equal(queryOf(page).code, undefined);
});

scene('test images are picked by keyboard, and the classifier predicts most of them', async (page) => {
  const latents = readFileSync(`${web}/models/${model.name}/codes.bin`);
  const labelOf = (image) => latents[image * (1 + 2 * model.latents.latent)];
  await visit(page, addressOf(site, { view: 'draw', model: model.name, seed: 7, test: 0 }));
  await rested(page);
  await page.locator('.draw-view .test-images input').first().focus();
  let correct = 0;
  for (let image = 0; image < 10; image += 1) {
    if (image > 0) await page.keyboard.press('ArrowRight');
    await page.waitForFunction((image) => new URL(location.href).searchParams.get('test') === String(image), image);
    await rested(page);
    if (await prediction(page) === String(labelOf(image))) correct += 1;
  }
  assert.ok(correct >= 8, `${correct} of 10`);
});

scene('a drawing is normalised like the digits of the data set', async (page) => {
  await visit(page, addressOf(site, { view: 'draw', model: model.name, seed: 7, test: 7 }));
  await rested(page);
  // A test image that is enlarged and shifted is normalised back to itself.
  const apart = await page.evaluate(async (folder) => {
    const [{ normaliseDrawing }, { testImages }] = await Promise.all([import(new URL('js/normalise-drawing.js', document.baseURI)), import(new URL('js/test-images.js', document.baseURI))]);
    const tests = await testImages(folder);
    const result = [];
    for (let image = 0; image < 20; image += 1) {
      const pixels = tests.pixels(image);
      const side = 400;
      const ink = new Float32Array(side * side);
      for (let y = 0; y < 280; y += 1) {
        for (let x = 0; x < 280; x += 1) ink[(y + 90) * side + x + 17] = pixels[Math.floor(y / 10) * 28 + Math.floor(x / 10)];
      }
      const found = normaliseDrawing(ink, side);
      result.push(found.reduce((sum, value, at) => sum + Math.abs(value - pixels[at]), 0) / pixels.reduce((sum, value) => sum + value, 0));
    }
    return { result, nothing: normaliseDrawing(new Float32Array(100), 10) };
  }, `models/${model.name}`);
  assert.equal(apart.nothing, null);
  const mean = apart.result.reduce((sum, value) => sum + value, 0) / apart.result.length;
  assert.ok(mean < 0.25, `a part of ${mean.toFixed(3)} of the ink is elsewhere: ${apart.result.map((value) => value.toFixed(2))}`);
});

scene('a model without an encoder is replaced by one with an encoder, and the page says so', async (page) => {
  const other = published().find(({ encodes, family, dataset }) => !encodes && family !== 'classifier' && dataset === 'mnist').name;
  await visit(page, addressOf(site, { model: other, seed: 7 }));
  await page.locator('#tab-draw').click();
  await page.waitForFunction((name) => document.getElementById('status').textContent.includes(name), model.name);
  await settled(page);
  assert.match(await statusOf(page), new RegExp(`${other} has no encoder, so ${model.name} is shown instead`));
  assert.equal(queryOf(page).model, model.name);
  await draw(page, [[0.5, 0.2], [0.5, 0.8]]);
  await rested(page);
  assert.equal(await prediction(page), '1');
});

scene('where there is no classifier the page says so', async (page) => {
  await visit(page, addressOf(site, { view: 'draw', model: model.name, seed: 7, test: 2 }));
  await rested(page);
  assert.match(await page.locator('.prediction').innerText(), /no classifier for mnist/);
  assert.equal(await page.locator('.bars').isVisible(), false);
}, (page) => page.route('**/models/index.json', (route) => route.fulfill({
  json: published().filter(({ family }) => family !== 'classifier'),
})));

scene('on WebGPU an image gets the same latent', async (page) => {
  await visit(page, addressOf(site, { view: 'draw', model: model.name, seed: 7, test: 3 }));
  await rested(page);
  const [onCpu, latent] = [await canvas(page, RECONSTRUCTION), await page.locator('.draw-view .coordinates').innerText()];
  await page.locator('#backends input[value="webgpu"]').check();
  await page.waitForSelector('#badge[data-backend="webgpu"]');
  await rested(page);
  assertSame([await canvas(page, RECONSTRUCTION)], [onCpu], 1);
  assert.equal(await page.locator('.draw-view .coordinates').innerText(), latent);
});
