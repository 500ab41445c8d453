/** What the tests run on: the built page, the browser, and what one does with the page. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from './server.mjs';

/** The folder of the built page. */
export const web = process.env.IMAGO_WEB || fileURLToPath(new URL('../../dist', import.meta.url));

/** How long a page may take; a first WebGPU image on a software adapter needs many seconds. */
export const PATIENCE = 180_000;

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome-stable', '/usr/bin/google-chrome'];

/** WebGPU on the software adapter that comes with Chromium, and no request of the browser's own. */
const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const QUIET = ['--headless=new', '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

/** Starts Chromium with an empty profile. */
export async function launch() {
  const executablePath = process.env.IMAGO_CHROMIUM || BROWSERS.find(existsSync);
  if (!executablePath || !existsSync(executablePath)) {
    throw new Error(`no browser at ${executablePath ?? BROWSERS.join(', ')}: install Chromium, or say where it is with IMAGO_CHROMIUM`);
  }
  return chromium.launch({ executablePath, args: [...QUIET, ...SWIFTSHADER] });
}

/** The server of a built page and the browser that a test file shares: `{ url, browser, close }`. */
export async function openSite(folder = web) {
  const server = await serve(folder);
  try {
    const browser = await launch();
    return { url: server.url, browser, close: async () => { await browser.close(); await server.close(); } };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** The folder names of the published models. */
export function modelNames() {
  return JSON.parse(readFileSync(`${web}/models/index.json`, 'utf8'));
}

/**
 * A page in a context of its own, closed when test `t` ends, with notes of what went by:
 * `{ page, requests, pageErrors, consoleErrors }`. `prepare(page)` runs before anything is opened.
 */
export async function newPage(t, { browser }, prepare) {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const seen = { page, requests: [], pageErrors: [], consoleErrors: [] };
  context.on('request', (request) => seen.requests.push(request.url()));
  page.on('pageerror', (error) => seen.pageErrors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') seen.consoleErrors.push(`${message.text()} ${message.location().url}`);
  });
  await prepare?.(page);
  return seen;
}

/** Checks the notes of a page: no error, no foreign request. */
export function assertClean({ pageErrors, consoleErrors, requests }, { url }) {
  assert.deepEqual(pageErrors, [], 'page errors');
  assert.deepEqual(consoleErrors, [], 'console errors');
  const foreign = requests.filter((request) => !request.startsWith(url) && !request.startsWith('data:'));
  assert.deepEqual(foreign, [], 'foreign requests');
}

/** Opens an address of the site and waits for its first grid. */
export async function visit(page, address) {
  await page.goto(address);
  await page.waitForFunction(() => document.documentElement.dataset.painted);
  await settled(page);
}

/** Waits until the page shows what it was asked for, or has said why it cannot. */
export async function settled(page) {
  await page.waitForSelector('#grid[aria-busy="false"]');
}

/** The red channel of every tile: an array of 64 strings, one code unit a pixel. */
export function picture(page) {
  return page.evaluate(() => [...document.querySelectorAll('#grid canvas')].map((tile) => {
    const { data } = tile.getContext('2d').getImageData(0, 0, tile.width, tile.height);
    return String.fromCharCode(...data.filter((_, index) => index % 4 === 0));
  }));
}

/** Checks that a picture is 64 images, none blank, not all the same. */
export function assertLively(tiles) {
  assert.equal(tiles.length, 64);
  for (const [index, tile] of tiles.entries()) assert.ok(new Set(tile).size > 1, `image ${index} is blank`);
  assert.ok(new Set(tiles).size > 32, `only ${new Set(tiles).size} of 64 images differ`);
}

/** Checks that two pictures differ by no more than `steps` of 255 grey levels. */
export function assertSame(left, right, steps = 0) {
  const [a, b] = [left.join(''), right.join('')];
  assert.equal(a.length, b.length);
  let largest = 0;
  for (let at = 0; at < a.length; at += 1) largest = Math.max(largest, Math.abs(a.charCodeAt(at) - b.charCodeAt(at)));
  assert.ok(largest <= steps, `the pictures differ by ${largest} of 255 grey levels`);
}

/** Checks that two pictures are not the same. */
export function assertDifferent(left, right) {
  assert.ok(left.join('') !== right.join(''), 'the picture is the same');
}

export const pick = (page, model) => page.locator(`#models input[value="${model}"]`).check();
export const statusOf = (page) => page.locator('#status').innerText();
export const badgeOf = (page) => page.locator('#badge').innerText();
export const queryOf = (page) => Object.fromEntries(new URL(page.url()).searchParams);
