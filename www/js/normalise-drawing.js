// @ts-check

/** Pixels of a side of a picture, and of the square that its strokes fill. */
const SIDE = 28;
const BOX = 20;
/** Where the centre of mass goes: the middle of pixel 14 counted from 0, as in the data. */
const MIDDLE = 14.5;

/**
 * Makes a drawing what the digits of MNIST are: its strokes are cropped and fill a square of 20 pixels in their own proportions, their
 * centre of mass is in the middle of 28 × 28. Each pixel is the mean of what it covers. Null if nothing is drawn.
 * @param {Float32Array} ink   values from 0 to 1 of a square drawing, row by row
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
  // Pixels of the drawing that one pixel of the picture covers, and where the picture begins.
  const scale = Math.max(right - left, bottom - top) / BOX;
  const [startX, startY] = [momentX / mass - MIDDLE * scale, momentY / mass - MIDDLE * scale];
  const picture = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      picture[y * SIDE + x] = mean(ink, side, startX + x * scale, startY + y * scale, scale);
    }
  }
  return picture;
}

/**
 * The mean of a square of the drawing, beyond which there is nothing.
 * @param {Float32Array} ink
 * @param {number} side
 * @param {number} left
 * @param {number} top
 * @param {number} length
 */
function mean(ink, side, left, top, length) {
  let sum = 0;
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(side, top + length); y += 1) {
    const tall = Math.min(y + 1, top + length) - Math.max(y, top);
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(side, left + length); x += 1) {
      sum += ink[y * side + x] * tall * (Math.min(x + 1, left + length) - Math.max(x, left));
    }
  }
  return sum / (length * length);
}
