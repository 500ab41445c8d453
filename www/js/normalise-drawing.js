// @ts-check

/** Side of an image in pixels, and of the square that the strokes fill. */
const SIDE = 28;
const BOX = 20;
/** Where the centre of mass goes: the middle of pixel 14, counted from 0, as in MNIST. */
const CENTRE = 14.5;

/**
 * Normalises a drawing like the digits of MNIST: the strokes are scaled to fit into 20 × 20 pixels,
 * and their centre of mass is put into the centre of 28 × 28. Each pixel is the mean of the area
 * that it covers. Null if nothing is drawn.
 * @param {Float32Array} ink   values of a square drawing from 0 to 1, row by row
 * @param {number} side        of the drawing
 * @returns {Float32Array | null}
 */
export function normaliseDrawing(ink, side) {
  let [left, right, top, bottom] = [side, -1, side, -1];
  let [mass, momentX, momentY] = [0, 0, 0];
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const value = ink[y * side + x];
      if (value < 0.02) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
      mass += value;
      momentX += value * (x + 0.5);
      momentY += value * (y + 0.5);
    }
  }
  if (mass === 0) return null;
  // Pixels of the drawing per pixel of the image, and where the image begins.
  const scale = Math.max(right - left, bottom - top) / BOX;
  const [startX, startY] = [momentX / mass - CENTRE * scale, momentY / mass - CENTRE * scale];
  const image = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      image[y * SIDE + x] = mean(ink, side, startX + x * scale, startY + y * scale, scale);
    }
  }
  return image;
}

/**
 * The mean of a square of the drawing, which is black beyond its edges.
 * @param {Float32Array} ink
 * @param {number} side
 * @param {number} left
 * @param {number} top
 * @param {number} length
 */
function mean(ink, side, left, top, length) {
  let sum = 0;
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(side, top + length); y += 1) {
    const rowWeight = Math.min(y + 1, top + length) - Math.max(y, top);
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(side, left + length); x += 1) {
      sum += ink[y * side + x] * rowWeight * (Math.min(x + 1, left + length) - Math.max(x, left));
    }
  }
  return sum / (length * length);
}
