// @ts-check
/** Paints the pixels of an engine on a canvas. */

/** @typedef {{ channels: number, height: number, width: number }} Shape of one image */

/** Buffers by size, reused because images come by the hundred. @type {Map<string, ImageData>} */
const buffers = new Map();

/**
 * @param {number} width
 * @param {number} height
 */
function bufferOf(width, height) {
  const key = `${width}x${height}`;
  let buffer = buffers.get(key);
  if (!buffer) {
    if (buffers.size > 16) buffers.clear(); // after models of many sizes
    buffer = new ImageData(width, height);
    buffer.data.fill(255);
    buffers.set(key, buffer);
  }
  return buffer;
}

/**
 * Draws image `index` of `pixels`, [count, channels, height, width] in 0..1, of one channel (grey)
 * or three (RGB).
 * @param {CanvasRenderingContext2D} context
 * @param {Float32Array} pixels
 * @param {Shape} shape
 * @param {number} [index]
 * @param {number} [x]
 * @param {number} [y]
 */
export function paintAt(context, pixels, { channels, height, width }, index = 0, x = 0, y = 0) {
  const buffer = bufferOf(width, height);
  const plane = height * width;
  const start = index * channels * plane;
  for (let colour = 0; colour < 3; colour += 1) {
    const from = start + (channels === 3 ? colour * plane : 0);
    for (let at = 0; at < plane; at += 1) buffer.data[at * 4 + colour] = pixels[from + at] * 255; // ImageData rounds and clamps
  }
  context.putImageData(buffer, x, y);
}

/**
 * Shows image `index` of `pixels` on a canvas of its size.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} pixels
 * @param {Shape} shape
 * @param {number} [index]
 */
export function paint(canvas, pixels, shape, index = 0) {
  resize(canvas, shape.width, shape.height);
  paintAt(contextOf(canvas), pixels, shape, index);
}

/**
 * Resizes a canvas; its content is kept if it has that size already.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function resize(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
export function contextOf(canvas) {
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser cannot draw on a canvas');
  return context;
}

/** @param {HTMLCanvasElement} canvas */
export function wipe(canvas) {
  contextOf(canvas).clearRect(0, 0, canvas.width, canvas.height);
}
