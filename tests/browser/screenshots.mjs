/**
 * Pictures of the built page, for the README and to look at:
 *     node tests/browser/screenshots.mjs docs/pictures       the two of the README
 *     node tests/browser/screenshots.mjs FOLDER all          every view at 360, 1280 and 2560 pixels, light and dark
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openSite } from './site.mjs';

const [, , folder, which] = process.argv;
if (!folder) throw new Error('say where the pictures go: node tests/browser/screenshots.mjs FOLDER [all]');
mkdirSync(folder, { recursive: true });

const VIEWS = ['generate', 'latent', 'draw', 'compare', 'inside'];
const README = [
  { name: 'page-latent', view: 'latent', model: 'mnist-vae', width: 1280, height: 860, colorScheme: 'dark' },
  { name: 'page-draw', view: 'draw', model: 'mnist-vae', width: 1280, height: 1020, colorScheme: 'light' },
];
const ALL = VIEWS.flatMap((view) => [[360, 800], [1280, 900], [2560, 1440]].flatMap(([width, height]) =>
  ['light', 'dark'].map((colorScheme) =>
    ({ name: `${view}-${width}-${colorScheme}`, view, model: 'mnist-vae', width, height, colorScheme, fullPage: true }))));

/** Draws a two with the mouse. */
async function draw(page) {
  const { x, y, width } = await page.locator('#panel-draw canvas').first().boundingBox();
  const at = ([right, down]) => [x + right * width, y + down * width];
  const stroke = [[0.3, 0.32], [0.36, 0.22], [0.5, 0.18], [0.64, 0.24], [0.66, 0.38], [0.56, 0.54], [0.42, 0.68], [0.3, 0.8], [0.5, 0.78], [0.7, 0.8]];
  await page.mouse.move(...at(stroke[0]));
  await page.mouse.down();
  for (const point of stroke.slice(1)) await page.mouse.move(...at(point), { steps: 6 });
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
    await page.waitForTimeout(1500); // maps and layers come after the first picture
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: Boolean(fullPage) });
    await context.close();
    console.log(join(folder, `${name}.png`));
  }
} finally {
  await site.close();
}
