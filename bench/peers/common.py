"""What both peers share: the networks' figures, arguments, data, the clock, and the line that tells the result.

A peer trains one of the pipelines of this repository in another framework, so that `cargo xtask bench` can lay its
figures beside those of `imago bench`. Whatever both do alike stands here; what a network is stands in each peer, in the
words of its framework.
"""

import argparse
import gzip
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

LOADED = time.time()

IMAGES = 60_000
"""Training images of MNIST."""


@dataclass(frozen=True)
class Network:
    """What a pipeline says beside its layers."""

    rate: float
    """Learning rate of Adam."""
    batch: int = 128
    latent: int = 0
    """Latent values of an image; 0 where none is drawn."""
    signed: bool = False
    """Whether pixels lie in -1 to 1 instead of 0 to 1."""
    beta_1: float = 0.9
    epsilon: float = 1e-8
    average: float = 0.0
    """The share that the moving average of the generator keeps at a step, if there is an average."""
    cosine: int = 0
    """Steps in which the learning rate falls to 0 along a cosine; 0 for a rate that stays."""


NETWORKS = {
    "reports-vae": Network(rate=1e-3, latent=3),
    "reports-dcgan": Network(rate=2e-4, latent=100, signed=True, beta_1=0.5, epsilon=1e-7),
    "mnist-gan": Network(rate=5e-4, batch=64, latent=64, signed=True, beta_1=0.5, average=0.999, cosine=9370),
    "reports-classifier": Network(rate=1e-3, epsilon=1e-7),
}


class Peer(Protocol):
    """A network that is trained, as `measure` sees it."""

    program: str
    version: str
    device: str

    def parameters(self) -> int:
        """How many weights are trained."""

    def step(self, indices: np.ndarray) -> dict[str, Any]:
        """One step on those images. Gives the losses, which may still be in the making."""

    def wait(self) -> None:
        """Returns when all steps are really done."""

    def sample(self, count: int) -> np.ndarray:
        """New images, pixels in 0 to 1, in the memory of the host."""


def arguments(*more: Callable[[argparse.ArgumentParser], Any]) -> argparse.Namespace:
    """The arguments that both peers take, and those that `more` adds."""
    parser = argparse.ArgumentParser(description="Trains a network for a while and prints a line of JSON about it.")
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder that holds mnist/")
    parser.add_argument("--batch", type=int, metavar="N", help="default: what the pipeline says")
    parser.add_argument("--steps", type=int, default=60, metavar="N", help="steps that are timed")
    parser.add_argument("--warm-up", type=int, default=10, metavar="N", help="steps between the first and those")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument("--sample", default="", metavar="N,N", help="numbers of images to draw, each timed")
    parser.add_argument("--epoch", action="store_true", help="time a whole epoch too")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--verbose", action="store_true", help="tell losses on standard error")
    for add in more:
        add(parser)
    given = parser.parse_args()
    given.batch = given.batch or NETWORKS[given.network].batch
    given.sample = [int(count) for count in given.sample.split(",") if count not in ("", "0")]
    return given


def read_idx(folder: Path, name: str) -> np.ndarray:
    """An IDX file of bytes, gzipped or not."""
    packed, plain = folder / f"{name}.gz", folder / name
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def training_images(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """The training images of MNIST, `[60000, 28, 28]`, and their classes."""
    folder = data / "mnist"
    return read_idx(folder, "train-images-idx3-ubyte"), read_idx(folder, "train-labels-idx1-ubyte")


def normalised(images: np.ndarray, signed: bool) -> np.ndarray:
    """Bytes as floats in 0 to 1, or in -1 to 1."""
    pixels = images.astype(np.float32)
    pixels /= 255
    if signed:
        pixels *= 2
        pixels -= 1
    return pixels


class Order:
    """The indices of batch after batch, in another random order each epoch. All batches are whole."""

    def __init__(self, count: int, batch: int) -> None:
        self.count = count
        self.batch = min(batch, count)
        self._left = np.arange(0)
        self._random = np.random.default_rng(42)

    def next(self) -> np.ndarray:
        """The next batch, which may be the first of a new epoch."""
        if len(self._left) < self.batch:
            self._left = self._random.permutation(self.count)
        indices, self._left = self._left[: self.batch], self._left[self.batch :]
        return indices


def measure(peer: Peer, given: argparse.Namespace) -> None:
    """Trains, samples, and prints what was measured."""
    network = NETWORKS[given.network]
    order = Order(IMAGES, given.batch)
    started = process_start()

    def train(steps: int, moment: str) -> None:
        losses: dict[str, Any] = {}
        for _ in range(steps):
            losses = peer.step(order.next())
        peer.wait()
        if given.verbose:
            told = ", ".join(f"{name} {float(loss):.4f}" for name, loss in losses.items())
            print(f"{moment}: {told}", file=sys.stderr)

    train(1, "first step")
    first = time.time() - started
    train(given.warm_up, "after the warm-up")
    begin = time.perf_counter()
    train(given.steps, "after the steps")
    seconds = time.perf_counter() - begin
    epoch = None
    if given.epoch:
        begin = time.perf_counter()
        train(-(-IMAGES // order.batch), "after an epoch")
        epoch = time.perf_counter() - begin

    result = {
        "program": peer.program,
        "version": peer.version,
        "network": given.network,
        "device": peer.device,
        "threads": given.threads,
        "batch": order.batch,
        "parameters": peer.parameters(),
        "first_step_s": first,
        "steps": given.steps,
        "seconds": seconds,
        "steps_per_s": given.steps / seconds,
        "images_per_s": given.steps * order.batch / seconds,
        "epoch_s": epoch,
        "peak_memory_bytes": peak_memory(),
    }
    counts = given.sample if network.latent else []
    result["sample"] = [{"images": count, "seconds": sampling_seconds(peer, count)} for count in counts]
    print(json.dumps(result), flush=True)


def sampling_seconds(peer: Peer, count: int) -> float:
    """The median time that so many images take; of many images, in chunks of the size that is fastest."""
    sizes = [count] if count <= 1000 else [size for size in (100, 500, 1000, 10_000) if size <= count]

    def once(size: int) -> float:
        begin = time.perf_counter()
        images = [peer.sample(min(size, count - start)) for start in range(0, count, size)]
        seconds = time.perf_counter() - begin
        if sum(map(len, images)) != count or not np.isfinite(images[-1]).all():
            raise RuntimeError(f"{count} images were asked for, and others came")
        return seconds

    for size in sizes:
        peer.sample(size)
    fastest = min(sizes, key=once) if len(sizes) > 1 else count
    times: list[float] = []
    while len(times) < 3 or (len(times) < 30 and sum(times) < 2):
        times.append(once(fastest))
    return statistics.median(times)


def process_start() -> float:
    """When this process was started, in Unix seconds: as the parent says, as the kernel says, or when this was loaded."""
    told = os.environ.get("BENCH_STARTED")
    if told:
        return float(told)
    try:
        # Behind the name, which may hold anything but ends with the last parenthesis, comes field 3; the start is 22.
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        since_boot = int(fields[22 - 3]) / os.sysconf("SC_CLK_TCK")
        return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)
    except (OSError, AttributeError):
        return LOADED


def peak_memory() -> int | None:
    """The most memory that this process has held, in bytes. Windows does not tell."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
