/** Accessibility: keyboard, screen readers, screen sizes, colour schemes, reduced motion. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  addressOf, assertClean, assertDifferent, assertSame, canvas, modelNames, modelWith, newPage, openSite, PATIENCE, gridOf, queryOf, settled,
  statusOf, stops, visit,
} from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

const VIEWS = ['generate', 'latent', 'draw', 'compare', 'inside', 'train'];
const coder = modelWith('a model that encodes', ({ encodes, latents }) => encodes && latents).name;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The address of a view with everything that it can show. */
const full = (view) => addressOf(site, { view, model: coder, seed: 7, ...(view === 'draw' && { test: 3 }) });

test('axe finds nothing serious in any view, light and dark, and each view describes its content', { timeout: 2 * PATIENCE }, async (t) => {
  const seen = await newPage(t, site, null, { reducedMotion: 'reduce' });
  const { page } = seen;
  for (const view of VIEWS) {
    await visit(page, full(view));
    await page.evaluate(axe);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations', 'passes'] }));
      const bad = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).slice(0, 3).join(' ')}`);
      const all = violations.map(({ id, impact }) => `${id} (${impact})`).join(', ') || 'no finding';
      t.diagnostic(`${view}, ${colorScheme}: ${passes.length} rules passed, ${all}`);
      assert.deepEqual(bad, [], view);
      assert.ok(passes.length > 15, 'axe checked next to nothing');
    }
    const nameless = await page.evaluate(() => [...document.querySelectorAll('canvas[role="img"]:not([hidden])')]
      .filter((one) => one.checkVisibility() && !one.ariaLabel).map(({ className }) => className));
    assert.deepEqual(nameless, [], `images without a label in ${view}`);
    assert.ok((await statusOf(page)).length > 10, `no status for ${view}`);
  }
  assertClean(seen, site);
});

test('no view is wider than the window, from 360 pixels to 4K', { timeout: 2 * PATIENCE }, async (t) => {
  const seen = await newPage(t, site);
  const { page } = seen;
  for (const view of VIEWS) {
    await visit(page, full(view));
    for (const [width, height] of [[360, 740], [768, 1024], [1280, 800], [2560, 1440], [3840, 2160]]) {
      await page.setViewportSize({ width, height });
      await page.waitForTimeout(50);
      const { wide, badge, panel } = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth,
        badge: document.getElementById('badge').getBoundingClientRect().toJSON(),
        panel: document.querySelector('[role="tabpanel"]:not([hidden])').getBoundingClientRect().toJSON(),
      }));
      assert.ok(wide <= width, `${view} is ${wide} wide in ${width}`);
      assert.ok(panel.left >= 0 && panel.right <= width, `${view} reaches ${panel.right} of ${width}`);
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      assert.ok(badge.right <= width && badge.top >= 0, `the badge is out of sight in ${width}`);
      const top = await page.evaluate(() => document.getElementById('badge').getBoundingClientRect().top);
      assert.ok(top >= 0 && top < 120, `the badge is at ${top} when ${view} is scrolled to its end`);
      if (process.env.IMAGO_SCREENSHOTS) {
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: join(process.env.IMAGO_SCREENSHOTS, `${view}-${width}.png`), fullPage: true });
      }
    }
  }
  assertClean(seen, site);
});

test('the whole page works with the keyboard alone', { timeout: 2 * PATIENCE }, async (t) => {
  const seen = await newPage(t, site);
  const { page } = seen;
  const model = modelWith('a conditional model', ({ conditional }) => conditional).name;
  await visit(page, addressOf(site, { model, seed: 7 }));
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const focus = () => page.evaluate(() => document.activeElement.id || document.activeElement.name || document.activeElement.className);

  // The tab order is the document order; each radio group is one stop.
  const reached = await stops(page, 12);
  const tail = reached.indexOf('count') > 0 ? ['temperature', 'canvas', 'count', 'save'] : [];
  assert.deepEqual(reached.slice(0, 12), ['skip', 'tab-generate', 'model', 'open', 'class', 'seed', 'fresh', ...tail].concat(reached.slice(11)));

  // Select a sample in the grid and open it.
  for (let step = 0; step < 20 && await page.evaluate(() => document.activeElement.tagName) !== 'CANVAS'; step += 1) await press('Shift+Tab');
  const tiles = await gridOf(page);
  await press('ArrowRight', 'ArrowDown', 'Enter');
  await settled(page);
  assert.deepEqual([queryOf(page).view, queryOf(page).sample], ['inside', '9']);
  assertSame([await canvas(page, '#panel-inside .big')], [tiles[9]], 1);

  // Tabs: arrow keys wrap around, Home and End go to the ends, and only the selected tab is a stop.
  assert.equal(await focus(), 'tab-inside');
  await press('ArrowRight', 'ArrowRight');
  await settled(page);
  assert.equal(await focus(), 'tab-generate');
  await press('ArrowLeft');
  await settled(page);
  assert.equal(await focus(), 'tab-train');
  await press('Home', 'ArrowRight');
  await settled(page);
  assert.equal(await focus(), 'tab-latent');
  assert.equal(queryOf(page).view, 'latent');
  const selected = await page.locator('[role="tab"][aria-selected="true"]').evaluateAll((tabs) => tabs.map(({ id }) => id));
  assert.deepEqual(selected, ['tab-latent']);
  assert.equal(await page.locator('[role="tab"][tabindex="0"]').count(), 1);

  // Reach the point on the map with Tab.
  await press('Tab');
  for (let step = 0; step < 20 && await focus() !== 'pad'; step += 1) await press('Tab');
  assert.match(await focus(), /^pad/);
  const before = await canvas(page, '.latent .big');
  await press('ArrowUp', 'Shift+ArrowLeft');
  await page.waitForFunction(() => new URL(location.href).searchParams.has('code'));
  await page.waitForFunction(() => document.querySelector('.latent .big').ariaLabel === `${document.querySelector('.latent .coordinates').textContent}, decoded`);
  assertDifferent([await canvas(page, '.latent .big')], [before]);
  assert.match(await statusOf(page), /^Latent /);

  // Pick a test image instead of drawing.
  await visit(page, addressOf(site, { view: 'draw', model: coder, seed: 7 }));
  await page.locator('#tab-draw').focus();
  for (let step = 0; step < 20 && await focus() !== 'test'; step += 1) await press('Tab');
  assert.equal(await focus(), 'test');
  await press('Space');
  await page.waitForSelector('.bars .best');
  assert.equal(queryOf(page).test, '0');

  // Select another model to compare.
  await visit(page, addressOf(site, { view: 'compare', model, seed: 7 }));
  await page.locator('#tab-compare').focus();
  for (let step = 0; step < 20 && await page.evaluate(() => document.activeElement.tagName) !== 'SELECT'; step += 1) await press('Tab');
  const chosen = await page.evaluate(() => document.activeElement.value);
  await press('ArrowDown');
  await page.waitForFunction(() => new URL(location.href).searchParams.has('with'));
  await settled(page);
  assert.notEqual(await page.evaluate(() => document.activeElement.value), chosen);
  assert.ok(modelNames().includes(queryOf(page).with.split(',')[0]));
  assertClean(seen, site);
});
