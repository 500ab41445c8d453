/** The page that `imago compare` writes: it opens anywhere, alone. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, test } from 'node:test';
import { imago } from './samples.mjs';
import { launch } from './site.mjs';

const workshop = mkdtempSync(join(tmpdir(), 'imago-report-'));
const report = join(workshop, 'comparison.html');
const runOf = (name) => join(workshop, name);

const pipelines = {
  evaluator: `
data: { set: synthetic-digits, limit: 1000 }
model: { family: classifier, layers: [flatten, { linear: 16 }, relu, { linear: 10 }] }
train: { epochs: 2, batch: 64 }`,
  'a-vae': `
data: { set: synthetic-digits, limit: 64 }
model:
  family: vae
  latent: 2
  encoder: [flatten, { linear: 16 }, relu]
  decoder: [{ linear: 784 }, { reshape: [1, 28, 28] }]
train: { epochs: 2, batch: 32 }`,
  'a-gan': `
data: { set: synthetic-digits, limit: 64, range: [-1, 1] }
model:
  family: gan
  latent: 4
  generator: [{ linear: 784 }, tanh, { reshape: [1, 28, 28] }]
  discriminator: [flatten, { linear: 16 }, relu, { linear: 1 }]
train: { epochs: 2, batch: 32 }`,
};

let browser;
before(async () => {
  const runs = [];
  for (const [index, [name, text]] of Object.entries(pipelines).entries()) {
    const file = join(workshop, `${index}.yaml`);
    writeFileSync(file, `name: ${name}${text}\n`);
    runs.push(runOf(`run-${index}`));
    imago('train', file, '--run', runs[index], '--device', 'cpu', '--quiet');
  }
  const [evaluator, ...models] = runs;
  imago('compare', ...models, '--evaluator', evaluator, '--count', '100', '--seeds', '1..2', '--bounded', '4', '--draws', '2',
    '--device', 'cpu', '--html', report);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(workshop, { recursive: true, force: true });
});

for (const [width, scheme] of [[1280, 'light'], [400, 'light'], [400, 'dark']]) {
  test(`at ${width} pixels, ${scheme}, all images are there, nothing overflows and nothing is requested`, async (t) => {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
    t.after(() => context.close());
    const page = await context.newPage();
    const [requests, errors] = [[], []];
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()); });
    await page.goto(pathToFileURL(report).href);
    assert.deepEqual(errors, []);
    assert.deepEqual(requests.filter((request) => !request.startsWith('data:') && !request.startsWith('file:')), []);
    const shown = await page.locator('img').evaluateAll((images) => images.map(({ naturalWidth, alt }) => [naturalWidth, alt]));
    assert.ok(shown.length >= 7, `${shown.length} images`);
    assert.ok(shown.every(([natural, alt]) => natural > 0 && alt), JSON.stringify(shown));
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is as wide as the window');
    const text = await page.locator('body').innerText();
    for (const word of ['a-vae', 'a-gan', 'FID', 'sharpness', 'parameters']) {
      assert.ok(text.toLowerCase().includes(word.toLowerCase()), `"${word}" is missing`);
    }
    if (process.env.IMAGO_SCREENSHOTS) {
      await page.screenshot({ path: join(process.env.IMAGO_SCREENSHOTS, `report-${width}-${scheme}.png`), fullPage: true });
    }
  });
}
