// @ts-check
/** The normal distribution, and paths between latents sampled from it. */

/**
 * The share of a standard normal distribution below `value`, to about 1e-7: the complementary error function by its continued
 * fraction far out and by its series near the middle.
 * @param {number} value
 */
export function cdf(value) {
  const x = Math.abs(value);
  const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  let tail;
  if (x < 2.5) {
    // The integral from 0 to x: the density times x + x³/3 + x⁵/15 + …
    let [term, sum] = [x, x];
    for (let odd = 3; term > 1e-12; odd += 2) {
      term *= x * x / odd;
      sum += term;
    }
    tail = 0.5 - density * sum;
  } else {
    let fraction = x;
    for (let depth = 40; depth > 0; depth -= 1) fraction = x + depth / fraction;
    tail = density / fraction;
  }
  return value < 0 ? tail : 1 - tail;
}

/**
 * The value that a share of a standard normal distribution lies below: the inverse of `cdf`, found by halving.
 * @param {number} share 0 to 1, the ends excluded
 */
export function quantile(share) {
  let [low, high] = [-8, 8];
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2;
    if (cdf(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * The latent at `part` of the path from `a` to `b`: on the arc around the origin, where normally distributed latents lie, or straight.
 * @param {Float32Array} a
 * @param {Float32Array} b
 * @param {number} part
 * @param {boolean} arc
 */
export function interpolate(a, b, part, arc) {
  let [fromA, fromB] = [1 - part, part];
  if (arc) {
    const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
    // Where the two point the same way or opposite ways there is no one arc.
    if (Math.sin(angle) > 1e-3) [fromA, fromB] = [Math.sin((1 - part) * angle) / Math.sin(angle), Math.sin(part * angle) / Math.sin(angle)];
  }
  return a.map((value, at) => fromA * value + fromB * b[at]);
}

/** @param {Float32Array} a @param {Float32Array} b */
function dot(a, b) {
  return a.reduce((sum, value, at) => sum + value * b[at], 0);
}
