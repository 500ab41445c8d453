/** The page computes what the native program computes from the same files. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { modelNames, newPage, openSite, PATIENCE, visit, web } from './site.mjs';

const SEED = 7;
const COUNT = 16;
const TOLERANCE = 2e-3;

let site;
let folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'imago-parity-'));
  site = await openSite();
});
after(async () => {
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The samples that the native program draws: `{ shape, values }`. */
function nativeSamples(model) {
  assert.ok(process.env.IMAGO_BIN, 'say with IMAGO_BIN where the native program is');
  const out = join(folder, `${model}.npy`);
  execFileSync(process.env.IMAGO_BIN, ['sample', join(web, 'models', model), '--seed', SEED, '--count', COUNT,
    '--device', 'cpu', '--format', 'npy', '--out', out].map(String), { stdio: ['ignore', 'ignore', 'inherit'] });
  return parseNpy(readFileSync(out));
}

/** Reads a little-endian f32 array in C order from an npy file of version 1. */
function parseNpy(file) {
  assert.equal(file.toString('latin1', 0, 8), '\x93NUMPY\x01\x00', 'not an npy file of version 1');
  const start = 10 + file.readUInt16LE(8);
  const header = file.toString('latin1', 10, start);
  assert.match(header, /'descr': '<f4'/);
  assert.match(header, /'fortran_order': False/);
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(',').filter((part) => part.trim()).map(Number);
  const values = Array.from({ length: (file.length - start) / 4 }, (_, index) => file.readFloatLE(start + 4 * index));
  assert.equal(values.length, shape.reduce((product, size) => product * size, 1), 'the values do not fill the shape');
  return { shape, values };
}

/** The samples that the page's engine draws: `{ shape, values }`. */
function pageSamples(page, backend, model) {
  return page.evaluate(async ({ backend, model, seed, count }) => {
    const { Engine } = await import(new URL('js/engine.js', document.baseURI));
    const engine = await Engine.open(backend);
    try {
      const { channels, height, width } = await engine.load(model);
      const { pixels } = await engine.sample(seed, 0, count);
      return { shape: [count, channels, height, width], values: Array.from(pixels) };
    } finally {
      engine.close();
    }
  }, { backend, model, seed: SEED, count: COUNT });
}

/** Checks that two arrays agree and notes by how much. */
function assertClose(t, what, left, right) {
  assert.deepEqual(left.shape, right.shape);
  let largest = 0;
  for (const [index, value] of left.values.entries()) {
    const difference = Math.abs(value - right.values[index]);
    assert.ok(Number.isFinite(difference), `value ${index} is ${value} and ${right.values[index]}`);
    largest = Math.max(largest, difference);
  }
  t.diagnostic(`${what}: largest difference ${largest.toExponential(2)}`);
  assert.ok(largest < TOLERANCE, `${what} differ by ${largest}, which is more than ${TOLERANCE}`);
}

for (const model of modelNames()) {
  test(`${model} draws the same samples natively, in the page on the CPU and in the page on WebGPU`, { timeout: 3 * PATIENCE }, async (t) => {
    const { page } = await newPage(t, site);
    await visit(page, `${site.url}?backend=cpu`);
    const cpu = await pageSamples(page, 'cpu', model);
    const webgpu = await pageSamples(page, 'webgpu', model);
    assert.ok(new Set(cpu.values).size > 100, 'the samples are blank');
    assertClose(t, `${model}, page on WebGPU and page on CPU`, webgpu, cpu);
    const native = nativeSamples(model);
    assertClose(t, `${model}, page on CPU and native`, cpu, native);
    assertClose(t, `${model}, page on WebGPU and native`, webgpu, native);
  });
}
