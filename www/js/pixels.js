// @ts-check
/** From the values of an engine to what a canvas shows. */

/** @typedef {{ channels: number, height: number, width: number }} Shape of one picture */

/** Pictures come by the hundred: memory for one of each size is kept. @type {Map<string, ImageData>} */
const sheets = new Map();

/**
 * @param {number} width
 * @param {number} height
 */
function sheetOf(width, height) {
  const key = `${width}x${height}`;
  let sheet = sheets.get(key);
  if (!sheet) {
    if (sheets.size > 16) sheets.clear(); // models of many sizes were here
    sheet = new ImageData(width, height);
    sheet.data.fill(255);
    sheets.set(key, sheet);
  }
  return sheet;
}

/**
 * Draws picture `index` of `pixels`, [count, channels, height, width] in 0..1, of one channel (grey) or three (RGB).
 * @param {CanvasRenderingContext2D} context
 * @param {Float32Array} pixels
 * @param {Shape} shape
 * @param {number} [index]
 * @param {number} [x]
 * @param {number} [y]
 */
export function paintAt(context, pixels, { channels, height, width }, index = 0, x = 0, y = 0) {
  const sheet = sheetOf(width, height);
  const plane = height * width;
  const start = index * channels * plane;
  for (let colour = 0; colour < 3; colour += 1) {
    const from = start + (channels === 3 ? colour * plane : 0);
    for (let at = 0; at < plane; at += 1) sheet.data[at * 4 + colour] = pixels[from + at] * 255; // rounds and clamps by itself
  }
  context.putImageData(sheet, x, y);
}

/**
 * Makes a canvas one picture, `index` of `pixels`.
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
 * Gives a canvas a size in pixels; one that has it keeps what it shows.
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
