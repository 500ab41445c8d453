/**
 * Steps per second of training in the page beside TensorFlow.js: the same networks, batches and optimiser in the same browser, each on one
 * thread: `cargo xtask measure-page --training`, or IMAGO_WEB=dist node train.mjs
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { serve } from '../browser/server.mjs';
import { launch, web } from '../browser/site.mjs';
import { CONTESTANTS } from './contestants.mjs';

/** Pipelines, on drawn digits whatever they are meant for. */
const PIPELINES = ['synthetic/quickstart', 'synthetic/classifier', 'synthetic/autoencoder', 'reports/gan'];
/** Steps that warm up, and those that are timed, of ours and of theirs, by backend. */
const STEPS = { cpu: { own: [10, 60], theirs: [1, 4] }, webgpu: { own: [2, 6], theirs: [1, 3] } };

const root = fileURLToPath(new URL('../..', import.meta.url));
const here = await serve(fileURLToPath(new URL('.', import.meta.url)));
const ours = await serve(web);
const browser = await launch();

/** Our trainer. */
async function imago({ yaml, backend, steps: [warmUp, timed] }) {
  const { Trainer } = await import(new URL('js/train/trainer.js', location.href).href);
  const trainer = await Trainer.open(backend);
  await trainer.begin({ yaml, images: null, source: null });
  const until = (step) => new Promise((resolve, reject) => {
    trainer.onprogress = (progress) => { if (!progress.running) resolve(progress); };
    trainer.onfailure = (message) => reject(new Error(message));
    trainer.train(step);
  });
  await until(warmUp);
  const begin = performance.now();
  await until(warmUp + timed);
  return timed * 1000 / (performance.now() - begin);
}

/** TensorFlow.js with its own layers, channels last. The batch is there already and always the same. */
async function tensorflow({ scripts, wasm, backend, model, train, steps: [warmUp, timed] }) {
  for (const source of scripts) {
    await new Promise((done, failed) => {
      document.head.append(Object.assign(document.createElement('script'), { src: source, onload: done, onerror: failed }));
    });
  }
  const { tf } = globalThis;
  tf.wasm?.setWasmPaths(wasm);
  if (!await tf.setBackend(backend)) throw new Error(`TensorFlow.js has no backend ${backend} here`);
  await tf.ready();

  const pair = (declared) => (typeof declared === 'string' ? [declared, {}] : Object.entries(declared)[0]);
  const make = {
    linear: (fields) => tf.layers.dense({ units: fields.units ?? fields, useBias: fields.bias ?? true }),
    conv2d: ({ filters, kernel, stride = 1, padding, bias = true }) => (
      tf.layers.conv2d({ filters, kernelSize: kernel, strides: stride, padding: padding === 'same' ? 'same' : 'valid', useBias: bias })),
    conv_transpose2d: ({ filters, kernel, stride = 1 }) => tf.layers.conv2dTranspose({ filters, kernelSize: kernel, strides: stride, padding: 'same' }),
    batch_norm: () => tf.layers.batchNormalization(),
    max_pool2d: (size) => tf.layers.maxPooling2d({ poolSize: size }),
    dropout: (rate) => tf.layers.dropout({ rate }),
    leaky_relu: (alpha) => tf.layers.leakyReLU({ alpha }),
    relu: () => tf.layers.reLU(),
    tanh: () => tf.layers.activation({ activation: 'tanh' }),
    flatten: () => tf.layers.flatten(),
    reshape: ([channels, height, width]) => tf.layers.reshape({ targetShape: [height, width, channels] }),
  };
  const network = (declared, inputShape, more = []) => {
    let x = tf.input({ shape: inputShape });
    const input = x;
    for (const layer of [...declared, ...more]) {
      const [kind, fields] = pair(layer);
      x = make[kind](fields).apply(x);
    }
    return tf.model({ inputs: input, outputs: x });
  };
  const image = [28, 28, 1];
  const { lr, beta_1: first = 0.9, beta_2: second = 0.999 } = train.optimizer.adam;
  const adam = () => tf.train.adam(lr, first, second);
  const batch = tf.randomUniform([train.batch, ...image]);
  const variables = (...networks) => networks.flatMap((one) => one.trainableWeights.map(({ val }) => val));
  const logistic = (logits, targets) => tf.losses.sigmoidCrossEntropy(targets, logits);
  const training = { training: true };
  let step;
  if (model.family === 'classifier') {
    const classifier = network(model.layers, image);
    const classes = tf.oneHot(tf.range(0, train.batch, 1, 'int32').mod(tf.scalar(10, 'int32')), 10).toFloat();
    const optimizer = adam();
    step = () => optimizer.minimize(() => tf.losses.softmaxCrossEntropy(classes, classifier.apply(batch, training)), true, variables(classifier));
  } else if (model.family === 'gan') {
    const [generator, discriminator] = [network(model.generator, [model.latent]), network(model.discriminator, image)];
    const [forGenerator, forDiscriminator] = [adam(), adam()];
    const [ones, zeros] = [tf.ones([train.batch, 1]), tf.zeros([train.batch, 1])];
    const generated = () => generator.apply(tf.randomNormal([train.batch, model.latent]), training);
    step = () => {
      const fake = tf.tidy(generated);
      tf.dispose(forDiscriminator.minimize(() => logistic(discriminator.apply(batch, training), ones)
        .add(logistic(discriminator.apply(fake, training), zeros)), false, variables(discriminator)));
      fake.dispose();
      return forGenerator.minimize(() => logistic(discriminator.apply(generated(), training), ones), true, variables(generator));
    };
  } else {
    const variational = model.family === 'vae';
    const encoder = network(model.encoder, image, variational ? [{ linear: model.latent * 2 }] : []);
    const latent = variational ? model.latent : encoder.outputs[0].shape[1];
    const decoder = network(model.decoder, [latent]);
    const optimizer = adam();
    step = () => optimizer.minimize(() => {
      let latents = encoder.apply(batch, training);
      let divergence = tf.scalar(0);
      if (variational) {
        const [mean, logVariance] = tf.split(latents, 2, 1);
        latents = mean.add(logVariance.mul(0.5).exp().mul(tf.randomNormal([train.batch, latent])));
        divergence = mean.square().add(logVariance.exp()).sub(logVariance).sub(1).mul(0.5).sum(1).mean();
      }
      const logits = decoder.apply(latents, training);
      // max(x, 0) − x t + log(1 + exp(−|x|)), summed over the pixels.
      const errors = logits.relu().sub(logits.mul(batch)).add(logits.abs().neg().exp().log1p());
      return errors.sum([1, 2, 3]).mean().add(divergence);
    }, true, variables(encoder, decoder));
  }
  const take = async (count) => {
    for (let i = 0; i < count; i += 1) {
      const loss = step();
      // As our trainer, it does not wait for each loss.
      if (i === count - 1) await loss.data();
      loss.dispose();
    }
  };
  await take(warmUp);
  const begin = performance.now();
  await take(timed);
  return timed * 1000 / (performance.now() - begin);
}

async function inPage(url, play, settings) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(600_000);
    await page.goto(url);
    return await page.evaluate(play, settings);
  } catch (error) {
    return error.message.split('\n')[0];
  } finally {
    await context.close();
  }
}

const shown = (value) => (typeof value === 'number' ? value.toPrecision(3).padStart(9) : ` ${value}`);

try {
  console.log(`Training steps per second in ${browser.version()}; ours / theirs\n`);
  for (const file of PIPELINES) {
    const text = await readFile(`${root}/pipelines/${file}.yaml`, 'utf8');
    const yaml = text.replace(/set: mnist$/m, 'set: synthetic-digits');
    const { model, train } = parse(yaml);
    for (const backend of ['cpu', 'webgpu']) {
      const own = await inPage(ours.url, imago, { yaml, backend, steps: STEPS[backend].own });
      const where = backend === 'cpu' ? 'wasm' : 'WebGPU';
      console.log(`${file.padEnd(24)} ${`Imago, ${where}`.padEnd(24)}${shown(own)}`);
      const peers = CONTESTANTS.filter((peer) => peer.backend === backend && peer.name.startsWith('TensorFlow'));
      // Its wasm backend has no gradient of a convolution; that in plain JavaScript has.
      if (backend === 'cpu') peers.push({ name: 'TensorFlow.js, JavaScript', settings: { ...peers[0].settings, backend: 'cpu' } });
      for (const { name, settings } of peers) {
        const theirs = await inPage(here.url, tensorflow, { ...settings, model, train, steps: STEPS[backend].theirs });
        const ratio = typeof own === 'number' && typeof theirs === 'number' ? `${(own / theirs).toFixed(1).padStart(7)} x` : '';
        console.log(`${''.padEnd(24)} ${name.padEnd(24)}${shown(theirs)}${ratio}`);
      }
    }
  }
} finally {
  await browser.close();
  await Promise.all([here.close(), ours.close()]);
}
