"""Writes scores.json: the scores of small sets of features, by NumPy, SciPy, scikit-learn and prdc.

    pip install -r requirements.txt
    python3 reference.py                                          # writes scores.json
    python3 reference.py real.npy generated.npy [--block 1000]    # prints the scores of two arrays [rows, features]

The file has four lists, one case a line:
  features      name, real, generated (rows of features), block (of KID), expected
  inception     name, probabilities (a row a sample), splits, expected
  histograms    name, real, generated (counts by class), expected
  sharpness     name, pictures [n, height, width], expected
Expected of features, where n is the smaller number of rows:
  fid                   Frechet distance with covariances over n - 1
  fid_by                "sqrtm" or "singular values": see `fid`
  kid, kid_error        unbiased MMD² with k = (x·y / features + 1)³: mean over `kid_blocks` blocks and its standard
                        error, null if there is one block
  kid_blocks            n / min(block, n), rounded down; block i is the rows i * block .. (i + 1) * block of both sets,
                        further rows are left out
  precision, recall     Kynkäänniemi et al. 2019: k = 3, distance <= radius
  density, coverage     Naeem et al. 2020: k = 5, distance < radius
  nearest_real          mean distance of a generated row to the nearest real one
  nearest_generated     mean distance of a real row to the nearest generated one
  pairwise_real, pairwise_generated   mean distance of two rows of the same set
A radius is the distance to the k-th neighbour of the same set; a row is no neighbour of itself, its copies are.
Expected of inception: mean, deviation (over the splits, not n - 1).
Expected of histograms: kl (generated from real, in nats; null: infinite), covered (classes whose generated share is at
  least a tenth of the real one), classes (that the real set has).
Expected of sharpness: each (a picture's variance of the Laplacian), mean.

All features are multiples of 1/16, so float32 holds them exactly, and their squared distances too (but for the features
around 100): equal distances are equal however they are computed, and `<` differs from `<=`. Scores have 10 significant
digits.
"""

import argparse
import contextlib
import io
import json
import warnings
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats
from prdc.prdc import compute_nearest_neighbour_distances, compute_pairwise_distance, compute_prdc
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics.pairwise import polynomial_kernel

SCORES = Path(__file__).with_name("scores.json")
BLOCK, NEAREST_PR, NEAREST_DC = 1000, 3, 5


# --- scores of features ---


def covariance(x):
    return np.atleast_2d(np.cov(x, rowvar=False))


def root_by_sqrtm(real, generated):
    """tr (C1 C2)^1/2 as the field computes it. Wrong by about 1e-8 of its size if a covariance is singular."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.trace(scipy.linalg.sqrtm(covariance(real) @ covariance(generated))).real


def root_by_eigenvalues(real, generated):
    """The eigenvalues of C1^1/2 C2 C1^1/2 are those of C1 C2. Their roots have the same weakness as sqrtm."""
    values, vectors = np.linalg.eigh(covariance(real))
    half = vectors * np.sqrt(values.clip(0)) @ vectors.T
    return np.sqrt(np.linalg.eigvalsh(half @ covariance(generated) @ half).clip(0)).sum()


def root_by_singular_values(real, generated):
    """With C1 = AᵀA and C2 = BᵀB the trace is the sum of the singular values of ABᵀ: no root, so nothing is lost."""

    def factor(x):
        return np.linalg.qr((x - x.mean(0)) / np.sqrt(len(x) - 1), mode="r")

    return np.linalg.svd(factor(real) @ factor(generated).T, compute_uv=False).sum()


def full_rank(x):
    return np.linalg.matrix_rank(covariance(x)) == x.shape[1]


def fid(real, generated):
    """By sqrtm where both covariances have full rank, otherwise by singular values."""
    safe = full_rank(real) and full_rank(generated)
    root = (root_by_sqrtm if safe else root_by_singular_values)(real, generated)
    difference = real.mean(0) - generated.mean(0)
    value = difference @ difference + np.trace(covariance(real)) + np.trace(covariance(generated)) - 2 * root
    return value, "sqrtm" if safe else "singular values"


def mmd(x, y):
    """Unbiased; both have the same number of rows."""
    n = len(x)

    def apart(kernel):
        return (kernel.sum() - np.trace(kernel)) / (n * (n - 1))

    kernel = lambda a, b: polynomial_kernel(a, b, degree=3, coef0=1)
    return apart(kernel(x, x)) + apart(kernel(y, y)) - 2 * kernel(x, y).mean()


def blocks(real, generated, block):
    n = min(len(real), len(generated))
    block = min(block, n)
    return [(real[at : at + block], generated[at : at + block]) for at in range(0, n - block + 1, block)]


def kid(real, generated, block):
    found = [mmd(*pair) for pair in blocks(real, generated, block)]
    error = np.std(found, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else None
    return np.mean(found), error, len(found)


def distances(x, y):
    """[rows of x, rows of y] in portions, each difference taken by itself (no |x|² - 2xy + |y|²)."""
    for at in range(0, len(x), 500):
        yield cdist(x[at : at + 500], y)


def radii(x, k):
    return np.concatenate([np.partition(portion, k, axis=1)[:, k] for portion in distances(x, x)])


def share_inside(x, centres, k):
    """Precision, or recall with the sets exchanged: the share of x in the ball of any centre."""
    radius = radii(centres, k)
    return np.concatenate([(portion <= radius).any(1) for portion in distances(x, centres)]).mean()


def density_coverage(real, generated, k):
    radius = radii(real, k)
    inside = sum((portion < radius).sum() for portion in distances(generated, real))
    closest = np.concatenate([portion.min(1) for portion in distances(real, generated)])
    return inside / (k * len(generated)), (closest < radius).mean()


def nearest(x, y):
    return np.concatenate([portion.min(1) for portion in distances(x, y)]).mean()


def scores(real, generated, block):
    distance, route = fid(real, generated)
    mean, error, count = kid(real, generated, block)
    density, coverage = density_coverage(real, generated, NEAREST_DC)
    return {
        "fid": distance,
        "fid_by": route,
        "kid": mean,
        "kid_error": error,
        "kid_blocks": count,
        "precision": share_inside(generated, real, NEAREST_PR),
        "recall": share_inside(real, generated, NEAREST_PR),
        "density": density,
        "coverage": coverage,
        "nearest_real": nearest(generated, real),
        "nearest_generated": nearest(real, generated),
        "pairwise_real": pdist(real).mean(),
        "pairwise_generated": pdist(generated).mean(),
    }


# --- the other scores ---


def inception_score(probabilities, splits):
    """As the authors of the score compute it, with 0 log 0 = 0."""
    n, found = len(probabilities), []
    for i in range(splits):
        part = probabilities[i * n // splits : (i + 1) * n // splits]
        found.append(np.exp(scipy.special.rel_entr(part, part.mean(0)).sum(1).mean()))
    return {"mean": np.mean(found), "deviation": np.std(found)}


def histogram(real, generated):
    kl = scipy.stats.entropy(generated, real)
    shares = [(Fraction(r, sum(real)), Fraction(g, sum(generated))) for r, g in zip(real, generated) if r > 0]
    covered = sum(10 * share >= r for r, share in shares)
    return {"kl": kl if np.isfinite(kl) else None, "covered": covered, "classes": len(shares)}


def sharpness(pictures):
    laplacian = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    each = [scipy.signal.convolve2d(picture, laplacian, mode="valid").var() for picture in np.array(pictures)]
    return {"each": each, "mean": np.mean(each)}


# --- checks of the reference itself ---


def exact_mmd(x, y):
    """The same in whole numbers of any size."""
    n, features = x.shape
    x, y = (np.vectorize(int, otypes=[object])(rows * 16) for rows in (x, y))

    def total(a, b, diagonal):
        kernel = (a @ b.T + 256 * features) ** 3
        return kernel.sum() - (0 if diagonal else np.trace(kernel))

    apart = Fraction(total(x, x, False) + total(y, y, False), n * (n - 1))
    return float((apart - 2 * Fraction(total(x, y, True), n * n)) / (256 * features) ** 3)


def check(name, real, generated, block, found):
    """That other routes to the same scores agree."""
    size = np.trace(covariance(real)) + np.trace(covariance(generated))
    routes = [root(real, generated) for root in (root_by_sqrtm, root_by_eigenvalues, root_by_singular_values)]
    allowed = 1e-12 if found["fid_by"] == "sqrtm" else 1e-7
    assert np.ptp(routes) <= allowed * size, (name, routes)

    exact = [exact_mmd(*pair) for pair in blocks(real, generated, block)]
    kernel = polynomial_kernel(real, degree=3).max()
    assert abs(np.mean(exact) - found["kid"]) <= 1e-14 * kernel, (name, np.mean(exact), found["kid"])

    with contextlib.redirect_stdout(io.StringIO()):
        theirs = compute_prdc(real, generated, NEAREST_DC)
        strict = compute_prdc(real, generated, NEAREST_PR)
    for key, (x, centres) in {"precision": (generated, real), "recall": (real, generated)}.items():
        # The package has `<` here.
        radius = compute_nearest_neighbour_distances(centres, NEAREST_PR)
        theirs[key] = (compute_pairwise_distance(x, centres) <= radius).any(1).mean()
    for key, value in theirs.items():
        assert abs(value - found[key]) < 1e-12, (name, key, value, found[key])
    tied = any(strict[key] != theirs[key] for key in ("precision", "recall"))
    print(
        f"{name}: fid {found['fid']:.6g} by {found['fid_by']}"
        f" (sqrtm {2 * (routes[2] - routes[0]):+.0e}, eigenvalues {2 * (routes[2] - routes[1]):+.0e} from singular values),"
        f" kid {found['kid']:.6g} ({found['kid'] - np.mean(exact):+.0e} from exact)"
        f"{', < and <= differ' if tied else ''}"
    )


# --- the cases ---


def draws(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def rounded(rows):
    return np.round(np.asarray(rows, float) * 16) / 16


def features():
    """(name, real, generated, block)"""
    name = "two gaussians"
    random = draws(name)
    mix = random.normal(size=(8, 8)) * 0.4 + np.eye(8)
    yield name, random.normal(size=(200, 8)), random.normal(size=(200, 8)) @ mix + 0.3, 1000

    name = "the same set in another order"
    random = draws(name)
    real = random.normal(size=(120, 8))
    yield name, real, random.permutation(real), 1000

    name = "the same set in another order, dead and dependent features"
    random = draws(name)
    real = np.maximum(random.normal(size=(80, 8)), 0).round(2)
    real[:, 5] = 0
    real[:, 6] = rounded(real[:, 0]) + rounded(real[:, 1])
    yield name, real, random.permutation(real), 1000

    name = "rectified features, dead and dependent in both"
    random = draws(name)
    real, generated = (np.maximum(random.normal(size=(n, 12)) + shift, 0) for n, shift in ((100, 0), (100, 0.2)))
    for rows in (real, generated):
        rows[:] = rounded(rows)
        rows[:, [3, 7]] = 0
        rows[:, 8] = rows[:, 0] + rows[:, 1]
        rows[:, 11] = 2 * rows[:, 2]
    yield name, real, generated, 1000

    name = "rectified features, other ones dead in each"
    random = draws(name)
    real, generated = (np.maximum(random.normal(size=(90, 10)), 0) for _ in range(2))
    real[:, [0, 4]] = 0
    generated[:, [4, 9]] = 0
    generated[:, 5] = 0.75
    yield name, real, generated, 1000

    name = "fewer rows than features"
    random = draws(name)
    yield name, random.normal(size=(20, 32)), 1.2 * random.normal(size=(20, 32)), 1000

    name = "collapsed to three rows, one of them real"
    random = draws(name)
    real = random.normal(size=(100, 8))
    few = np.concatenate([real[:1], random.normal(size=(2, 8))])
    yield name, real, few[random.integers(3, size=100)], 1000

    name = "collapsed to one row"
    random = draws(name)
    yield name, random.normal(size=(50, 6)), np.repeat(random.normal(size=(1, 6)), 50, 0), 1000

    name = "the same set shifted"
    random = draws(name)
    real = random.normal(size=(100, 8))
    yield name, real, rounded(real) + 1.5, 1000

    name = "modes dropped"
    random = draws(name)
    centres = 4 * random.normal(size=(6, 8))
    real = centres[np.arange(120) % 6] + 0.3 * random.normal(size=(120, 8))
    generated = centres[np.arange(120) % 2] + 0.3 * random.normal(size=(120, 8))
    yield name, real, generated, 1000

    for name, sizes, block in (
        ("60 rows against 150", (60, 150), 1000),
        ("150 rows against 60", (150, 60), 1000),
        ("blocks of 50", (200, 200), 50),
        ("blocks of 50, rows left over, different counts", (170, 130), 50),
        ("a block as large as the sets", (40, 40), 40),
    ):
        random = draws(name)
        yield name, random.normal(size=(sizes[0], 6)), 0.8 * random.normal(size=(sizes[1], 6)) + 0.25, block

    name = "features around 100"
    random = draws(name)
    mix = random.normal(size=(8, 8)) * 10
    yield name, 100 + random.normal(size=(80, 8)) @ mix, 105 + random.normal(size=(80, 8)) @ mix * 1.1, 1000

    name = "one feature"
    random = draws(name)
    yield name, random.normal(size=(60, 1)), 1.5 * random.normal(size=(60, 1)) + 0.5, 1000

    name = "points of a lattice, many equal distances and copies"
    random = draws(name)
    yield name, random.integers(0, 12, size=(60, 3)), random.integers(1, 13, size=(60, 3)), 20


def probabilities():
    """(name, probabilities, splits)"""

    def shares(rows):
        """Rows of 3 decimals that add up to 1."""
        thousandths = np.floor(rows * 1000).astype(int)
        thousandths[np.arange(len(rows)), rows.argmax(1)] += 1000 - thousandths.sum(1)
        return thousandths / 1000

    random = draws("probabilities")
    rows = shares(scipy.special.softmax(3 * random.normal(size=(95, 10)), axis=1))
    yield "95 rows, one split", rows, 1
    yield "95 rows, ten splits of 9 or 10", rows, 10
    yield "sure, every class as often", np.eye(10)[np.arange(20) % 10], 1
    yield "sure, every class as often, ten splits", np.eye(10)[np.arange(20) % 10], 10
    yield "sure, one class", np.eye(5)[np.zeros(10, int)], 1
    yield "unsure", np.full((10, 4), 0.25), 1
    yield "a class that never comes", np.pad(shares(random.dirichlet([0.5] * 4, size=30)), [(0, 0), (0, 1)]), 3


def histograms():
    """(name, real, generated)"""
    yield "equal shares, other totals", [10, 20, 30, 40], [1, 2, 3, 4]
    yield "ten classes", [98, 113, 103, 101, 98, 89, 96, 103, 97, 102], [77, 150, 60, 122, 101, 4, 131, 140, 9, 206]
    yield "a class exactly at a tenth, one just below", [100, 100, 100, 700], [10, 9, 400, 581]
    yield "classes dropped", [50, 50, 50, 50], [0, 199, 0, 1]
    yield "collapsed", [10, 10, 10, 10, 10, 10, 10, 10, 10, 10], [0, 0, 0, 100, 0, 0, 0, 0, 0, 0]
    yield "a class that neither has", [5, 0, 15], [8, 0, 12]
    yield "a class that only the generated set has", [20, 0, 20], [10, 5, 25]


def pictures():
    """(name, pictures)"""
    random = draws("pictures")
    noise = random.random((4, 9, 9))
    around = np.pad(noise, [(0, 0), (2, 2), (2, 2)], mode="wrap")
    smooth = scipy.signal.convolve(around, np.full((1, 5, 5), 0.04), "valid")
    yield "noise", noise
    yield "the same smoothed", smooth
    yield "not square", random.random((3, 5, 8))
    yield "one valid pixel", random.random((2, 3, 3))
    yield "grey and a slope", np.stack([np.full((6, 6), 0.5), np.tile(np.arange(6) / 8, (6, 1))])
    edge = np.zeros((1, 7, 7))
    edge[:, :, 3:] = 1
    yield "an edge", edge


# --- the file ---


def number(value):
    """10 significant digits. Rounding errors around zero become zero, so that the file is the same on every machine."""
    if isinstance(value, list):
        return [number(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.10g}") if abs(value) > 1e-11 else 0.0
    return int(value) if isinstance(value, np.integer) else value


def plain(value):
    """An array as lists, whole numbers without the `.0`."""
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value]
    return int(value) if value == int(value) else float(value)


def numbers(found):
    return {key: number(value) for key, value in found.items()}


def write():
    lists = {"features": [], "inception": [], "histograms": [], "sharpness": []}
    for name, real, generated, block in features():
        real, generated = rounded(real), rounded(generated)
        found = scores(real, generated, block)
        check(name, real, generated, block, found)
        sets = {"real": plain(real), "generated": plain(generated)}
        lists["features"].append({"name": name, **sets, "block": block, "expected": numbers(found)})
    for name, rows, splits in probabilities():
        expected = numbers(inception_score(rows, splits))
        case = {"name": name, "probabilities": plain(rows), "splits": splits, "expected": expected}
        lists["inception"].append(case)
    for name, real, generated in histograms():
        expected = numbers(histogram(real, generated))
        lists["histograms"].append({"name": name, "real": real, "generated": generated, "expected": expected})
    for name, pixels in pictures():
        pixels = pixels.round(3)
        expected = numbers(sharpness(pixels))
        lists["sharpness"].append({"name": name, "pictures": plain(pixels), "expected": expected})

    def line(case):
        return json.dumps(case, separators=(",", ":"), ensure_ascii=False)

    parts = [f'"{key}":[\n' + ",\n".join(map(line, cases)) + "\n]" for key, cases in lists.items()]
    SCORES.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Scores of feature files, or the fixtures of the tests.")
    parser.add_argument("files", nargs="*", metavar="FILE.npy", help="real and generated; none: write scores.json")
    parser.add_argument("--block", type=int, default=BLOCK, help="rows of a block of KID")
    given = parser.parse_args()
    if not given.files:
        return write()
    if len(given.files) != 2:
        parser.error("two files: real and generated features")
    real, generated = (np.load(file).astype(np.float64) for file in given.files)
    print(json.dumps(numbers(scores(real, generated, given.block)), indent=2))


if __name__ == "__main__":
    main()
