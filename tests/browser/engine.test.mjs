/** The engine without any view: sampling, decoding, encoding and layer outputs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { newPage, openSite, PATIENCE, web } from './site.mjs';

let site;
before(async () => { site = await openSite(); });
after(() => site?.close());

/** Runs `play(engine, facts, argument)` in the page, with a CPU engine that has loaded `model`. */
function scene(name, model, play, check, argument = null) {
  test(name, { timeout: PATIENCE }, async (t) => {
    const { page } = await newPage(t, site);
    await page.goto(`${site.url}models/index.json`);
    const found = await page.evaluate(async ({ url, model, play, argument }) => {
      const { Engine } = await import(`${url}js/engine.js`);
      const engine = await Engine.open('cpu');
      const facts = await engine.load(model);
      try {
        return await eval(play)(engine, facts, argument);
      } finally {
        engine.close();
      }
    }, { url: site.url, model, play: `(${play})`, argument });
    check(found, t);
  });
}

/** The largest difference of two arrays of the same length. */
function apart(left, right) {
  assert.equal(left.length, right.length);
  return left.reduce((most, value, at) => Math.max(most, Math.abs(value - right[at])), 0);
}

scene('samples are the decoded latents, whatever else is sampled with them', 'mnist-cvae', async (engine) => {
  const { pixels } = await engine.sample(7, 0, 12);
  const latents = await engine.latents(7, 0, 12);
  const again = await engine.decode(latents);
  const later = await engine.decode(latents.slice(5 * 16), null, 5);
  const three = await engine.sample(7, 3, 1);
  return [pixels, again.pixels, later.pixels, three.pixels].map((values) => Array.from(values));
}, ([pixels, again, later, three]) => {
  assert.equal(pixels.length, 12 * 784);
  assert.ok(apart(pixels, again) < 1e-5);
  assert.ok(apart(pixels.slice(5 * 784), later) < 1e-5);
  assert.ok(apart(pixels.slice(3 * 784, 4 * 784), three) < 1e-5);
});

scene('a lower temperature brings latents closer together, and 0 leaves one per component', 'mnist-vae', async (engine) => {
  const latentsAt = async (temperature) => {
    const latents = Array.from(await engine.latents(7, 0, 256, null, temperature));
    return { different: new Set(latents.filter((_, at) => at % 2 === 0)).size, latents };
  };
  return { warm: await latentsAt(1), cold: await latentsAt(0), half: await latentsAt(0.5) };
}, ({ warm, cold, half }) => {
  assert.equal(warm.different, 256);
  assert.ok(cold.different <= 50, `${cold.different} means`);
  const middle = cold.latents.map((value, at) => value + (warm.latents[at] - value) / 2);
  assert.ok(apart(middle, half.latents) < 1e-4, 'half the temperature is not half way');
});

scene('an encoded image is decoded to nearly the same image', 'mnist-vae', async (engine, facts) => {
  const { pixels } = await engine.sample(7, 0, 16);
  const { means, stds } = await engine.encode(pixels);
  const back = await engine.decode(means);
  return { encodes: facts.encodes, means: means.length, stds: Array.from(stds),
    pixels: Array.from(pixels), back: Array.from(back.pixels) };
}, ({ encodes, means, stds, pixels, back }) => {
  assert.equal(encodes, true);
  assert.equal(means, 32);
  assert.ok(stds.every((value) => value > 0 && value < 1), `${stds}`);
  const error = pixels.reduce((sum, value, at) => sum + Math.abs(value - back[at]), 0) / pixels.length;
  assert.ok(error < 0.05, `${error} a pixel`);
});

scene('layer outputs have the shapes of the table, and the last one is the image', 'mnist-vae', async (engine, facts) => {
  const latents = await engine.latents(7, 0, 1);
  const { pixels } = await engine.decode(latents);
  const steps = await engine.inside(latents);
  return { layers: facts.layers, pixels: Array.from(pixels), steps: steps.map((step) => ({ ...step, values: Array.from(step.values) })) };
}, ({ layers, pixels, steps }) => {
  assert.equal(steps.length, layers.filter(({ network }) => network === 'generator').length);
  for (const { layer, shape, values } of steps) {
    assert.deepEqual(shape, layers[layer].output);
    assert.equal(values.length, shape.reduce((product, side) => product * side));
    assert.ok(new Set(values).size > 1, `layer ${layer} is blank`);
  }
  const logistic = steps.at(-1).values.map((value) => 1 / (1 + Math.exp(-value)));
  assert.ok(apart(logistic, pixels) < 1e-4);
  assert.equal(layers.reduce((sum, { parameters }) => sum + parameters, 0), 344389);
});

scene('invalid calls are rejected with a message, and the engine keeps working', 'mnist-cvae', async (engine) => {
  const refusals = [];
  const attempt = async (call) => refusals.push(await call().then(() => 'accepted', (error) => error.message));
  await attempt(() => engine.sample(7, 0, 4, 10));
  await attempt(() => engine.sample(7, 0, 0));
  await attempt(() => engine.sample(7, 0, 4, 1, Number.NaN));
  await attempt(() => engine.decode(new Float32Array(17)));
  await attempt(() => engine.encode(new Float32Array(784)));
  await attempt(() => engine.classify(new Float32Array(784)));
  await attempt(() => engine.inside(new Float32Array(32)));
  const { pixels } = await engine.sample(7, 0, 4, 3);
  return { refusals, count: pixels.length };
}, ({ refusals, count }) => {
  const expected = [/classes 0 to 9/, /1 to 4096 samples/, /temperature/, /latents of 16 values, found 17/, /no encoder/, /not a classifier/, /one at a time/];
  for (const [at, words] of expected.entries()) assert.match(refusals[at], words);
  assert.equal(count, 4 * 784);
});

scene('a model can be loaded from files; bad files leave the current model in place', 'mnist-cvae', async (engine, _, { manifest, weights }) => {
  const bytes = Uint8Array.from(atob(weights), (byte) => byte.charCodeAt(0));
  const refused = await engine.loadFiles('mine', manifest, bytes.slice(0, 1000)).catch((error) => error.message);
  const before = await engine.sample(7, 0, 1);
  const facts = await engine.loadFiles('mine', manifest, bytes);
  const { pixels } = await engine.sample(7, 0, 1);
  return { refused, before: before.pixels.length, latent: facts.latent, pixels: pixels.length };
}, ({ refused, ...rest }) => {
  assert.match(refused, /Cannot load mine: weights.bpk does not belong/);
  assert.deepEqual(rest, { before: 784, latent: 2, pixels: 784 });
}, { manifest: readFileSync(`${web}/models/mnist-vae/model.ron`, 'utf8'), weights: readFileSync(`${web}/models/mnist-vae/weights.bpk`, 'base64') });
