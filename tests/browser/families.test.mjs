/** Tiny models of every family: the page generates the same samples as the native program. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { assertClose, imago, nativeSamples, pageSamples } from './samples.mjs';
import {
  assertClean, assertDifferent, assertLively, assertSame, newPage, openSite, PATIENCE, gridOf, pick, queryOf, settled, statusOf,
  stops, visit, web,
} from './site.mjs';

// ---- The models ---------------------------------------------------------------------------------

const workshop = mkdtempSync(join(tmpdir(), 'imago-families-'));
const folder = join(workshop, 'page');
const runOf = (name) => join(workshop, 'runs', name);
const artifactOf = (name) => join(folder, 'models', name);

const ENCODER = `
    - conv2d: { filters: 4, kernel: 3, stride: 2, padding: same }
    - relu
    - flatten`;

const DECODER = `
    - linear: 196
    - leaky_relu: 0.1
    - reshape: [4, 7, 7]
    - conv_transpose2d: { filters: 4, kernel: 3, stride: 2, padding: same }
    - relu
    - conv_transpose2d: { filters: 1, kernel: 4, stride: 2, padding: same }`;

const DISCRIMINATOR = `
    - flatten
    - linear: 16
    - leaky_relu: 0.2
    - linear: 1`;

const UNIT = '[0, 1]';
const SIGNED = '[-1, 1]';

/** Pixel range and model of each pipeline; the VAE comes before those that learn its latents. */
const pipelines = {
  'tiny-vae': [UNIT, `
  family: vae
  latent: 2
  encoder:${ENCODER}
  decoder:${DECODER}
  prior: { mixture: 3 }`],

  'tiny-autoencoder': [UNIT, `
  family: autoencoder
  encoder:${ENCODER}
    - linear: 3
  decoder:${DECODER}`],

  'tiny-conditional-vae': [UNIT, `
  family: vae
  latent: 2
  condition: class
  encoder:${ENCODER}
  decoder:${DECODER}`],

  'tiny-gan': [SIGNED, `
  family: gan
  latent: 4
  generator:${DECODER}
    - tanh
  discriminator:${DISCRIMINATOR}`],

  'tiny-conditional-gan': [SIGNED, `
  family: gan
  latent: 4
  condition: projection
  generator:${DECODER}
    - tanh
  discriminator:${DISCRIMINATOR}`],

  'tiny-vae-gan': [UNIT, `
  family: vae-gan
  latent: 2
  encoder:${ENCODER}
  decoder:${DECODER}
    - sigmoid
  discriminator:${DISCRIMINATOR}`],

  'tiny-latent-gan': [UNIT, `
  family: latent-gan
  from: ${JSON.stringify(runOf('tiny-vae'))}
  latent: 3
  generator:
    - linear: 16
    - relu
    - linear: 2
  discriminator:
    - linear: 16
    - leaky_relu: 0.2
    - linear: 1`],

  'tiny-latent-vae': [UNIT, `
  family: latent-vae
  from: ${JSON.stringify(runOf('tiny-vae'))}
  latent: 2
  encoder:
    - linear: 16
    - relu
  decoder:
    - linear: 16
    - relu
    - linear: 2`],

  'tiny-classifier': [UNIT, `
  family: classifier
  layers:
    - conv2d: { filters: 4, kernel: 3, padding: same }
    - relu
    - max_pool2d: 2
    - conv2d: { filters: 6, kernel: 3 }
    - avg_pool2d: 2
    - flatten
    - linear: 10`],
};

const CLASSIFIER = 'tiny-classifier';
const generators = Object.keys(pipelines).filter((name) => name !== CLASSIFIER);
const conditional = generators.filter((name) => name.includes('conditional'));
const CLASSES = [...'0123456789'];

/** Trains a model and adds it to the page. */
function publish(name) {
  const [range, model] = pipelines[name];
  const file = join(workshop, `${name}.yaml`);
  writeFileSync(file, `name: ${name}
data: { set: synthetic-digits, limit: 96, range: ${range} }
train: { steps: 40, batch: 32 }
model:${model}
`);
  imago('train', file, '--run', runOf(name), '--device', 'cpu');
  imago('export', runOf(name), '--to', artifactOf(name), '--dtype', 'f32');
}

let site;
before(async () => {
  const [built, models] = [resolve(web), resolve(web, 'models')];
  cpSync(built, folder, { recursive: true, filter: (path) => path !== models });
  mkdirSync(join(folder, 'models'));
  Object.keys(pipelines).forEach(publish);
  const index = Object.keys(pipelines).map((name) => ({ name, family: name === CLASSIFIER ? 'classifier' : '' }));
  writeFileSync(join(folder, 'models', 'index.json'), JSON.stringify(index));
  site = await openSite(folder);
});
after(async () => {
  await site?.close();
  rmSync(workshop, { recursive: true, force: true });
});

// ---- The page -----------------------------------------------------------------------------------

const addressOf = (name, more = {}) => `${site.url}?${new URLSearchParams({ model: name, seed: 7, ...more, backend: 'cpu' })}`;
const chip = (page, klass) => page.locator(`#classes input[value="${klass}"]`);
const labelOf = (page) => page.locator('#grid').getAttribute('aria-label');

/** A test that also checks for errors and foreign requests. */
function scene(name, play) {
  test(name, { timeout: 2 * PATIENCE }, async (t) => {
    const seen = await newPage(t, site);
    await play(seen.page, t);
    assertClean(seen, site);
  });
}

async function assertContent(page) {
  assert.equal(await page.locator('#status.problem').count(), 0, await statusOf(page));
}

async function assertChecked(page, klass) {
  const checked = await page.locator('#classes input:checked').evaluateAll((inputs) => inputs.map(({ value }) => value));
  assert.deepEqual(checked, [klass]);
}

for (const name of generators) {
  scene(`the page and the native program generate the same samples of ${name}`, async (page, t) => {
    await visit(page, addressOf(name));
    assertLively(await gridOf(page));
    await assertContent(page);
    assert.equal(await page.locator('#class').isVisible(), conditional.includes(name));

    for (const klass of conditional.includes(name) ? [null, 3] : [null]) {
      const what = klass === null ? name : `${name}, class ${klass}`;
      const samples = await pageSamples(page, 'cpu', name, klass);
      assert.ok(new Set(samples.values).size > 100, `the samples of ${what} are blank`);
      assertClose(t, `${what}, page and native`, samples, nativeSamples(artifactOf(name), klass));
    }
  });
}

for (const name of conditional) {
  scene(`${name} samples the selected class, and its address restores it`, async (page) => {
    await visit(page, addressOf(name));
    assert.deepEqual(await page.locator('#classes label').allInnerTexts(), ['All', ...CLASSES]);
    await assertChecked(page, '');
    assert.match(await labelOf(page), /all classes/);
    const all = await gridOf(page);

    await chip(page, 5).check();
    await chip(page, 3).check();
    await settled(page);
    assert.equal(page.url(), addressOf(name, { class: 3 }));
    assert.match(await labelOf(page), /class 3\b/);
    const third = await gridOf(page);
    assertLively(third);
    assertDifferent(third, all);
    const turn = (tiles) => tiles.filter((_, index) => index % CLASSES.length === 3);
    assertSame(turn(third), turn(all), 1);

    await visit(page, page.url());
    await assertChecked(page, '3');
    assertSame(await gridOf(page), third);
    await assertContent(page);

    await chip(page, '').check();
    await settled(page);
    assert.equal(page.url(), addressOf(name));
    assertSame(await gridOf(page), all);
  });
}

scene('the class is kept if the next model has it, and dropped if that is unconditional', async (page) => {
  const [first, second] = conditional;
  await visit(page, addressOf(first, { class: 3 }));
  await pick(page, second);
  await settled(page);
  assert.equal(queryOf(page).class, '3');
  await assertChecked(page, '3');
  await pick(page, 'tiny-vae');
  await settled(page);
  assert.equal('class' in queryOf(page), false);
  assert.equal(await page.locator('#class').isVisible(), false);
  await pick(page, first);
  await settled(page);
  assert.equal(await page.locator('#class').isVisible(), true);
  await assertChecked(page, '');
  await assertContent(page);
});

scene('an address with a class that the model lacks samples all classes', async (page) => {
  for (const [name, klass] of [[conditional[0], '10'], [conditional[0], 'three'], [conditional[0], '-1'], ['tiny-vae', '3']]) {
    await visit(page, addressOf(name));
    const all = await gridOf(page);
    await visit(page, addressOf(name, { class: klass }));
    assertSame(await gridOf(page), all);
    assert.equal(page.url(), addressOf(name));
    await assertContent(page);
  }
});

scene('a class can be picked with the keyboard', async (page) => {
  await visit(page, addressOf(conditional[0]));
  const reached = await stops(page, 6);
  assert.deepEqual(reached, ['skip', 'tab-generate', 'model', 'open', 'class', 'seed']);
  await page.keyboard.press('Shift+Tab');
  for (const klass of ['0', '1']) {
    await page.keyboard.press('ArrowRight');
    await settled(page);
    assert.equal(queryOf(page).class, klass);
    assert.equal(await page.evaluate(() => document.activeElement.value), klass);
  }
});

scene('WebGPU generates the same samples of a class as the CPU', async (page, t) => {
  const [name] = conditional;
  await visit(page, addressOf(name));
  const [webgpu, cpu] = [await pageSamples(page, 'webgpu', name, 3), await pageSamples(page, 'cpu', name, 3)];
  assertClose(t, `${name}, class 3, page on WebGPU and page on CPU`, webgpu, cpu);
});

// ---- The classifier -----------------------------------------------------------------------------

scene('the page says that a classifier generates no images, and keeps working', async (page) => {
  const assertEmpty = async () => {
    assert.match(await statusOf(page), /tiny-classifier is a classifier: it generates no images/);
    assert.equal(await labelOf(page), 'No samples');
    for (const tile of await gridOf(page)) assert.deepEqual([...new Set(tile)], ['\0']);
    assert.equal(await page.locator('#class').isVisible(), false);
    assert.equal(await page.locator('#family').innerText(), 'classifier');
    assert.equal(page.url(), addressOf(CLASSIFIER));
  };
  await page.goto(addressOf(CLASSIFIER, { class: 3 }));
  await settled(page);
  await assertEmpty();
  await pick(page, conditional[0]);
  await settled(page);
  assertLively(await gridOf(page));
  await assertContent(page);
  assert.equal(await page.locator(`#models input[value="${CLASSIFIER}"]`).isVisible(), false, 'the classifier is listed');
});

scene('the engine classifies images, rejects invalid calls, and keeps working', async (page) => {
  await visit(page, addressOf('tiny-vae'));
  const { facts, rows, again, refusals, after } = await page.evaluate(async ({ classifier, vae, conditional }) => {
    const { Engine, EngineError } = await import(new URL('js/engine.js', document.baseURI));
    const engine = await Engine.open('cpu');
    const describe = (error) => (error instanceof EngineError ? `fatal: ${error.message}` : error.message);
    const refusal = (call) => call.then(() => 'accepted', describe);
    try {
      const refusals = {};
      await engine.load(vae);
      const { pixels } = await engine.sample(7, 0, 16);
      refusals.vae = await refusal(engine.classify(pixels));
      await engine.load(conditional);
      refusals.class = await refusal(engine.sample(7, 0, 16, 10));
      refusals.count = await refusal(engine.sample(7, 0, 0));

      const facts = await engine.load(classifier);
      const rows = await engine.classify(pixels);
      const again = await engine.classify(pixels);
      refusals.sample = await refusal(engine.sample(7, 0, 16));
      refusals.length = await refusal(engine.classify(pixels.subarray(1)));
      refusals.none = await refusal(engine.classify(new Float32Array()));
      refusals.many = await refusal(engine.classify(new Float32Array(4097 * pixels.length / 16)));
      const after = await engine.classify(pixels);
      return { facts, rows: Array.from(rows), again: Array.from(again), refusals, after: Array.from(after) };
    } finally {
      engine.close();
    }
  }, { classifier: CLASSIFIER, vae: 'tiny-vae', conditional: conditional[0] });

  assert.equal(facts.family, 'classifier');
  assert.equal(facts.conditional, false);
  assert.equal(facts.latent, 0);
  assert.deepEqual(facts.classes, CLASSES);
  assert.equal(rows.length, 16 * CLASSES.length);
  for (let at = 0; at < rows.length; at += CLASSES.length) {
    const row = rows.slice(at, at + CLASSES.length);
    assert.ok(row.every((probability) => probability >= 0 && probability <= 1), `probabilities ${row}`);
    const sum = row.reduce((total, probability) => total + probability, 0);
    assert.ok(Math.abs(sum - 1) < 1e-5, `a row sums to ${sum}`);
  }
  assert.ok(new Set(rows).size > CLASSES.length, 'all images get the same probabilities');
  assert.deepEqual(again, rows);
  assert.deepEqual(after, rows);

  assert.match(refusals.vae, /^tiny-vae is not a classifier/);
  assert.match(refusals.class, /^tiny-conditional-\w+ has the classes 0 to 9, asked for 10$/);
  assert.match(refusals.count, /^1 to 4096 samples at a time, asked for 0$/);
  assert.match(refusals.sample, /^tiny-classifier is a classifier: it generates no images$/);
  for (const [what, found] of [['length', 16 * 784 - 1], ['none', 0], ['many', 4097 * 784]]) {
    assert.equal(refusals[what], `expected 1 to 4096 images of 1 × 28 × 28 values, found ${found} values`);
  }
});
