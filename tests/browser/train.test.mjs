/** Training in the page: the same results as the native program, and runs that survive failures. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertClose, imago, nativeSamples } from './samples.mjs';
import { addressOf, assertClean, inWorkers, LOSABLE, loseDevice, newPage, openSite, PATIENCE, settled, statusOf } from './site.mjs';

let site;
let scratch;
before(async () => {
  site = await openSite();
  scratch = mkdtempSync(join(tmpdir(), 'imago-train-'));
});
after(() => {
  rmSync(scratch, { recursive: true, force: true });
  return site?.close();
});

const STEPS = 20;
const DATA = 'data: { set: synthetic-digits, limit: 640 }';
const TRAIN = `train: { steps: ${STEPS}, batch: 32, optimizer: { adam: { lr: 0.002 } } }`;
const ENCODER = 'encoder: [{ conv2d: { filters: 4, kernel: 3, stride: 2, padding: same } }, relu, flatten, { linear: 16 }, relu]';
const DECODER = 'decoder: [{ linear: 784 }, { reshape: [4, 14, 14] }, relu, { conv_transpose2d: { filters: 1, kernel: 4, stride: 2, padding: same } }]';
const DISCRIMINATOR = 'discriminator: [{ conv2d: { filters: 8, kernel: 4, stride: 2, padding: same } }, { leaky_relu: 0.2 }, flatten, { linear: 1 }]';
const LATENT = 'discriminator: [{ linear: 16 }, { leaky_relu: 0.2 }, { linear: 1 }]';

/** One pipeline of each family, without what a device draws itself; the latent ones learn the latents of the first. */
const MODELS = {
  vae: `{ family: vae, latent: 2, ${ENCODER}, ${DECODER} }`,
  classifier: '{ family: classifier, layers: [{ conv2d: { filters: 4, kernel: 3, stride: 2 } }, relu, { batch_norm: {} }, flatten, { linear: 10 }] }',
  autoencoder: `{ family: autoencoder, ${ENCODER.replace(', relu]', ', relu, { linear: 4 }]')}, ${DECODER} }`,
  gan: `{ family: gan, latent: 8, condition: class, generator: [{ linear: 784 }, { reshape: [4, 14, 14] }, relu, upsample, { conv2d: { filters: 1, kernel: 3, padding: same } }, sigmoid], ${DISCRIMINATOR} }`,
  'vae-gan': `{ family: vae-gan, latent: 4, ${ENCODER}, decoder: [{ linear: 784 }, sigmoid, { reshape: [1, 28, 28] }], ${DISCRIMINATOR} }`,
  'latent-gan': `{ family: latent-gan, from: SOURCE, latent: 4, generator: [{ linear: 16 }, relu, { linear: 2 }], ${LATENT} }`,
  'latent-vae': '{ family: latent-vae, from: SOURCE, latent: 2, encoder: [{ linear: 16 }, relu], decoder: [{ linear: 16 }, relu, { linear: 2 }] }',
};
const pipeline = (family, train = TRAIN) => `name: ${family}\n${DATA}\nmodel: ${MODELS[family].replace('SOURCE', join(scratch, 'runs/vae').replaceAll('\\', '/'))}\n${train}\n`;

/** Runs `play(trainer, argument)`, sent as text, with a trainer in the page. */
function withTrainer(page, device, play, argument) {
  return page.evaluate(`(async () => {
    const { Trainer } = await import(new URL('js/train/trainer.js', document.baseURI));
    const trainer = await Trainer.open(${JSON.stringify(device)});
    const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
    const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const until = (step) => new Promise((resolve, reject) => {
      trainer.onprogress = (progress) => { if (!progress.running) resolve(progress); };
      trainer.onfailure = (message) => reject(new Error(message));
      trainer.train(step);
    });
    try {
      return await (${play})(trainer, ${JSON.stringify(argument)}, { base64, bytesOf, until });
    } finally {
      trainer.close();
    }
  })()`);
}

/** The trained model: `{ manifest, weights }`, the weights as base64. */
const wholeRun = async (trainer, { yaml, source }, { base64, bytesOf, until }) => {
  await trainer.begin({ yaml, images: null, source: source && { ...source, weights: bytesOf(source.weights) } });
  await until(Infinity);
  const { manifest, weights } = await trainer.artifact();
  return { manifest, weights: base64(weights) };
};

const filesOf = (folder) => ({
  manifest: readFileSync(join(folder, 'model.ron'), 'utf8'),
  weights: readFileSync(join(folder, 'weights.bpk')).toString('base64'),
});

/** The losses in a manifest. */
function lossesOf(manifest) {
  const list = manifest.match(/losses: \[(.*?)\]/s)[1];
  return Object.fromEntries([...list.matchAll(/\("([^"]+)",\s*([-\d.e]+)\)/g)].map(([, name, value]) => [name, Number(value)]));
}

/** The folder of a model that was trained natively and exported with its encoder. */
function trainedNatively(family) {
  const file = join(scratch, `${family}.yaml`);
  writeFileSync(file, pipeline(family));
  const run = join(scratch, 'runs', family);
  imago('train', file, '--run', run, '--device', 'cpu');
  const out = join(scratch, 'exported', family);
  imago('export', run, '--to', out, ...(/encoder:/.test(MODELS[family]) && !/from:/.test(MODELS[family]) ? ['--encoder'] : []));
  return out;
}

for (const family of Object.keys(MODELS)) {
  test(`a ${family} trained in the page matches one trained natively`, { timeout: 2 * PATIENCE }, async (t) => {
    const { page } = await newPage(t, site);
    await page.goto(addressOf(site, {}));
    const native = trainedNatively(family);
    const source = MODELS[family].includes('SOURCE') ? filesOf(join(scratch, 'exported/vae')) : null;
    for (const [device, tolerance] of [['cpu', 1e-3], ['webgpu', 1e-2]]) {
      const model = await withTrainer(page, device, wholeRun, { yaml: pipeline(family), source });
      const [expected, found] = [lossesOf(filesOf(native).manifest), lossesOf(model.manifest)];
      assert.deepEqual(Object.keys(found), Object.keys(expected));
      for (const [name, value] of Object.entries(expected)) {
        assert.ok(Math.abs(found[name] - value) <= tolerance * Math.max(1, Math.abs(value)), `${name}: ${found[name]}, natively ${value}`);
      }
      if (family === 'classifier') continue;
      const own = join(scratch, 'page', family);
      mkdirSync(own, { recursive: true });
      writeFileSync(join(own, 'model.ron'), model.manifest);
      writeFileSync(join(own, 'weights.bpk'), Buffer.from(model.weights, 'base64'));
      const samples = nativeSamples(native);
      assert.ok(new Set(samples.values).size > 100, 'the samples are all the same');
      assertClose(t, `samples of the ${family}, ${device}`, nativeSamples(own), samples, tolerance);
    }
  });
}

// ---- The Train view -----------------------------------------------------------------------------

const SMALL = `name: small\n${DATA}\nmodel: ${MODELS.vae}\ntrain: { steps: 400, batch: 32, optimizer: { adam: { lr: 0.003 } } }\n`;

function scene(name, play, { prepare = null, reports = [] } = {}) {
  test(name, { timeout: 2 * PATIENCE }, async (t) => {
    const seen = await newPage(t, site, prepare);
    await open(seen.page);
    await play(seen.page, t, seen);
    seen.consoleErrors = seen.consoleErrors.filter((error) => !reports.some((expected) => error.includes(expected)));
    assertClean(seen, site);
  });
}

async function open(page, query = {}) {
  await page.goto(addressOf(site, { view: 'train', ...query }));
  await settled(page);
  await page.waitForSelector('.train .yaml');
}

const button = (page, name) => page.getByRole('button', { name, exact: true });
const line = (page) => page.locator('.run-line').innerText();
const stepOf = async (page) => Number((await line(page)).match(/step ([\d,]+) of/)[1].replaceAll(',', ''));

/** Enters a pipeline and waits until it has been checked. */
async function write(page, yaml) {
  await page.locator('.train .yaml').fill(yaml);
  await page.waitForFunction(() => document.querySelector('.train .yaml').dataset.read === document.querySelector('.train .yaml').value);
}

/** Trains up to a step and waits until the run has paused there. */
async function trainTo(page, step) {
  await page.locator('.train .limit').fill(String(step));
  await button(page, 'Train').click();
  await page.waitForFunction((step) => document.querySelector('.run-line').textContent.includes(`step ${step.toLocaleString('en')} of`)
    && !document.querySelector('.run-line').textContent.includes(' left'), step);
}

scene('a preset can be trained, and its model is available in every view', async (page) => {
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.querySelectorAll('.train .samples canvas').length === 36 && /KL/.test(document.querySelector('.run-line').textContent));
  await button(page, 'Pause').click();
  await page.waitForFunction(() => document.querySelector('.run-line').textContent.includes('paused'));
  assert.ok(await stepOf(page) > 0);
  assert.match(await page.locator('.train .curves svg').getAttribute('aria-label'), /Losses up to step \d+: reconstruction/);
  for (const view of ['generate', 'latent', 'draw', 'inside']) {
    await page.locator(`#tab-${view}`).click();
    await settled(page);
    await page.locator('#models [data-own] input').check();
    await settled(page);
    assert.equal(await page.locator('#dataset').innerText(), 'synthetic-digits', view);
  }
});

scene('a mistake is reported at the same place as on the command line, and blocks training until it is fixed', async (page) => {
  await write(page, SMALL.replace('latent: 2', 'latent: 0').replace('relu, flatten', 'rulu, flatten'));
  const shown = await page.locator('.findings li').allInnerTexts();
  const file = join(scratch, 'wrong.yaml');
  writeFileSync(file, await page.locator('.train .yaml').inputValue());
  const { stderr, stdout } = spawnSync(process.env.IMAGO_BIN, ['check', file], { encoding: 'utf8' });
  const places = [...(stdout + stderr).matchAll(/wrong\.yaml:(\d+:\d+)/g)].map(([, place]) => place);
  assert.deepEqual(shown.map((text) => text.match(/^\d+:\d+/)[0]), places);
  assert.ok(shown.some((text) => text.includes('rulu') && text.includes('relu')), shown.join('\n'));
  assert.ok(await button(page, 'Train').isDisabled());
  await page.locator('.findings button').first().click();
  assert.notEqual(await page.evaluate(() => getSelection().toString() || document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)), '');
  await write(page, SMALL);
  assert.equal(await page.locator('.findings li').count(), 0);
  assert.ok(await button(page, 'Train').isEnabled());
});

scene('a model that is too large for a page is refused before anything is allocated', async (page) => {
  await write(page, SMALL.replace('{ linear: 16 }', '{ linear: 60000 }'));
  assert.match(await page.locator('.findings li').first().innerText(), /parameters/);
  assert.ok(await button(page, 'Train').isDisabled());
});

scene('a paused run resumes after a reload, to the same bits', async (page) => {
  const finished = async () => {
    await trainTo(page, 400);
    const [download] = await Promise.all([page.waitForEvent('download', (file) => file.suggestedFilename() === 'weights.bpk'), button(page, 'Download model').click()]);
    return readFileSync(await download.path()).toString('base64');
  };
  await write(page, SMALL);
  const whole = await finished();
  await button(page, 'Reset').click();
  await trainTo(page, 130);
  await page.reload();
  await settled(page);
  assert.match(await page.locator('.offer').innerText(), /small was saved, at step 130 of 400/);
  await button(page, 'Continue').click();
  await page.waitForFunction(() => document.querySelector('.run-line').textContent.includes('step 130 of 400'));
  assert.ok(await finished() === whole, 'the weights differ');
});

scene('a run can be trained one step at a time', async (page) => {
  await write(page, SMALL);
  for (const step of [1, 2, 3]) {
    await button(page, 'Step').click();
    await page.waitForFunction((step) => document.querySelector('.run-line').textContent.includes(`step ${step} of 400`), step);
  }
});

scene('a pause during a slow step aborts it and goes back to the last snapshot', async (page) => {
  await write(page, SMALL.replace('limit: 640', 'limit: 2048').replace('batch: 32', 'batch: 1024').replace('filters: 4, kernel: 3, stride: 2', 'filters: 48, kernel: 7, stride: 1'));
  await button(page, 'Train').click();
  await page.waitForTimeout(1500);
  const begin = Date.now();
  await button(page, 'Pause').click();
  await page.waitForFunction(() => document.getElementById('status').textContent.includes('took too long'));
  assert.ok(Date.now() - begin < 20_000);
  assert.equal(await stepOf(page), 0);
});

scene('a run that diverges says so and suggests a remedy', async (page) => {
  await write(page, SMALL.replace('lr: 0.003', 'lr: 1e30'));
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.getElementById('status').classList.contains('problem'));
  assert.match(await statusOf(page), /diverged.*lower `lr`/);
});

scene('if the browser has no space left, training continues and the page says that a reload would lose it', async (page) => {
  await write(page, SMALL);
  await trainTo(page, 5);
  await page.waitForFunction(() => /no space left.*reload/.test(document.getElementById('status').textContent));
  await page.locator('.train .limit').fill('9');
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.querySelector('.run-line').textContent.includes('step 9 of'));
}, {
  prepare: (page) => page.addInitScript(() => {
    const refuse = () => { throw new DOMException('full', 'QuotaExceededError'); };
    IDBObjectStore.prototype.put = refuse;
  }),
});

scene('a second tab can train, and says that the first one saves its run', async (page) => {
  await write(page, SMALL);
  await trainTo(page, 3);
  const second = await page.context().newPage();
  await open(second);
  await write(second, SMALL);
  await trainTo(second, 3);
  await second.waitForFunction(() => document.getElementById('status').textContent.includes('Another tab'));
});

scene('image files can be used, with folders as classes, and a file that is not an image is named', async (page) => {
  const yaml = `name: own\ndata: { set: { folder: photos }, size: 16, channels: 3, classes: [blue, red] }\nmodel: { family: classifier, layers: [flatten, { linear: 2 }] }\ntrain: { steps: 30, batch: 4 }\n`;
  await write(page, yaml);
  const image = (colour) => Buffer.from(pngs[colour], 'base64');
  const pngs = await page.evaluate(() => Object.fromEntries(['blue', 'red'].map((colour) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 20, height: 16 });
    const context = canvas.getContext('2d');
    context.fillStyle = colour;
    context.fillRect(0, 0, 20, 16);
    return [colour, canvas.toDataURL().split(',')[1]];
  })));
  const folder = join(scratch, 'photos');
  for (const colour of ['blue', 'red']) {
    mkdirSync(join(folder, colour), { recursive: true });
    for (let at = 0; at < 8; at += 1) writeFileSync(join(folder, colour, `${at}.png`), image(colour));
  }
  await page.locator('.train input[webkitdirectory]').setInputFiles(folder);
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.querySelector('.run-line').textContent.includes('finished'));
  assert.match(await line(page), /test accuracy 1\.000/);
  await button(page, 'Reset').click();
  writeFileSync(join(folder, 'red', 'letter.png'), 'dear');
  await page.locator('.train input[webkitdirectory]').setInputFiles(folder);
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.getElementById('status').classList.contains('problem'));
  assert.match(await statusOf(page), /letter\.png is not an image/);
});

scene('drawings kept in the Draw view can be used for training', async (page) => {
  await page.locator('#tab-draw').click();
  await settled(page);
  const sheet = await page.locator('.sheet-box canvas').boundingBox();
  for (const [name, turned] of [['upright', false], ['lying', true], ['upright', false], ['lying', true]]) {
    const at = (along) => (turned ? [sheet.x + along * sheet.width, sheet.y + sheet.height / 2] : [sheet.x + sheet.width / 2, sheet.y + along * sheet.height]);
    await page.mouse.move(...at(0.2));
    await page.mouse.down();
    await page.mouse.move(...at(0.8), { steps: 8 });
    await page.mouse.up();
    await page.getByRole('textbox', { name: 'Class of the drawing' }).fill(name);
    await button(page, 'Keep for training').click();
    await page.waitForFunction(() => [...document.querySelectorAll('.sheet-box button')].at(-1).disabled);
  }
  const data = await page.locator('.sheet-box code').innerText();
  assert.equal(data, 'data: { set: { folder: drawings }, classes: ["upright","lying"] }');
  await page.locator('#tab-train').click();
  await settled(page);
  await write(page, `name: own\n${data}\nmodel: { family: classifier, layers: [flatten, { linear: 2 }] }\ntrain: { steps: 40, batch: 4 }\n`);
  await button(page, 'Use my drawings').click();
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.querySelector('.run-line').textContent.includes('finished'));
  assert.match(await line(page), /test accuracy 1\.000/);
});

/** The files of a published set beside the page. */
const IDX_FILES = '**/data/mnist/*.gz';

/** A sound IDX file, of one black image or of its label, by the file's name. */
function idxOfOneImage(name) {
  const [numbers, data] = name.includes('images') ? [[2051, 1, 28, 28], new Uint8Array(784)] : [[2049, 1], [3]];
  return Buffer.concat([Buffer.from(Uint32Array.from(numbers).buffer).swap32(), Buffer.from(data)]);
}

scene('IDX files other than those of the data set are rejected', async (page) => {
  await write(page, SMALL.replace('synthetic-digits', 'mnist'));
  const names = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'];
  const files = names.map((name) => ({ name, mimeType: 'application/octet-stream', buffer: idxOfOneImage(name) }));
  const input = page.locator('.train input[type="file"]:not([webkitdirectory])');
  await input.setInputFiles(files.slice(0, 3));
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.getElementById('status').textContent.includes('t10k-labels'));
  await input.setInputFiles(files);
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.getElementById('status').textContent.includes('SHA-256'));
});

scene('if the GPU is lost, training continues on the CPU from the last snapshot, and the page says so', async (page) => {
  await write(page, SMALL);
  await page.getByRole('radio', { name: 'WebGPU', exact: true }).check();
  await page.locator('.train .limit').fill('1');
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.querySelector('.run-line').textContent.includes('step 1 of 400'));
  await page.locator('.train .limit').fill('60');
  await loseDevice(page);
  await button(page, 'Train').click();
  await page.waitForFunction(() => /WebGPU failed, so training continues on the CPU from the last snapshot/.test(document.getElementById('status').textContent));
  await page.waitForFunction(() => document.querySelector('.run-line').textContent.includes('step 60 of 400'));
}, {
  prepare: async (page) => {
    // A software adapter is not offered for training: here it poses as hardware.
    await page.addInitScript(() => {
      Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false });
      for (const word of ['vendor', 'architecture', 'device', 'description']) {
        Object.defineProperty(GPUAdapterInfo.prototype, word, { get: () => 'test' });
      }
    });
    await inWorkers(page, LOSABLE);
  },
  reports: ['panicked'],
});

scene('data sets deployed with the page are offered, and verified by their hash', async (page) => {
  const option = page.locator('.train option', { hasText: /^VAE on MNIST/ });
  await option.waitFor({ state: 'attached' });
  assert.equal(await page.locator('.train option', { hasText: /^VAE on Fashion-MNIST/ }).count(), 0);
  await page.getByLabel('Preset', { exact: true }).selectOption(await option.getAttribute('value'));
  await page.waitForFunction(() => document.querySelector('.train .yaml').value.includes('set: mnist'));
  await button(page, 'Train').click();
  await page.waitForFunction(() => document.getElementById('status').textContent.includes('SHA-256'));
  await page.unroute(IDX_FILES);
  await page.route(IDX_FILES, (route) => route.fulfill({ status: 404, body: '' }));
  await button(page, 'Train').click();
  await page.waitForFunction(() => /idx\d-ubyte\.gz/.test(document.getElementById('status').textContent));
}, {
  prepare: async (page) => {
    await page.route('**/data/index.json', (route) => route.fulfill({ json: ['mnist'] }));
    await page.route(IDX_FILES, (route) => route.fulfill({ body: idxOfOneImage(route.request().url()) }));
  },
  reports: ['404'],
});

scene('training does not block the pointer and does not leak memory', async (page) => {
  await write(page, SMALL.replace('steps: 400', 'steps: 1000'));
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ type: 'longtask', buffered: false });
  });
  await trainTo(page, 200);
  const memory = () => page.evaluate(async () => (await performance.measureUserAgentSpecificMemory?.())?.bytes ?? performance.memory.usedJSHeapSize);
  const before = await memory();
  // On a busy machine some tasks may also wait for a core.
  const longest = [];
  for (const step of [400, 600, 800, 1000]) {
    await page.evaluate(() => { window.longest = 0; });
    await trainTo(page, step);
    longest.push(await page.evaluate(() => window.longest));
  }
  const growth = await memory() - before;
  assert.ok(growth < 8e6, `${growth} bytes more after 800 steps`);
  assert.ok(longest.filter((duration) => duration <= 50).length >= 2, `the longest tasks took ${longest.join(', ')} ms`);
});

test('the memory of the module does not grow over a thousand steps', { timeout: 2 * PATIENCE }, async (t) => {
  const { page } = await newPage(t, site);
  await page.goto(addressOf(site, {}));
  const [before, after] = await withTrainer(page, 'cpu', async (trainer, yaml, { until }) => {
    await trainer.begin({ yaml, images: null, source: null });
    const bytes = [];
    for (const step of [200, 1000]) {
      bytes.push((await until(step)).bytes);
      await trainer.artifact();
    }
    return bytes;
  }, SMALL.replace('steps: 400', 'steps: 1000'));
  assert.ok(before > 0 && after - before < 4e6, `${before} bytes after 200 steps, ${after} after 1,000`);
});
