/** The Latent space view: map, point, latent values, and interpolation from A to B. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  addressOf, ask, assertClean, assertDifferent, assertSame, badgeOf, canvas, modelWith, newPage, openSite, PATIENCE, gridOf, queryOf, settled,
  toText, visit,
} from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

const flat = modelWith('a model of two dimensions', ({ latent, family }) => latent === 2 && family !== 'classifier').name;
const BIG = '.latent .big';

function scene(name, play, options = {}) {
  test(name, { timeout: 2 * PATIENCE }, async (t) => {
    const seen = await newPage(t, site, null, options);
    await play(seen.page, t);
    assertClean(seen, site);
  });
}

/** Waits until the image, the map and the address belong to the point. */
async function rested(page) {
  await settled(page);
  await page.waitForFunction(() => {
    const [big, words] = [document.querySelector('.latent .big'), document.querySelector('.latent .coordinates')];
    return big.ariaLabel === `${words.textContent}, decoded`;
  });
  await page.waitForSelector('.latent .pad[aria-busy="false"]');
  await page.waitForTimeout(300);
}

/** The image that the engine decodes from the latent in the address. */
async function decodedOf(page, model, klass = null) {
  const latent = queryOf(page).code.split(',').map((part) => Number(part.split(':')[1]));
  const pixels = await ask(page, model, async (engine, facts, { latent, klass }) => Array.from((await engine.decode(Float32Array.from(latent), klass)).pixels),
    { latent, klass });
  return toText(pixels);
}

scene('the point follows keys and pointer, and its image is the decoded latent of the address', async (page) => {
  await visit(page, addressOf(site, { view: 'latent', model: flat, seed: 7 }));
  await rested(page);
  const start = await canvas(page, BIG);
  const sample = await ask(page, flat, async (engine) => Array.from((await engine.sample(7, 0, 1)).pixels));
  assertSame([start], [toText(sample)], 1);

  await page.locator('.latent .pad').focus();
  for (const key of ['ArrowLeft', 'ArrowLeft', 'Shift+ArrowUp', 'ArrowRight', 'ArrowDown']) await page.keyboard.press(key);
  await rested(page);
  const byKey = await canvas(page, BIG);
  assertDifferent([byKey], [start]);
  assertSame([byKey], [await decodedOf(page, flat)], 1);
  assert.match(await page.locator('#status').innerText(), /^Latent \u2212?\d/);

  const { x, y, width, height } = await page.locator('.latent .pad').boundingBox();
  await page.mouse.move(x + width * 0.3, y + height * 0.3);
  await page.mouse.down();
  for (let step = 0; step < 30; step += 1) await page.mouse.move(x + width * (0.3 + step * 0.012), y + height * 0.7);
  await page.mouse.up();
  await rested(page);
  const byPointer = await canvas(page, BIG);
  assertDifferent([byPointer], [byKey]);
  assertSame([byPointer], [await decodedOf(page, flat)], 1);

  // After a drag the point is pinned; a click makes it follow the mouse, and another click pins it
  // again.
  const [from, to] = [[0.2, 0.6], [0.6, 0.25]].map(([across, up]) => [x + width * across, y + height * up]);
  await page.mouse.move(...from, { steps: 5 });
  await rested(page);
  assertSame([await canvas(page, BIG)], [byPointer]);
  await page.mouse.click(...from);
  await page.mouse.move(...to, { steps: 5 });
  await rested(page);
  const byHover = await canvas(page, BIG);
  assertDifferent([byHover], [byPointer]);
  assertSame([byHover], [await decodedOf(page, flat)], 1);
  await page.mouse.click(...to);
  await page.mouse.move(...from, { steps: 5 });
  await rested(page);
  assertSame([await canvas(page, BIG)], [byHover]);

  await visit(page, page.url());
  await rested(page);
  assertSame([await canvas(page, BIG)], [byHover]);
  assert.match(await badgeOf(page), /ms per image/);
});

scene('the background of the map is decoded at each position', async (page) => {
  await visit(page, addressOf(site, { view: 'latent', model: flat, seed: 7 }));
  await rested(page);
  const map = await canvas(page, '.latent .manifold');
  const side = 16 * 28;
  assert.equal(map.length, side * side);
  const { x, y, width, height } = await page.locator('.latent .pad').boundingBox();
  for (const [column, row] of [[3, 5], [12, 10]]) {
    await page.mouse.click(x + width * (column + 0.5) / 16, y + height * (row + 0.5) / 16);
    await rested(page);
    let tile = '';
    for (let line = 0; line < 28; line += 1) {
      const from = (row * 28 + line) * side + column * 28;
      tile += map.slice(from, from + 28);
    }
    assert.ok(new Set(tile).size > 10, 'the tile is blank');
    const [point, mean] = [await canvas(page, BIG), (text) => [...text].reduce((sum, one) => sum + one.charCodeAt(0), 0) / text.length];
    const apart = [...point].reduce((sum, one, at) => sum + Math.abs(one.charCodeAt(0) - tile.charCodeAt(at)), 0) / point.length;
    assert.ok(apart < 4, `tile ${column}, ${row} is ${apart} grey levels apart, of ${mean(tile)}`);
  }
});

scene('the latents of test images are shown on the map in their class colours, until they are hidden', async (page) => {
  const { name } = modelWith('a model with latents of test images', ({ latents, latent }) => latents && latent === 2);
  await visit(page, addressOf(site, { view: 'latent', model: name, seed: 7 }));
  const colours = () => page.evaluate(() => {
    const dots = document.querySelectorAll('.latent .pad canvas')[1];
    const { data } = dots.getContext('2d').getImageData(0, 0, dots.width, dots.height);
    const seen = new Map();
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] === 255) {
        const colour = `rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`;
        seen.set(colour, (seen.get(colour) ?? 0) + 1);
      }
    }
    return [...seen].filter(([, count]) => count > 100).map(([colour]) => colour);
  });
  const legend = await page.locator('.latent .legend .mark').evaluateAll((marks) => marks.map((mark) => getComputedStyle(mark).backgroundColor));
  assert.equal(legend.length, 10);
  const shown = await colours();
  for (const colour of legend) assert.ok(shown.includes(colour), `no dot is ${colour}`);
  await page.locator('.latent .toggle input').uncheck();
  assert.deepEqual(await colours(), []);
  assert.equal(await page.locator('.latent .legend').isVisible(), false);
});

scene('the interpolation goes from sample A to sample B, and can be played and paused', async (page) => {
  await visit(page, addressOf(site, { model: flat, seed: 7 }));
  const tiles = await gridOf(page);
  await page.locator('#tab-latent').click();
  await rested(page);
  assertSame([await canvas(page, BIG)], [tiles[0]], 1);
  const strip = await canvas(page, '.latent .strip');
  const slice = (text, step) => Array.from({ length: 28 }, (_, row) => text.slice((row * 10 + step) * 28, (row * 10 + step + 1) * 28)).join('');
  assertSame([slice(strip, 0), slice(strip, 9)], [tiles[0], tiles[1]], 1);
  await page.locator('.interpolation input').press('End');
  await rested(page);
  assertSame([await canvas(page, BIG)], [tiles[1]], 1);
  assert.equal(queryOf(page).along, '1');

  await page.getByRole('button', { name: 'New B' }).click();
  await rested(page);
  assert.equal(queryOf(page).ends, '0,2');
  assertSame([await canvas(page, BIG)], [tiles[2]], 1);

  const value = () => page.locator('.interpolation input').inputValue();
  await page.getByRole('button', { name: 'Play' }).click();
  await page.waitForFunction(() => Number(document.querySelector('.interpolation input').value) < 0.8);
  await page.getByRole('button', { name: 'Pause' }).click();
  const rest = await value();
  await page.waitForTimeout(300);
  assert.equal(await value(), rest);
  await page.getByRole('button', { name: 'Play' }).click();
  await page.locator('#tab-generate').click();
  await settled(page);
  const along = queryOf(page).along;
  assert.equal(along, undefined);
});

scene('with reduced motion nothing moves by itself, and play moves in steps', async (page) => {
  await visit(page, addressOf(site, { view: 'latent', model: flat, seed: 7 }));
  await rested(page);
  const value = () => page.locator('.interpolation input').inputValue();
  await page.waitForTimeout(400);
  assert.equal(await value(), '0');
  await page.getByRole('button', { name: 'Play' }).click();
  await page.waitForFunction(() => Number(document.querySelector('.interpolation input').value) > 0);
  assert.equal(await value(), '0.11');
  await page.waitForTimeout(300);
  assert.equal(await value(), '0.11');
  await page.getByRole('button', { name: 'Pause' }).click();
}, { reducedMotion: 'reduce' });

const deep = modelWith('a model of more than two dimensions', ({ latent, family }) => latent > 2 && family !== 'classifier');

scene('a model of more than two dimensions has sliders for its values and a choice of map axes', async (page) => {
  await visit(page, addressOf(site, { view: 'latent', model: deep.name, seed: 7 }));
  await rested(page);
  const sliders = page.locator('.values input');
  assert.equal(await sliders.count(), Math.min(16, deep.latent));
  const [start, map] = [await canvas(page, BIG), await canvas(page, '.latent .manifold')];
  await sliders.nth(2).fill('0.02');
  await rested(page);
  const moved = await canvas(page, BIG);
  assertDifferent([moved], [start]);
  assertDifferent([await canvas(page, '.latent .manifold')], [map]);
  assert.match(queryOf(page).code, /^2:-\d/);
  const there = await canvas(page, '.latent .manifold');
  await page.getByLabel('Vertical dimension').selectOption({ label: '4' });
  await rested(page);
  assert.equal(queryOf(page).dims, '0,3');
  assertSame([await canvas(page, BIG)], [moved]);
  assertDifferent([await canvas(page, '.latent .manifold')], [there]);
  await visit(page, page.url());
  await rested(page);
  assertSame([await canvas(page, BIG)], [moved]);
});

scene('the normal distribution agrees with tables, and interpolation is spherical or linear', async (page) => {
  await visit(page, addressOf(site, { model: flat, seed: 7 }));
  const found = await page.evaluate(async () => {
    const { interpolate, cdf, quantile } = await import(new URL('js/normal-distribution.js', document.baseURI));
    const [a, b] = [Float32Array.of(2, 0), Float32Array.of(0, 2)];
    return {
      probabilities: [0, 1, 1.96, -3, 4.5].map(cdf),
      values: [0.5, 0.975, 0.001, 0.999].map(quantile),
      arc: [0, 0.5, 1].map((t) => Array.from(interpolate(a, b, t, true))),
      line: Array.from(interpolate(a, b, 0.25, false)),
      same: Array.from(interpolate(a, a, 0.5, true)),
    };
  });
  const near = (values, expected, within) => values.forEach((value, at) => assert.ok(Math.abs(value - expected[at]) < within, `${values}`));
  near(found.probabilities, [0.5, 0.8413447, 0.9750021, 0.0013499, 0.9999966], 1e-7);
  near(found.values, [0, 1.959964, -3.090232, 3.090232], 1e-5);
  near(found.arc.flat(), [2, 0, Math.SQRT2, Math.SQRT2, 0, 2], 1e-5);
  near([...found.line, ...found.same], [1.5, 0.5, 2, 0], 1e-6);
});

scene('the map shows the selected class', async (page) => {
  const model = modelWith('a conditional model', ({ conditional }) => conditional).name;
  await visit(page, addressOf(site, { view: 'latent', model, seed: 7, class: 3 }));
  await rested(page);
  const sample = await ask(page, model, async (engine) => Array.from((await engine.sample(7, 0, 1, 3)).pixels));
  assertSame([await canvas(page, BIG)], [toText(sample)], 1);
  await page.locator('#classes input[value="5"]').check();
  await rested(page);
  const five = await ask(page, model, async (engine) => Array.from((await engine.sample(7, 0, 1, 5)).pixels));
  assertSame([await canvas(page, BIG)], [toText(five)], 1);
});

scene('on WebGPU the point has the same image', async (page) => {
  await visit(page, addressOf(site, { view: 'latent', model: flat, seed: 7, code: '0:0.5,1:-0.25' }));
  await rested(page);
  const onCpu = await canvas(page, BIG);
  await page.locator('#backends input[value="webgpu"]').check();
  await page.waitForSelector('#badge[data-backend="webgpu"]');
  await settled(page);
  assertSame([await canvas(page, BIG)], [onCpu], 1);
});
