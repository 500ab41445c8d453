/** The page and the native program generate the same samples from the same files. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertClose, nativeSamples, pageSamples } from './samples.mjs';
import { modelNames, openSite, PATIENCE, visit, web } from './site.mjs';

let site;
let page;
before(async () => {
  site = await openSite();
  page = await (await site.browser.newContext({ serviceWorkers: 'block' })).newPage();
  await visit(page, `${site.url}?backend=cpu`);
});
after(() => site?.close());

for (const model of modelNames()) {
  test(`${model} generates the same samples natively, in the page on the CPU and in the page on WebGPU`, { timeout: 3 * PATIENCE }, async (t) => {
    const cpu = await pageSamples(page, 'cpu', model);
    const webgpu = await pageSamples(page, 'webgpu', model);
    assert.ok(new Set(cpu.values).size > 100, 'the samples are blank');
    assertClose(t, `${model}, page on WebGPU and page on CPU`, webgpu, cpu);
    const native = nativeSamples(join(web, 'models', model));
    assertClose(t, `${model}, page on CPU and native`, cpu, native);
    assertClose(t, `${model}, page on WebGPU and native`, webgpu, native);
  });
}
