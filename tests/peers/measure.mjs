/**
 * The page's engine beside TensorFlow.js and ONNX Runtime Web on the decoders of shipped models, all in the same browser:
 * `cargo xtask measure-page --peers`, or IMAGO_WEB=dist node measure.mjs
 */
import { fileURLToPath } from 'node:url';
import { serve } from '../browser/server.mjs';
import { launch, web } from '../browser/site.mjs';
import { transfer, transferTable } from '../browser/transfer.mjs';
import { CONTESTANTS } from './contestants.mjs';
import { decoder } from './decoders.mjs';
import { onnx } from './onnx.mjs';

const MODELS = ['mnist-vae', 'mnist-dcgan', 'mnist-cgan', 'mnist-vae-mixture', 'mnist-cvae'];
const MANY = 64;
/** How often 64 pictures and one picture are asked for, by backend. */
const REPEATS = { cpu: [25, 50], webgpu: [3, 9] };
/** How far a pixel may be from ours. */
const TOLERANCE = 1e-3;

const root = fileURLToPath(new URL('../..', import.meta.url));
const here = await serve(fileURLToPath(new URL('.', import.meta.url)));
const ours = await serve(web);
const browser = await launch();

/** In a page where `decode` is: the pictures of many codes and the times that it takes, in milliseconds. */
async function time({ many, one, count, repeats }) {
  const { decode } = globalThis;
  const clock = async (codes, n) => {
    const begin = performance.now();
    const pixels = await decode(Float32Array.from(codes), n);
    return { time: performance.now() - begin, pixels };
  };
  const median = async (codes, n, times) => {
    const all = [];
    for (let i = 0; i < times; i += 1) all.push((await clock(codes, n)).time);
    return all.sort((a, b) => a - b)[times >> 1];
  };
  const first = await clock(many, count);
  const next = await median(many, count, repeats[0]);
  await clock(one, 1);
  return { first: first.time, many: next, one: await median(one, 1, repeats[1]), pixels: Array.from(first.pixels) };
}

async function inPage(url, begin, settings, asked) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(300_000);
    await page.goto(url);
    await page.evaluate(begin, settings);
    return await page.evaluate(time, asked);
  } finally {
    await context.close();
  }
}

/** Our engine, in its worker. */
async function imago({ model, backend }) {
  const { Engine } = await import(new URL('js/engine.js', location.href).href);
  const engine = await Engine.open(backend);
  const { latent } = await engine.load(model);
  globalThis.decode = async (inputs, n) => {
    // Behind each code is its class, which the engine adds by itself.
    const width = inputs.length / n;
    const codes = Float32Array.from({ length: n * latent }, (_, index) => inputs[Math.floor(index / latent) * width + index % latent]);
    return (await engine.decode(codes)).pixels;
  };
}

/** The inputs of a generator for the first samples of a seed: codes with their classes in turn behind them. */
async function inputs(model, count) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const page = await context.newPage();
    await page.goto(ours.url);
    return await page.evaluate(async ({ model, count }) => {
      const { Engine } = await import(new URL('js/engine.js', location.href).href);
      const engine = await Engine.open('cpu');
      const { latent, conditional, classes } = await engine.load(model);
      const codes = await engine.latents(7, 0, count);
      const told = conditional ? classes.length : 0;
      return Array.from({ length: count }, (_, index) => [
        ...codes.slice(index * latent, (index + 1) * latent),
        ...Array.from({ length: told }, (_, klass) => (klass === index % told ? 1 : 0)),
      ]).flat();
    }, { model, count });
  } finally {
    await context.close();
  }
}

const farthest = (a, b) => a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index])), a.length === b.length ? 0 : Infinity);
const milliseconds = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(0)).padStart(9);

/** Rows of one backend: ours and, of the others, how many times as long they take. */
function print(model, backend, rows) {
  const [own] = rows;
  for (const { name, failure, first, many, one } of rows) {
    const what = `${model.padEnd(18)} ${name.padEnd(26)}`;
    if (failure) console.log(`${what} ${failure}`);
    else {
      const times = own.failure || name === own.name ? '' : `${(many / own.many).toFixed(1).padStart(8)} x ${(one / own.one).toFixed(1).padStart(8)} x`;
      console.log(`${what}${milliseconds(first)}${milliseconds(many)}${milliseconds(one)}${times}`);
    }
  }
}

try {
  console.log(`Milliseconds in ${browser.version()}: the first ${MANY} pictures, the next ${MANY}, one picture; how many times as long as ours the last two take\n`);
  console.log(`${'model'.padEnd(18)} ${'who'.padEnd(26)}${`first ${MANY}`.padStart(9)}${`next ${MANY}`.padStart(9)}${'one'.padStart(9)}${`next ${MANY}`.padStart(10)}${'one'.padStart(11)}`);
  for (const model of MODELS) {
    const layers = await decoder(root, model);
    const file = Buffer.from(onnx(layers)).toString('base64');
    const plain = layers.map(({ weight, bias, ...rest }) => ({
      ...rest,
      ...(weight && { weight: { ...weight, values: Array.from(weight.values) }, bias: { ...bias, values: Array.from(bias.values) } }),
    }));
    const many = await inputs(model, MANY);
    const asked = (backend) => ({ many, one: many.slice(0, many.length / MANY), count: MANY, repeats: REPEATS[backend] });
    for (const backend of ['cpu', 'webgpu']) {
      const own = { name: `Imago, ${backend === 'cpu' ? 'wasm' : 'WebGPU'}`, ...await inPage(ours.url, imago, { model, backend }, asked(backend)) };
      const rows = [own];
      for (const { name, begin, settings } of CONTESTANTS.filter((peer) => peer.backend === backend)) {
        try {
          const found = await inPage(here.url, begin, { ...settings, file, layers: plain }, asked(backend));
          const away = farthest(found.pixels, own.pixels);
          rows.push(away < TOLERANCE ? { name, ...found } : { name, failure: `draws something else: a pixel is away by ${away}` });
        } catch (error) {
          rows.push({ name, failure: error.message.split('\n')[0] });
        }
      }
      print(model, backend, rows);
    }
  }
  console.log('\nWhat a visitor downloads for it, in bytes\n');
  for (const { name, files } of CONTESTANTS) {
    console.log(name);
    transferTable(await transfer(fileURLToPath(new URL('.', import.meta.url)), files));
  }
} finally {
  await browser.close();
  await Promise.all([here.close(), ours.close()]);
}
