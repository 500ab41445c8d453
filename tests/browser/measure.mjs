/**
 * Measures the page's download size, time to the first grid, and speed on each backend:
 * `cargo xtask measure-page`, or IMAGO_WEB=dist node measure.mjs
 */
import { readdir, readFile } from 'node:fs/promises';
import { serve } from './server.mjs';
import { launch, modelNames, web } from './site.mjs';
import { transfer, transferTable } from './transfer.mjs';

const VISITS = 7;
const MANY = 64;

/** Everything that a first visit fetches: all of it is named in the head of the page. */
async function firstVisit() {
  const page = await readFile(`${web}/index.html`, 'utf8');
  const named = [...page.matchAll(/(?:href|src)="\.\/([^"]+)"/g)].map(([, file]) => file);
  return ['index.html', ...new Set(named.filter((file) => /\.(js|css|wasm)$/.test(file)))];
}

/** Milliseconds from the navigation to the first grid, with nothing cached. */
async function firstGrid(browser, url) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const page = await context.newPage();
    await page.goto(url);
    const painted = await page.waitForFunction(() => document.documentElement.dataset.painted);
    return Number(await painted.jsonValue());
  } finally {
    await context.close();
  }
}

/** Milliseconds of the first 64 samples, the next ones, and a single one. */
async function times(browser, url, model, backend) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(300_000);
    await page.goto(url);
    return await page.evaluate(async ({ model, backend, many }) => {
      const { Engine } = await import(new URL('js/engine.js', location.href).href);
      const engine = await Engine.open(backend);
      await engine.load(model);
      const ask = async (count) => (await engine.sample(7, 0, count)).milliseconds;
      const median = async (count, repeats) => {
        const all = [];
        for (let i = 0; i < repeats; i += 1) all.push(await ask(count));
        return all.sort((a, b) => a - b)[repeats >> 1];
      };
      const first = await ask(many);
      const next = await median(many, 7);
      await ask(1);
      return { first, next, one: await median(1, 15) };
    }, { model, backend, many: MANY });
  } finally {
    await context.close();
  }
}

const server = await serve(web);
const browser = await launch();
try {
  console.log(`What a visitor downloads, in bytes${''.padEnd(44)}raw        gzip      brotli\n\nfor the first images`);
  transferTable(await transfer(web, await firstVisit()));
  console.log('\nfor the other views');
  const views = (await readdir(`${web}/js/views`)).filter((file) => file.endsWith('.js')).map((file) => `js/views/${file}`);
  transferTable(await transfer(web, views));
  console.log('\nfor WebGPU');
  transferTable(await transfer(web, ['wasm/webgpu/imago.js', 'wasm/webgpu/imago_bg.wasm']));

  const visits = [];
  for (let visit = 0; visit < VISITS; visit += 1) visits.push(await firstGrid(browser, server.url));
  visits.sort((a, b) => a - b);
  console.log(`\nFirst grid after the navigation, of ${VISITS} visits with nothing cached: ${visits[VISITS >> 1]} ms in the middle, ${visits.at(-1)} ms at most`);

  console.log(`\nMilliseconds in ${browser.version()}: the first ${MANY} samples, the next ${MANY}, one\n`);
  for (const model of modelNames()) {
    for (const backend of ['cpu', 'webgpu']) {
      const { first, next, one } = await times(browser, server.url, model, backend);
      console.log(`${model.padEnd(22)} ${backend.padEnd(8)}${[first, next, one].map((value) => value.toFixed(value < 10 ? 2 : 0).padStart(9)).join('')}`);
    }
  }
} finally {
  await browser.close();
  await server.close();
}
