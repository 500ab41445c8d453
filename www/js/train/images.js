// @ts-check
/** Training images: deployed data sets, and the user's files, which never leave the computer. */
import { download } from '../download.js';

/** @typedef {import('./trainer.js').Images} Images */

/** The published names of the IDX files, in order. */
const IDX = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'];
/** The most pixels that all image files may have in total. */
const MAX_PIXELS = 100e6;

/** The folder of a deployed data set. @param {string} set */
const folderOf = (set) => (set === 'stacked-mnist' ? 'mnist' : set);

/** The folders of the data sets that the page was deployed with. @returns {Promise<string[]>} */
export async function deployedSets() {
  return (await download('data/index.json')).json();
}

/**
 * Whether a data set was deployed with the page.
 * @param {string} set
 * @param {string[]} deployed
 */
export const isDeployed = (set, deployed) => deployed.includes(folderOf(set));

/**
 * The images of a deployed data set; the module verifies them.
 * @param {string} set
 * @returns {Promise<Images>}
 */
export async function deployedImages(set) {
  const fetched = IDX.map(async (name) => unpacked(await (await download(`data/${folderOf(set)}/${name}.gz`)).blob()));
  return { idx: await Promise.all(fetched) };
}

/**
 * Images from the user's files: four IDX files, or image files in one folder per class.
 * @param {{ path: string, file: File }[]} files
 * @param {any} pipeline
 * @returns {Promise<Images>}
 */
export async function ownImages(files, pipeline) {
  const visible = files.filter(({ path }) => !path.split('/').some((part) => part.startsWith('.')));
  if (pipeline.folder === null) return { idx: await idxFiles(visible, pipeline.set) };
  return imageFiles(visible, pipeline);
}

/**
 * @param {{ path: string, file: File }[]} files
 * @param {string} set
 */
async function idxFiles(files, set) {
  const contents = await Promise.all(files.map(async ({ path, file }) => ({ path, bytes: await unpacked(file) })));
  const kinds = [[2051, 'train'], [2049, 'train'], [2051, 't10k'], [2049, 't10k']];
  return kinds.map(([magic, split], place) => {
    const name = IDX[place];
    const usual = contents.find(({ path }) => path.includes(name) || path.includes(name.replace('-idx', '.idx')));
    const found = usual ?? contents.find(({ path, bytes }) => path.includes(String(split)) && magicOf(bytes) === magic);
    if (!found) throw new Error(`${set} needs four IDX files: no ${name} among ${files.map(({ path }) => path).join(', ') || 'no files'}`);
    return found.bytes;
  });
}

/** @param {Uint8Array} bytes */
const magicOf = (bytes) => (bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));

/**
 * @param {{ path: string, file: File }[]} files
 * @param {any} pipeline
 * @returns {Promise<Images>}
 */
async function imageFiles(files, { classes, channels, size }) {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const labelled = sorted.map(({ path, file }) => {
    const folders = path.split('/').slice(0, -1);
    const label = classes.length === 0 ? 0 : classes.findIndex((/** @type {string} */ name) => folders.includes(name));
    return { path, file, label };
  });
  const stray = labelled.find(({ label }) => label < 0);
  if (stray) throw new Error(`${stray.path} is in none of the folders of data.classes: ${classes.join(', ')}`);
  if (labelled.length === 0) throw new Error('There are no images among these files');
  // In the order of the classes, as when folders are read natively.
  labelled.sort((a, b) => a.label - b.label);
  let pixels = 0;
  /** @type {NonNullable<Images['files']>} */
  const images = [];
  for (const { path, file, label } of labelled) {
    const image = await decode(path, file);
    pixels += image.width * image.height;
    if (pixels > MAX_PIXELS) throw new Error('These images have too many pixels for the page: choose fewer or smaller ones');
    images.push({ ...image, label });
  }
  return { files: images, channels, size };
}

/**
 * @param {string} path
 * @param {File} file
 */
async function decode(path, file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' }).catch(() => {
    throw new Error(`${path} is not an image that this browser can read`);
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('This browser cannot create a canvas');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return { rgba: new Uint8Array(data.buffer), width, height };
}

/** The content of a file, decompressed if it is gzip. @param {Blob} blob */
async function unpacked(blob) {
  const head = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const compressed = head[0] === 0x1f && head[1] === 0x8b;
  const stream = compressed ? blob.stream().pipeThrough(new DecompressionStream('gzip')) : blob.stream();
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
