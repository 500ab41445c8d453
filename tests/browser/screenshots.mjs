/**
 * Screenshots of the built page, for the README and for review:
 *     node tests/browser/screenshots.mjs docs/pictures    the two of the README
 *     node tests/browser/screenshots.mjs FOLDER all       every view at three widths, light and dark
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openSite } from './site.mjs';

const [, , folder, which] = process.argv;
if (!folder) throw new Error('usage: node tests/browser/screenshots.mjs FOLDER [all]');
mkdirSync(folder, { recursive: true });

const VIEWS = ['generate', 'latent', 'draw', 'compare', 'inside'];
const README = [
  { name: 'page-latent', view: 'latent', model: 'mnist-vae', width: 1280, height: 860, colorScheme: 'dark' },
  { name: 'page-draw', view: 'draw', model: 'mnist-vae', width: 1280, height: 1020, colorScheme: 'light' },
];
const ALL = VIEWS.flatMap((view) => [[360, 800], [1280, 900], [2560, 1440]].flatMap(([width, height]) =>
  ['light', 'dark'].map((colorScheme) =>
    ({ name: `${view}-${width}-${colorScheme}`, view, model: 'mnist-vae', width, height, colorScheme, fullPage: true }))));

/** Draws a 0 with the mouse. */
async function draw(page) {
  const { x, y, width } = await page.locator('#panel-draw canvas').first().boundingBox();
  const at = (turn) => [x + width * (0.5 - 0.2 * Math.sin(turn) - 0.05 * Math.cos(turn)), y + width * (0.5 - 0.3 * Math.cos(turn))];
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let step = 1; step <= 48; step += 1) await page.mouse.move(...at((step * 2 * Math.PI) / 48));
  await page.mouse.up();
}

const site = await openSite();
try {
  for (const { name, view, model, width, height, colorScheme, fullPage } of which === 'all' ? ALL : README) {
    const context = await site.browser.newContext({ viewport: { width, height }, colorScheme });
    const page = await context.newPage();
    await page.goto(`${site.url}?view=${view}&model=${model}&seed=7&backend=cpu`);
    await page.waitForLoadState('networkidle');
    if (view === 'draw') await draw(page);
    await page.waitForTimeout(1500); // maps and layers follow the first image
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: Boolean(fullPage) });
    await context.close();
    console.log(join(folder, `${name}.png`));
  }
} finally {
  await site.close();
}
