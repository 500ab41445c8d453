/** What the tests share: the built page, the browser, and actions on the page. */
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
    throw new Error(`no browser at ${executablePath ?? BROWSERS.join(', ')}: install Chromium, or set IMAGO_CHROMIUM to its path`);
  }
  return chromium.launch({ executablePath, args: [...QUIET, ...SWIFTSHADER] });
}

/** The server and the browser that a test file shares: `{ url, browser, close }`. */
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

/** The published models, as the index lists them. */
export function published() {
  return JSON.parse(readFileSync(`${web}/models/index.json`, 'utf8'));
}

/** The names of those that generate images. */
export const modelNames = () => published().filter(({ family }) => family !== 'classifier').map(({ name }) => name);

/** The first published model with a property, which must exist. */
export function modelWith(what, is) {
  const model = published().find(is);
  assert.ok(model, `this test needs ${what} in models/index.json`);
  return model;
}

/**
 * A page in its own context, closed when test `t` ends, with a record of its requests and errors:
 * `{ page, requests, pageErrors, consoleErrors }`. `prepare(page)` runs before anything is opened;
 * `options` are the context's.
 */
export async function newPage(t, { browser }, prepare, options = {}) {
  // A service worker would bypass the routes of a test.
  const context = await browser.newContext({ serviceWorkers: 'block', ...options });
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

/** Runs a script first in every worker of the page. */
export const inWorkers = (page, script) => page.route('**/worker.js', async (route) => {
  const response = await route.fetch();
  await route.fulfill({ response, body: `${script}\n${await response.text()}` });
});

/** For workers: their WebGPU devices are lost by `loseDevice`. */
export const LOSABLE = `
  const ask = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...wishes) {
    const device = await ask.apply(this, wishes);
    new BroadcastChannel('doom').addEventListener('message', () => device.destroy());
    return device;
  };`;

/** Takes the WebGPU devices away from the workers of a page. */
export const loseDevice = (page) => page.evaluate(() => new BroadcastChannel('doom').postMessage('now'));

/** Checks that a page had no errors and no foreign requests. */
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

/** Waits until the page shows its state or an error. */
export async function settled(page) {
  await page.waitForSelector('[role="tabpanel"]:not([hidden])[aria-busy="false"]');
}

/** The red channel of every canvas that a selector finds, as strings with a code unit per pixel. */
export function canvases(page, selector) {
  return page.evaluate((selector) => [...document.querySelectorAll(selector)].map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let text = '';
    for (let at = 0; at < data.length; at += 4) text += String.fromCharCode(data[at]);
    return text;
  }), selector);
}

/** The red channel of the only canvas that a selector finds. */
export async function canvas(page, selector) {
  const found = await canvases(page, selector);
  assert.equal(found.length, 1, `canvases called ${selector}`);
  return found[0];
}

/** The red channel of every tile of the grid of samples. */
export const gridOf = (page) => canvases(page, '#grid canvas');

/** The address of a state of the page. */
export const addressOf = (site, query) => `${site.url}?${new URLSearchParams({ ...query, backend: query.backend ?? 'cpu' })}`;

/** Runs `play(engine, facts, argument)` in the page, on a CPU engine with a published model. */
export function ask(page, model, play, argument = null) {
  // As text, since the page's security policy forbids `eval`.
  return page.evaluate(`(async () => {
    const { Engine } = await import(new URL('js/engine.js', document.baseURI));
    const engine = await (window.engineOfTests ??= Engine.open('cpu'));
    const facts = await engine.load(${JSON.stringify(model)});
    return (${play})(engine, facts, ${JSON.stringify(argument)});
  })()`);
}

/** Pixels in 0..1 as text, like the red channel of a canvas. */
export const toText = (pixels) => String.fromCharCode(...pixels.map((value) => Math.min(255, Math.max(0, Math.round(value * 255)))));

/** Checks that a grid has 64 images, none blank and most of them different. */
export function assertLively(tiles) {
  assert.equal(tiles.length, 64);
  for (const [index, tile] of tiles.entries()) assert.ok(new Set(tile).size > 1, `image ${index} is blank`);
  assert.ok(new Set(tiles).size > 32, `only ${new Set(tiles).size} of 64 images differ`);
}

/** Checks that two grids differ by at most `steps` of 255 grey levels. */
export function assertSame(left, right, steps = 0) {
  const [a, b] = [left.join(''), right.join('')];
  assert.equal(a.length, b.length);
  let largest = 0;
  for (let at = 0; at < a.length; at += 1) largest = Math.max(largest, Math.abs(a.charCodeAt(at) - b.charCodeAt(at)));
  assert.ok(largest <= steps, `the images differ by ${largest} of 255 grey levels`);
}

/** Checks that two grids differ. */
export function assertDifferent(left, right) {
  assert.ok(left.join('') !== right.join(''), 'the images are the same');
}

/** The elements that the next presses of Tab reach, by id, name or class. */
export async function stops(page, count) {
  const reached = [];
  for (let press = 0; press < count; press += 1) {
    await page.keyboard.press('Tab');
    reached.push(await page.evaluate(() => {
      const { id, name, className, tagName } = document.activeElement;
      return id || name || className || tagName.toLowerCase();
    }));
  }
  return reached;
}

export const pick = (page, model) => page.locator(`#models input[value="${model}"]`).check();
export const statusOf = (page) => page.locator('#status').innerText();
export const badgeOf = (page) => page.locator('#badge').innerText();
export const queryOf = (page) => Object.fromEntries(new URL(page.url()).searchParams);
