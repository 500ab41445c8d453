// @ts-check
/** The standard normal distribution, and interpolation between latents sampled from it. */

/**
 * The cumulative distribution function, to about 1e-7: a series near 0, a continued fraction in
 * the tails.
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
 * The quantile function, the inverse of `cdf`, by bisection.
 * @param {number} probability between 0 and 1, exclusive
 */
export function quantile(probability) {
  let [low, high] = [-8, 8];
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2;
    if (cdf(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * The latent at `t` on the way from `a` to `b`: spherical interpolation (slerp), which keeps to the
 * radius where normally distributed latents lie, or linear.
 * @param {Float32Array} a
 * @param {Float32Array} b
 * @param {number} t 0 to 1
 * @param {boolean} spherical
 */
export function interpolate(a, b, t, spherical) {
  let [fromA, fromB] = [1 - t, t];
  if (spherical) {
    const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
    // Parallel and opposite latents have no unique arc.
    if (Math.sin(angle) > 1e-3) [fromA, fromB] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  }
  return a.map((value, at) => fromA * value + fromB * b[at]);
}

/** @param {Float32Array} a @param {Float32Array} b */
function dot(a, b) {
  return a.reduce((sum, value, at) => sum + value * b[at], 0);
}
