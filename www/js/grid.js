/** The sheet of samples: one small canvas for each image, scaled by the style sheet. */

export class Grid {
  #sheet;
  #tiles;

  /** Fills the element `sheet` with `count` empty tiles. */
  constructor(sheet, count) {
    this.#sheet = sheet;
    this.#tiles = Array.from({ length: count }, () => document.createElement('canvas'));
    for (const tile of this.#tiles) tile.width = tile.height = 28;
    sheet.replaceChildren(...this.#tiles);
  }

  /** Draws `pixels`, [count, channels, height, width] in 0..1, of one channel (grey) or three (RGB). */
  show(pixels, { channels, height, width }, label) {
    const plane = height * width;
    const image = new ImageData(width, height);
    this.#tiles.forEach((tile, index) => {
      const start = index * channels * plane;
      for (let at = 0; at < plane; at += 1) {
        for (let colour = 0; colour < 3; colour += 1) {
          const channel = channels === 3 ? colour : 0;
          image.data[at * 4 + colour] = pixels[start + channel * plane + at] * 255; // rounds and clamps by itself
        }
        image.data[at * 4 + 3] = 255;
      }
      if (tile.width !== width || tile.height !== height) Object.assign(tile, { width, height });
      tile.getContext('2d').putImageData(image, 0, 0);
    });
    this.#sheet.setAttribute('aria-label', label);
  }

  /** Empties all tiles. */
  clear() {
    for (const tile of this.#tiles) tile.getContext('2d').clearRect(0, 0, tile.width, tile.height);
    this.#sheet.setAttribute('aria-label', 'No samples');
  }
}
