/** Samples from the native program and from the page's engine, and their comparison. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SEED = 7;
const COUNT = 16;
const TOLERANCE = 2e-3;

/** Runs the native program on the CPU; its messages are part of the error if it fails. */
export function imago(command, ...args) {
  assert.ok(process.env.IMAGO_BIN, 'set IMAGO_BIN to the path of the native program');
  execFileSync(process.env.IMAGO_BIN, [command, ...args].map(String), { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Samples of the model in `folder` from the native program: `{ shape, values }`. */
export function nativeSamples(folder, klass = null) {
  const scratch = mkdtempSync(join(tmpdir(), 'imago-samples-'));
  const out = join(scratch, 'samples.npy');
  try {
    imago('sample', folder, '--seed', SEED, '--count', COUNT, '--device', 'cpu', '--format', 'npy', '--out', out,
      ...(klass === null ? [] : ['--class', klass]));
    return parseNpy(readFileSync(out));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
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

/**
 * Samples of the published `model` from an engine in the page: `{ shape, values }`. Engines are
 * reused, since a GPU engine starts slowly.
 */
export function pageSamples(page, backend, model, klass = null) {
  return page.evaluate(async ({ backend, model, seed, count, klass }) => {
    const { Engine } = await import(new URL('js/engine.js', document.baseURI));
    const engines = (window.enginesOfTests ??= {});
    const engine = await (engines[backend] ??= Engine.open(backend));
    const { channels, height, width } = await engine.load(model);
    const { pixels } = await engine.sample(seed, 0, count, klass);
    return { shape: [count, channels, height, width], values: Array.from(pixels) };
  }, { backend, model, seed: SEED, count: COUNT, klass });
}

/** Checks that two arrays agree and reports the largest difference. */
export function assertClose(t, what, left, right, tolerance = TOLERANCE) {
  assert.deepEqual(left.shape, right.shape);
  let largest = 0;
  for (const [index, value] of left.values.entries()) {
    const difference = Math.abs(value - right.values[index]);
    assert.ok(Number.isFinite(difference), `value ${index} is ${value} and ${right.values[index]}`);
    largest = Math.max(largest, difference);
  }
  t.diagnostic(`${what}: largest difference ${largest.toExponential(2)}`);
  assert.ok(largest < tolerance, `${what} differ by ${largest}, which is more than ${tolerance}`);
}
