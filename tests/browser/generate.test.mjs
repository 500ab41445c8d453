/** The Generate view: sample count, temperature, saving, opening a sample, training history. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  addressOf, ask, assertClean, assertDifferent, assertSame, canvas, modelNames, modelWith, newPage, openSite, PATIENCE, gridOf, queryOf, settled,
  statusOf, toText, visit,
} from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

const [model] = modelNames();

function scene(name, play, options = {}) {
  test(name, { timeout: PATIENCE }, async (t) => {
    const seen = await newPage(t, site, null, options);
    await play(seen.page, t);
    assertClean(seen, site);
  });
}

scene('the sample count can be changed, and the first samples stay the same', async (page) => {
  await visit(page, addressOf(site, { model, seed: 7 }));
  const usual = await gridOf(page);
  assert.equal(usual.length, 64);
  for (const [count, columns] of [[144, 12], [16, 4]]) {
    await page.locator(`#counts input[value="${count}"]`).check();
    await settled(page);
    assert.equal(queryOf(page).count, String(count));
    const now = await gridOf(page);
    assert.equal(now.length, count);
    const shared = Math.min(count, 64);
    assertSame(now.slice(0, shared), usual.slice(0, shared), 1);
    const template = await page.locator('#grid').evaluate((grid) => getComputedStyle(grid).gridTemplateColumns.split(' ').length);
    assert.equal(template, columns);
  }
  await visit(page, page.url());
  assert.equal((await gridOf(page)).length, 16);
});

scene('the temperature changes the samples', async (page) => {
  await visit(page, addressOf(site, { model, seed: 7 }));
  const usual = await gridOf(page);
  await page.locator('#temperature').fill('0.4');
  await settled(page);
  await page.waitForURL(/temperature=0\.4&/);
  const cool = await gridOf(page);
  assertDifferent(cool, usual);
  assert.equal(await page.locator('#temperature-value').innerText(), '0.40');
  const expected = await ask(page, model, async (engine) => Array.from((await engine.sample(7, 0, 64, null, 0.4)).pixels));
  assertSame([cool.join('')], [toText(expected)], 1);
  await visit(page, page.url());
  assertSame(await gridOf(page), cool);
});

scene('the grid is saved as one image', async (page) => {
  await visit(page, addressOf(site, { model, seed: 7, count: 16 }));
  const coming = page.waitForEvent('download');
  await page.locator('#save').click();
  const download = await coming;
  assert.equal(download.suggestedFilename(), `${model}-seed-7.png`);
  const file = await readFile(await download.path());
  // Read one pixel of each enlarged pixel of the first sample; tiles have gaps of one pixel.
  const saved = await page.evaluate(async (bytes) => {
    const image = await createImageBitmap(new Blob([Uint8Array.from(bytes)], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const scale = image.width / (4 * 29 + 1);
    const pixel = (x, y) => context.getImageData((x + 0.5) * scale, (y + 0.5) * scale, 1, 1).data[0];
    let text = '';
    for (let y = 0; y < 28; y += 1) for (let x = 0; x < 28; x += 1) text += String.fromCharCode(pixel(x + 1, y + 1));
    return { text, width: image.width, height: image.height };
  }, [...file]);
  assert.equal(saved.width, saved.height);
  assert.ok(saved.width >= 1024);
  assertSame([saved.text], (await gridOf(page)).slice(0, 1));
});

scene('the training history shows the same latents at every recorded epoch', async (page) => {
  const { name, history } = modelWith('a model with a history', ({ history, family }) => history && family !== 'classifier');
  await visit(page, addressOf(site, { model: name, seed: 7 }));
  await page.waitForSelector('#history:not([hidden])');
  const words = () => page.locator('#history output').innerText();
  assert.equal(await words(), `after ${history.epochs.at(-1)} epochs`);
  const last = await canvas(page, '#history canvas');
  await page.locator('#history input').fill('0');
  assert.equal(await words(), history.epochs[0] === 0 ? 'before training' : `after ${history.epochs[0]} epochs`);
  const first = await canvas(page, '#history canvas');
  assertDifferent([first], [last]);
  assert.equal(first.length, history.columns * 28 * 28);
  await page.locator('#history input').press('End');
  assertSame([await canvas(page, '#history canvas')], [last]);
});

scene('a tile opens its sample in the Inside view, and the back button returns', async (page) => {
  await visit(page, addressOf(site, { model, seed: 7 }));
  const tiles = await gridOf(page);
  await page.locator('#grid canvas').nth(5).click();
  await settled(page);
  const { view, sample } = queryOf(page);
  assert.deepEqual([view, sample], ['inside', '5']);
  assertSame([await canvas(page, '#panel-inside .big')], [tiles[5]], 1);
  await page.goBack();
  await page.waitForSelector('#panel-generate[aria-busy="false"]:not([hidden])');
  assertSame(await gridOf(page), tiles);
  assert.equal(await page.locator('#tab-generate').getAttribute('aria-selected'), 'true');
});

scene('models are grouped by subject and have short labels', async (page) => {
  await visit(page, addressOf(site, { model, seed: 7 }));
  const groups = await page.locator('#models [role="group"]:not([hidden])').evaluateAll((all) => all.map((group) => [
    group.getAttribute('aria-label'), [...group.querySelectorAll('label:not([hidden])')].map((label) => label.innerText.trim()),
    [...group.querySelectorAll('label:not([hidden]) input')].map(({ value }) => value)]));
  assert.deepEqual(groups.map(([subject]) => subject), ['Digits', 'Clothing']);
  assert.deepEqual(groups.flatMap(([, , names]) => names).sort(), modelNames().sort());
  for (const [, labels, names] of groups) {
    assert.equal(new Set(labels).size, labels.length, `two models are called the same: ${labels}`);
    for (const [at, label] of labels.entries()) assert.ok(label.length <= names[at].length + 12 && !label.includes('mnist'), label);
  }
});

scene('the download of a large model shows its progress', async (page) => {
  const { name } = modelWith('a large model', ({ bytes, family }) => bytes > 300_000 && family !== 'classifier');
  const other = modelNames().find((one) => one !== name);
  await visit(page, addressOf(site, { model: other, seed: 7 }));
  await page.evaluate(() => {
    const bar = document.getElementById('progress');
    window.seen = [];
    new MutationObserver(() => window.seen.push([bar.hidden, bar.value, document.getElementById('percent').textContent])).observe(
      bar.parentElement, { attributes: true, childList: true, subtree: true, characterData: true });
  });
  await page.locator(`#models input[value="${name}"]`).check();
  await settled(page);
  const seen = await page.evaluate(() => window.seen);
  const shown = seen.filter(([hidden]) => !hidden);
  assert.ok(shown.length > 0, 'no bar was shown');
  assert.ok(shown.every(([, value, words]) => value >= 0 && value <= 1 && /^\S+: \d+ %$/.test(words)), JSON.stringify(shown.slice(0, 3)));
  assert.equal(await page.locator('#progress').isVisible(), false);
  assert.match(await statusOf(page), new RegExp(`samples of ${name}`));
});

scene('invalid parameters in the address fall back to defaults', async (page) => {
  const nonsense = 'seed=-1&class=abc&count=7&temperature=99&sample=1e9&test=60&code=::,,0:,x:1,99999:1,1:1e9&dims=9&ends=a,b&along=2&with=,,no-such&backend=tpu';
  for (const view of ['generate', 'latent', 'draw', 'compare', 'inside', 'no-such-view']) {
    await visit(page, `${site.url}?view=${view}&model=${model}&${nonsense}`);
    assert.equal(await page.locator('#status.problem').count(), 0, await statusOf(page));
    const { seed, temperature, along, code, backend, count } = queryOf(page);
    assert.match(seed, /^\d+$/);
    assert.deepEqual([temperature, along, code, backend, count], Array(5).fill(undefined));
  }
  assert.equal((await gridOf(page)).length, 64);
});
