/** The user's own model, opened, dropped or named in the address; broken files are reported. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  addressOf, assertClean, assertDifferent, assertLively, assertSame, canvas, modelNames, modelWith, newPage, openSite, PATIENCE, gridOf, pick,
  queryOf, settled, statusOf, visit, web,
} from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

const [shown, other] = modelNames();
const fileOf = (model, name) => readFileSync(`${web}/models/${model}/${name}`);
const manifest = fileOf(other, 'model.ron').toString();
const weights = fileOf(other, 'weights.bpk');
const ron = (text, name = 'model.ron') => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
const bpk = (buffer, name = 'weights.bpk') => ({ name, mimeType: 'application/octet-stream', buffer });
const open = (page, ...files) => page.locator('#files').setInputFiles(files);

function scene(name, play, prepare = null) {
  test(name, { timeout: 2 * PATIENCE }, async (t) => {
    const seen = await newPage(t, site, prepare);
    await play(seen.page, t);
    assertClean(seen, site);
  });
}

scene('an opened model gives the same samples as the published one, in every view, and can be selected again', async (page) => {
  await visit(page, addressOf(site, { model: other, seed: 7 }));
  const expected = await gridOf(page);
  await visit(page, addressOf(site, { model: shown, seed: 7 }));
  await open(page, ron(manifest), bpk(weights));
  await page.waitForFunction((name) => document.getElementById('status').textContent.includes(`samples of ${name}`), other);
  await settled(page);
  assertSame(await gridOf(page), expected);
  assert.equal(queryOf(page).model, undefined);
  assert.equal(await page.locator('#models [data-own] input').isChecked(), true);

  await page.locator('#tab-latent').click();
  await settled(page);
  assertSame([await canvas(page, '.latent .big')], [expected[0]], 1);
  await page.locator('#tab-compare').click();
  await settled(page);
  assert.match(await statusOf(page), new RegExp(`from ${other} and `));
  await page.locator('#tab-inside').click();
  await settled(page);
  assertSame([await canvas(page, '#panel-inside .big')], [expected[0]], 1);

  await page.locator('#tab-generate').click();
  await pick(page, shown);
  await settled(page);
  assertDifferent(await gridOf(page), expected);
  assert.equal(queryOf(page).model, shown);
  await page.locator('#models [data-own] input').check();
  await settled(page);
  assertSame(await gridOf(page), expected);
});

scene('files that are dropped on the page are opened', async (page) => {
  await visit(page, addressOf(site, { model: other, seed: 7 }));
  const expected = await gridOf(page);
  await visit(page, addressOf(site, { model: shown, seed: 7 }));
  const transfer = await page.evaluateHandle(async (folder) => {
    const transfer = new DataTransfer();
    for (const name of ['model.ron', 'weights.bpk']) transfer.items.add(new File([await (await fetch(`${folder}/${name}`)).blob()], name));
    transfer.items.add(new File(['()'], 'evaluation.ron'));
    return transfer;
  }, `models/${other}`);
  await page.dispatchEvent('body', 'dragover', { dataTransfer: transfer });
  assert.equal(await page.locator('body.dropping').count(), 1);
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await page.waitForFunction((name) => document.getElementById('status').textContent.includes(`samples of ${name}`), other);
  await settled(page);
  assert.equal(await page.locator('body.dropping').count(), 0);
  assertSame(await gridOf(page), expected);
});

scene('a folder that is dropped on the page is opened', async (page) => {
  await visit(page, addressOf(site, { model: other, seed: 7 }));
  const expected = await gridOf(page);
  await visit(page, addressOf(site, { model: shown, seed: 7 }));
  const browser = await page.context().newCDPSession(page);
  const data = { items: [], files: [`${web}/models/${other}`], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop']) await browser.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
  await page.waitForFunction((name) => document.getElementById('status').textContent.includes(`samples of ${name}`), other);
  await settled(page);
  assertSame(await gridOf(page), expected);
});

scene('a folder of the site can be named in the address', async (page) => {
  await visit(page, addressOf(site, { model: other, seed: 7 }));
  const expected = await gridOf(page);
  const { pathname } = new URL(site.url);
  for (const folder of [`./models/${other}/`, `models/${other}`, `${pathname}models/${other}/`]) {
    await visit(page, addressOf(site, { model: folder, seed: 7 }));
    assertSame(await gridOf(page), expected);
    assert.equal(queryOf(page).model, folder);
    assert.match(await statusOf(page), new RegExp(`samples of ${other}`));
  }
  await page.locator('#fresh').click();
  await settled(page);
  assertDifferent(await gridOf(page), expected);
});

test('a folder of another site is refused without a request to it', { timeout: PATIENCE }, async (t) => {
  const seen = await newPage(t, site);
  const { page } = seen;
  for (const folder of ['https://example.com/model/', '//example.com/model/', 'http://[/', 'data:text/plain,/', `${site.url.replace('127.0.0.1', 'localhost')}models/${other}/`]) {
    await page.goto(addressOf(site, { model: folder, seed: 7 }));
    await settled(page);
    assert.match(await statusOf(page), /is not a folder of this site/);
    await pick(page, shown);
    await settled(page);
    assertLively(await gridOf(page));
  }
  assertClean(seen, site);
});

test('for a folder of the site without a model, the missing file is named', { timeout: PATIENCE }, async (t) => {
  const { page, pageErrors } = await newPage(t, site);
  await page.goto(addressOf(site, { model: './models/nothing/', seed: 7 }));
  await settled(page);
  assert.match(await statusOf(page), /nothing\/model\.ron: HTTP 404/);
  for (const odd of ['./%zz/', '/', './models/../../../', './models/%2e%2e/%00/']) {
    await page.goto(addressOf(site, { model: odd, seed: 7 }));
    await settled(page);
    assert.match(await statusOf(page), /Cannot fetch .*model\.ron: HTTP 404/, odd);
  }
  await pick(page, shown);
  await settled(page);
  assertLively(await gridOf(page));
  assert.deepEqual(pageErrors, []);
});

// ---- What is broken -----------------------------------------------------------------------------

/** The manifest with something else in place of what an expression finds, which has to be there. */
function edited(expression, text, from = manifest) {
  assert.match(from, expression);
  return from.replace(expression, text);
}

const mixture = modelWith('a model with a mixture as its prior', ({ name }) => fileOf(name, 'model.ron').toString().includes('Mixture'));
const [mixed, mixedWeights] = [fileOf(mixture.name, 'model.ron').toString(), fileOf(mixture.name, 'weights.bpk')];
const flipped = Buffer.from(weights);
flipped[flipped.length >> 1] ^= 1;

/** What is wrong, the files, and what the message has to match. */
const broken = [
  ['only an image file', [{ name: 'cat.png', mimeType: 'image/png', buffer: Buffer.from('cat') }], /no model\.ron among cat\.png/],
  ['no weights', [ron(manifest)], /found no weights\.bpk/],
  ['no manifest', [bpk(weights)], /found no model\.ron/],
  ['two manifests of other names', [ron(manifest, 'a.ron'), ron(manifest, 'b.ron'), bpk(weights)], /several \.ron files among a\.ron, b\.ron/],
  ['empty files', [ron(''), bpk(Buffer.alloc(0))], /model\.ron/],
  ['an empty manifest', [ron(''), bpk(weights)], /model\.ron/],
  ['empty weights', [ron(manifest), bpk(Buffer.alloc(0))], /weights\.bpk/],
  ['half of the weights', [ron(manifest), bpk(weights.subarray(0, weights.length / 2))], /weights\.bpk/],
  ['weights with a byte changed', [ron(manifest), bpk(flipped)], /weights\.bpk/],
  ['weights and more', [ron(manifest), bpk(Buffer.concat([weights, Buffer.alloc(1000)]))], /weights\.bpk/],
  ['weights of noise', [ron(manifest), bpk(Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919) % 251)))], /weights\.bpk/],
  ['the two files swapped', [ron(weights.subarray(0, 100_000)), bpk(Buffer.from(manifest))], /model\.ron/],
  ['weights of another model', [ron(manifest), bpk(fileOf(shown, 'weights.bpk'))], /weights\.bpk/],
  ['half of the manifest', [ron(manifest.slice(0, manifest.length / 2)), bpk(weights)], /model\.ron/],
  ['HTML in place of RON', [ron('<!doctype html><title>404</title>'), bpk(weights)], /model\.ron/],
  ['JSON in place of RON', [ron('{"format": 1}'), bpk(weights)], /model\.ron/],
  ['bytes that are no text', [{ name: 'model.ron', mimeType: '', buffer: Buffer.from([0xff, 0xfe, 0, 0x80, 0xc3]) }, bpk(weights)], /model\.ron/],
  ['a format of the future', [ron(edited(/format: \d+/, 'format: 99')), bpk(weights)], /format|version/i],
  ['an unknown family', [ron(edited(/family: \w+/, 'family: diffusion')), bpk(weights)], /diffusion|family/],
  ['a field with another name', [ron(edited(/generator: \(/, 'generatr: (')), bpk(weights)], /generat/],
  ['an image larger than memory', [ron(edited(/image: \(1, 28, 28\)/, 'image: (1, 4000000000, 4000000000)')), bpk(weights)], /model\.ron|image|large|shape/i],
  ['a negative size', [ron(edited(/image: \(1, 28, 28\)/, 'image: (1, -28, 28)')), bpk(weights)], /model\.ron/],
  ['a latent size beyond counting', [ron(edited(/latent: \d+/, 'latent: 99999999999999999999')), bpk(weights)], /model\.ron/],
  ['a layer of a billion units', [ron(edited(/units: \d+/, 'units: 1000000000')), bpk(weights)], /./],
  ['an unknown layer', [ron(edited(/"(linear|conv2d|conv_transpose2d)"/, '"attention"')), bpk(weights)], /attention/],
  ['ten thousand brackets', [ron('('.repeat(10_000)), bpk(weights)], /model\.ron/],
];

for (const [what, text, at] of [
  ['a prior that is not a number', 'NaN', /weights: (\[|")/],
  ['an infinite prior', 'inf', /weights: (\[|")/],
]) {
  if (/weights: \[/.test(mixed)) broken.push([what, [ron(mixed.replace(/weights: \[[\d.]+/, `weights: [${text}`)), bpk(mixedWeights)], /./]);
  else broken.push([what, [ron(mixed.replace(at, 'weights: NaN, was: $1')), bpk(mixedWeights)], /model\.ron/]);
}

test(`${broken.length} kinds of broken models are reported, and the current model stays`, { timeout: 2 * PATIENCE }, async (t) => {
  const { page, pageErrors, requests } = await newPage(t, site);
  await visit(page, addressOf(site, { model: shown, seed: 7 }));
  const before = await gridOf(page);
  for (const [what, files, message] of broken) {
    await page.evaluate(() => { document.getElementById('status').textContent = 'waiting'; });
    await open(page, ...files);
    await page.waitForFunction(() => document.getElementById('status').textContent !== 'waiting');
    const said = await statusOf(page);
    t.diagnostic(`${what}: ${said.slice(0, 220)}`);
    assert.equal(await page.locator('#status.problem').count(), 1, `${what} is no problem: ${said}`);
    assert.match(said, message, what);
    assert.ok(!/undefined|\[object|RuntimeError|unreachable|panicked/.test(said), `${what}: ${said}`);
    assert.ok(said.length < 1200, `${what}: a message of ${said.length} characters`);
    assertSame(await gridOf(page), before);
  }
  // The current model can still be sampled.
  await page.locator('#fresh').click();
  await settled(page);
  assertDifferent(await gridOf(page), before);
  assert.equal(queryOf(page).model, shown);
  await page.locator('#seed').fill('7');
  await page.locator('#seed').press('Enter');
  await settled(page);
  assertSame(await gridOf(page), before);
  assert.deepEqual(pageErrors, []);
  assert.deepEqual(requests.filter((url) => !url.startsWith(site.url) && !/^(data|blob):/.test(url)), []);
});
