/** How large the first module is and how soon the first grid shows: IMAGO_WEB=dist node measure.mjs */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipped, serve } from './server.mjs';
import { launch, web } from './site.mjs';

const VISITS = 7;
const KIB = 1024;

async function sizes(...files) {
  let raw = 0;
  let gzip = 0;
  for (const file of files.map((name) => join(web, name))) {
    const body = await readFile(file);
    raw += body.length;
    gzip += (await gzipped(file, body)).length;
  }
  return { raw, gzip };
}

/** Milliseconds from the navigation to the first grid, with nothing cached. */
async function firstGrid(browser, url) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(url);
    const painted = await page.waitForFunction(() => document.documentElement.dataset.painted);
    return Number(await painted.jsonValue());
  } finally {
    await context.close();
  }
}

const server = await serve(web);
const browser = await launch();
try {
  const { raw, gzip } = await sizes('wasm/cpu/imago.js', 'wasm/cpu/imago_bg.wasm');
  const times = [];
  for (let visit = 0; visit < VISITS; visit += 1) times.push(await firstGrid(browser, server.url));
  times.sort((a, b) => a - b);
  console.log(`CPU module, gzip: ${(gzip / KIB).toFixed(1)} KiB (${gzip} bytes)`);
  console.log(`CPU module, raw: ${(raw / KIB).toFixed(1)} KiB (${raw} bytes)`);
  console.log(`first grid, median of ${VISITS}: ${times[VISITS >> 1]} ms`);
  console.log(`first grid, slowest of ${VISITS}: ${times.at(-1)} ms`);
} finally {
  await browser.close();
  await server.close();
}
