/** Models side by side: samples of the same seed, sizes and scores. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  addressOf, assertClean, assertSame, canvases, modelNames, newPage, openSite, PATIENCE, gridOf, published, queryOf, settled, visit,
} from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

const names = modelNames();

function scene(name, play) {
  test(name, { timeout: 2 * PATIENCE }, async (t) => {
    const seen = await newPage(t, site);
    await play(seen.page, t);
    assertClean(seen, site);
  });
}

const column = (page, at) => canvases(page, `.compare > section:nth-child(${at + 1}) .sheet canvas`);
const factsOf = (page, at) => page.locator(`.compare > section:nth-child(${at + 1}) dl > div`).evaluateAll((rows) => (
  Object.fromEntries(rows.map((row) => [row.children[0].textContent, row.children[1].textContent]))));

scene('three models show the samples that each shows alone, with sizes and scores', async (page) => {
  const [first, second, third] = names;
  await visit(page, addressOf(site, { view: 'compare', model: first, seed: 7, with: `${second},${third}` }));
  const sheets = [await column(page, 0), await column(page, 1), await column(page, 2)];
  for (const [at, name] of [first, second, third].entries()) {
    const model = published().find((one) => one.name === name);
    const facts = await factsOf(page, at);
    assert.equal(facts.Family, model.family);
    assert.equal(facts['Data set'], model.dataset);
    assert.equal(facts.Parameters, model.parameters.toLocaleString('en'));
    if (model.scores) {
      assert.equal(facts['FID (lower is better)'], `${model.scores.fid.toFixed(2)} (real images ${model.scores.floor.toFixed(2)})`);
      assert.equal(facts.Coverage, `${(model.scores.coverage * 100).toFixed(0)} %`);
    }
  }
  for (const [at, name] of [first, second, third].entries()) {
    await visit(page, addressOf(site, { model: name, seed: 7 }));
    assertSame(sheets[at], (await gridOf(page)).slice(0, 36), 1);
  }
});

scene('models are added and removed, and the address follows', async (page) => {
  await visit(page, addressOf(site, { view: 'compare', model: names[0], seed: 7 }));
  const [second, third] = [page.locator('select[aria-label="Second model"]'), page.locator('select[aria-label="Third model"]')];
  assert.ok(await page.locator('.compare > section').nth(2).locator('.sheet').isHidden());
  await third.selectOption(names[2]);
  await settled(page);
  assert.equal(queryOf(page).with.split(',')[1], names[2]);
  await second.selectOption(names[2]);
  await third.selectOption('');
  await settled(page);
  assert.equal(queryOf(page).with, names[2]);
  const before = await column(page, 1);
  await page.locator('#fresh').click();
  await settled(page);
  assert.notDeepEqual(await column(page, 1), before);
  await visit(page, page.url());
  assert.equal(await second.inputValue(), names[2]);
});
