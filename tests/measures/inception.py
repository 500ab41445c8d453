"""Writes inception.json: the features that pytorch-fid's Inception v3 finds, with weights by a formula.

    pip install -r requirements.txt
    python3 inception.py                                       # writes inception.json
    python3 inception.py --weights FILE.safetensors            # writes the formula's weights
    python3 inception.py --convert pt_inception-2015-12-05-6726825d.pth FILE.safetensors   # the trained ones

Nothing is downloaded. The network is pytorch-fid's, with its preprocessing; only where it would load the trained
weights, it gets those of the formula, which another language can make as well. Both safetensors files have the same
names and shapes, in float32: those of the state dict without `fc.*` and `num_batches_tracked`.

The formula. All whole numbers have 64 bits and wrap.
  splitmix(x)   x += 0x9E3779B97F4A7C15; x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
                x = (x ^ x >> 27) * 0x94D049BB133111EB; x ^ x >> 31
  u(t, i)       the upper 24 bits of splitmix(t << 32 | i), / 2^24: for tensor t, counted from 0 in the order of the
                names by their bytes, and its element i in row-major order
  conv.weight   (2u - 1) * sqrt(6 / fan_in), where fan_in = shape[1] * shape[2] * shape[3]
  bn.weight     1 + 0.2 * (u - 0.5), bn.running_var too
  bn.bias       0.2 * (u - 0.5), bn.running_mean too
computed in float64 from left to right and then rounded to float32.

The pictures. Picture p (0 or 1), row y, column x, with byte(t, i) the upper 8 bits of splitmix(t << 32 | i) and all
divisions rounded down:
  block = byte(1000 + p, y / 4 * 7 + x / 4), fine = byte(2000 + p, 28 * y + x), pixel = (3 * block + fine) / 4
A pixel / 255 (in float32) goes to all three channels.

inception.json:
  tensors       name and shape of each, in the formula's order
  epsilon       of all batch norms
  pictures      [2, 784] bytes
  stages        name, shape [pictures, channels, height, width], mean (of each picture), values: [picture, channel, y,
                x, value] of some elements. In order: `resized` is what the network gets, 299 x 299 in -1..1, and then
                the output of each part of the network; `block 0` to `block 2` are pytorch-fid's 64, 192, 768 features
  features      [2, 2048], the last pooling
  float32       largest difference of the features computed in float32, as pytorch-fid does, and their mean

Everything is computed in float64 from those float32 weights and pixels and written with 6 significant digits.
"""

import argparse
import json
from pathlib import Path
from unittest import mock

import numpy as np
import pytorch_fid.inception
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models.inception import Inception3

INCEPTION = Path(__file__).with_name("inception.json")

torch.set_num_threads(2)


# --- weights and pictures by formula ---


def splitmix(tensor, count):
    """For the elements 0 .. count."""
    x = np.uint64(tensor << 32) | np.arange(count, dtype=np.uint64)
    x += np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)


def weight(index, name, shape):
    u = (splitmix(index, int(np.prod(shape))) >> np.uint64(40)).astype(np.float64) / 2**24
    if name.endswith("conv.weight"):
        value = (2 * u - 1) * np.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith(("bn.weight", "bn.running_var")):
        value = 1 + 0.2 * (u - 0.5)
    else:
        assert name.endswith(("bn.bias", "bn.running_mean")), name
        value = 0.2 * (u - 0.5)
    return torch.from_numpy(value.astype(np.float32).reshape(shape))


def wanted(name):
    return not name.startswith("fc.") and not name.endswith("num_batches_tracked")


def weights(layout):
    return {name: weight(index, name, shape) for index, (name, shape) in enumerate(layout)}


def layout(state):
    """Name and shape of what the formula gives, in its order."""
    return [(name, list(state[name].shape)) for name in sorted(state) if wanted(name)]


def picture(p):
    y, x = np.mgrid[:28, :28]
    block = (splitmix(1000 + p, 49) >> np.uint64(56))[y // 4 * 7 + x // 4]
    fine = (splitmix(2000 + p, 784) >> np.uint64(56)).reshape(28, 28)
    return ((3 * block + fine) // 4).astype(np.uint8)


# --- the network ---


def network():
    """pytorch-fid's, all four blocks, and the layout of its weights."""
    found, load = [], Inception3.load_state_dict

    def fill(inception, _):
        state = inception.state_dict()
        found.extend(layout(state))
        return load(inception, state | weights(found))

    with (
        mock.patch.object(pytorch_fid.inception, "load_state_dict_from_url", lambda *_, **__: None),
        mock.patch.object(Inception3, "load_state_dict", fill),
    ):
        return pytorch_fid.inception.InceptionV3([0, 1, 2, 3]).eval(), found


PARTS = (
    ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "block 0"],
    ["Conv2d_3b_1x1", "Conv2d_4a_3x3", "block 1"],
    ["Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "block 2"],
    ["Mixed_7a", "Mixed_7b", "Mixed_7c", "features"],
)


def run(inception, pictures):
    """What the network gets and what each part of it gives, by name."""
    stages = {}

    def keep(name):
        return lambda _, inputs, output: stages.update({name: output.clone()})

    hooks = [inception.blocks[0].register_forward_pre_hook(lambda _, inputs: stages.update(resized=inputs[0].clone()))]
    for block, names in zip(inception.blocks, PARTS, strict=True):
        hooks += [part.register_forward_hook(keep(name)) for part, name in zip(block, names, strict=True)]
    with torch.no_grad():
        outputs = inception(pictures)
    for hook in hooks:
        hook.remove()
    for name, output in zip(("block 0", "block 1", "block 2", "features"), outputs, strict=True):
        assert torch.equal(stages[name], output), name
    return stages


# --- the file ---


def number(value):
    return float(f"{value:.6g}")


def stage(name, output):
    """Of each picture a few elements: corners, the centre, and others."""
    _, channels, height, width = output.shape
    at = [(0, 0, 0), (channels - 1, height - 1, width - 1), (channels // 2, height // 2, width // 2)]
    at += [(channels // 3, 0, width - 1), (channels * 3 // 4, height // 3, width // 5)]
    values = [[p, *place, number(output[(p, *place)])] for p in range(len(output)) for place in at]
    means = [number(mean) for mean in output.mean((1, 2, 3))]
    return {"name": name, "shape": list(output.shape), "mean": means, "values": values}


def write():
    inception, tensors = network()
    bytes_ = np.stack([picture(p) for p in range(2)])
    pictures = torch.from_numpy(bytes_.astype(np.float32) / np.float32(255))[:, None].expand(-1, 3, -1, -1)
    single = run(inception, pictures)["features"].double()
    stages = run(inception.double(), pictures.double())
    features = stages.pop("features")[:, :, 0, 0]
    [epsilon] = {module.eps for module in inception.modules() if isinstance(module, nn.BatchNorm2d)}
    lists = {
        "tensors": [list(tensor) for tensor in tensors],
        "epsilon": epsilon,
        "pictures": bytes_.reshape(2, -1).tolist(),
        "stages": [stage(name, output) for name, output in stages.items()],
        "features": [[number(value) for value in row] for row in features],
        "float32": {
            "difference": float(f"{(single[:, :, 0, 0] - features).abs().max():.1g}"),
            "mean": number(features.mean()),
        },
    }

    def text(value):
        return json.dumps(value, separators=(",", ":"))

    def lines(value):
        return "[\n" + ",\n".join(map(text, value)) + "\n]" if isinstance(value, list) else text(value)

    body = ",\n".join(f"{text(key)}:{lines(value)}" for key, value in lists.items())
    INCEPTION.write_text("{\n" + body + "\n}\n", encoding="utf-8")

    for name, output in stages.items():
        dead = (output.amax((0, 2, 3)) <= 0).double().mean()
        print(f"{name}: mean {output.mean():.3g}, deviation {output.std():.3g}, dead {dead:.1%}")
    apart = (features[0] - features[1]).abs()
    print(
        f"features: mean {features.mean():.3g}, deviation over the features {features.std(1).mean():.3g},"
        f" dead {(features.amax(0) <= 0).double().mean():.1%}, pictures apart {apart.mean():.3g},"
        f" float32 {lists['float32']['difference']:.0e}"
    )


def save(tensors, file):
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)


def convert(source, file):
    given, (_, tensors) = torch.load(source, map_location="cpu", weights_only=True), network()
    found = {name: tensor.float() for name, tensor in given.items() if wanted(name)}
    if layout(found) != [(name, shape) for name, shape in tensors]:
        raise SystemExit(f"{source} has other weights than pytorch-fid's Inception v3")
    save(found, file)


def main():
    parser = argparse.ArgumentParser(description="Features and weights of Inception v3.")
    parser.add_argument("--weights", metavar="FILE.safetensors", help="write the formula's weights")
    parser.add_argument("--convert", nargs=2, metavar=("FILE.pth", "FILE.safetensors"), help="convert the trained ones")
    given = parser.parse_args()
    if given.weights:
        save(weights(network()[1]), given.weights)
    if given.convert:
        convert(*given.convert)
    if not given.weights and not given.convert:
        write()


if __name__ == "__main__":
    main()
