/**
 * Who computes, in a page of its own. Each has `begin`, which runs in that page with the decoder and leaves there
 * `decode(codes, n)`: from `[n, inputs]` to the pixels.
 */
const BASE = 'node_modules/';
const ORT = `${BASE}onnxruntime-web/dist/`;
const TF = `${BASE}@tensorflow/`;

/** ONNX Runtime Web, one thread: a page needs special headers for more. */
async function ort({ bundle, provider, file }) {
  const ort = await import(new URL(bundle, location.href).href);
  ort.env.wasm.numThreads = 1;
  const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
  const session = await ort.InferenceSession.create(bytes, { executionProviders: [provider] });
  globalThis.decode = async (codes, n) => {
    const { pixels } = await session.run({ codes: new ort.Tensor('float32', codes, [n, codes.length / n]) });
    const data = await pixels.getData();
    pixels.dispose();
    return data;
  };
}

/** TensorFlow.js, channels last, as Keras would have it. */
async function tensorflow({ scripts, wasm, backend, layers }) {
  for (const source of scripts) {
    await new Promise((done, failed) => {
      const script = Object.assign(document.createElement('script'), { src: source, onload: done, onerror: failed });
      document.head.append(script);
    });
  }
  const { tf } = globalThis;
  tf.wasm?.setWasmPaths(wasm);
  if (!await tf.setBackend(backend)) throw new Error(`TensorFlow.js has no backend ${backend} here`);
  await tf.ready();
  const tensor = ({ shape, values }) => tf.tensor(Float32Array.from(values), shape);
  const steps = layers.map(({ kind, weight, bias, shape, stride, slope }, index) => tf.tidy(() => {
    const [w, b] = weight ? [tensor(weight), tensor(bias)] : [];
    if (kind === 'linear') {
      const image = layers[index + 1]?.kind === 'reshape' && layers[index + 1].shape;
      if (!image) return { kind, w: tf.keep(w), b: tf.keep(b) };
      // The row in the order in which the image is kept.
      const turned = (x) => tf.keep(x.reshape([-1, ...image]).transpose([0, 2, 3, 1]).reshape(x.shape));
      return { kind, w: turned(w), b: turned(b) };
    }
    if (kind === 'conv2d') return { kind, stride, w: tf.keep(w.transpose([2, 3, 1, 0])), b: tf.keep(b) };
    if (kind === 'conv_transpose2d') return { kind, stride, w: tf.keep(w.transpose([2, 3, 1, 0])), b: tf.keep(b) };
    return { kind, shape, slope };
  }));
  const pass = (x, { kind, w, b, shape, stride, slope }) => {
    switch (kind) {
      case 'linear': return x.matMul(w).add(b);
      case 'reshape': return x.reshape([-1, shape[1], shape[2], shape[0]]);
      case 'conv2d': return x.conv2d(w, stride, 'same').add(b);
      case 'conv_transpose2d': {
        const [n, height, width] = x.shape;
        return tf.conv2dTranspose(x, w, [n, height * stride, width * stride, w.shape[2]], stride, 'same').add(b);
      }
      case 'relu': return x.relu();
      case 'leaky_relu': return tf.leakyRelu(x, slope);
      case 'tanh': return x.tanh();
      case 'sigmoid': return x.sigmoid();
      default: return x.add(1).mul(0.5);
    }
  };
  globalThis.decode = async (codes, n) => {
    const pixels = tf.tidy(() => steps.reduce(pass, tf.tensor2d(codes, [n, codes.length / n])));
    const data = await pixels.data();
    pixels.dispose();
    return data;
  };
}

export const CONTESTANTS = [
  {
    name: 'ONNX Runtime Web, wasm', backend: 'cpu', begin: ort,
    settings: { bundle: `${ORT}ort.wasm.bundle.min.mjs`, provider: 'wasm' },
    files: ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm'].map((file) => ORT + file),
  },
  {
    name: 'TensorFlow.js, wasm', backend: 'cpu', begin: tensorflow,
    settings: {
      scripts: [`${TF}tfjs/dist/tf.min.js`, `${TF}tfjs-backend-wasm/dist/tf-backend-wasm.min.js`],
      wasm: `${TF}tfjs-backend-wasm/dist/`, backend: 'wasm',
    },
    files: ['tfjs/dist/tf.min.js', 'tfjs-backend-wasm/dist/tf-backend-wasm.min.js', 'tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm']
      .map((file) => TF + file),
  },
  {
    name: 'ONNX Runtime Web, WebGPU', backend: 'webgpu', begin: ort,
    settings: { bundle: `${ORT}ort.webgpu.bundle.min.mjs`, provider: 'webgpu' },
    files: ['ort.webgpu.bundle.min.mjs', 'ort-wasm-simd-threaded.asyncify.wasm'].map((file) => ORT + file),
  },
  {
    name: 'TensorFlow.js, WebGPU', backend: 'webgpu', begin: tensorflow,
    settings: {
      scripts: [`${TF}tfjs/dist/tf.min.js`, `${TF}tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js`], wasm: '', backend: 'webgpu',
    },
    files: ['tfjs/dist/tf.min.js', 'tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js'].map((file) => TF + file),
  },
];
