"""Writes reference.json: what PyTorch computes for every layer of the pipeline language.

    pip install torch numpy
    python3 reference.py > reference.json

The committed file was made with Python 3.11, PyTorch 2.15.0 (CPU, float64).
PyTorch has no `same` padding with strides, so it is emulated here; check_same.py compares such cases with TensorFlow.

One case a line:
  layer           the layer, in the pipeline language
  training        false: no dropout, no noise, batch norm uses its running values, spectral norm makes no step
  input           shape [batch, ...sample] and values
  weights         before the forward pass, in the project's layout (a linear weight is [in, out])
  output          of the forward pass
  upstream        the gradient of the output: the loss is sum(output * upstream)
  input_gradient  missing for embedding, whose input are class numbers
  gradients       of the trainable weights
  after           the weights that the forward pass itself changes

Everything is computed in float64 from inputs of 4 decimals and written with 7 significant digits.
"""

import json
import sys
import zlib

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


# --- the language's layers as torch modules ---


def pair(value):
    return tuple(value) if isinstance(value, list) else (value, value)


def same_conv(size, kernel, stride, dilation):
    """TensorFlow's rule for one axis: (pixels before, pixels after); the odd one goes after."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def pad_same(x, kernel, stride, dilation=(1, 1), value=0.0):
    top, bottom = same_conv(x.shape[2], kernel[0], stride[0], dilation[0])
    left, right = same_conv(x.shape[3], kernel[1], stride[1], dilation[1])
    return F.pad(x, (left, right, top, bottom), value=value)


class SameConv2d(nn.Conv2d):
    def forward(self, x):
        return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation))


class SameConvTranspose2d(nn.ConvTranspose2d):
    """The output is exactly `stride` times the input: the full result is cut as TensorFlow pads a convolution of
    that output, or filled with zeros (before the bias) where the kernel is smaller than the stride."""

    def forward(self, x):
        full = F.conv_transpose2d(x, self.weight, None, self.stride, 0, 0, self.groups, self.dilation)
        for axis in (0, 1):
            size = x.shape[2 + axis] * self.stride[axis]
            before, _ = same_conv(size, self.kernel_size[axis], self.stride[axis], self.dilation[axis])
            missing = max(before + size - full.shape[2 + axis], 0)
            full = F.pad(full, (0, 0, 0, missing) if axis == 0 else (0, missing))
            full = full.narrow(2 + axis, before, size)
        return full if self.bias is None else full + self.bias.view(1, -1, 1, 1)


class SameMaxPool2d(nn.MaxPool2d):
    def forward(self, x):
        x = pad_same(x, self.kernel_size, self.stride, self.dilation, -torch.inf)
        return F.max_pool2d(x, self.kernel_size, self.stride, 0, self.dilation)


class SameAvgPool2d(nn.AvgPool2d):
    """Only real pixels count."""

    def forward(self, x):
        def mean(t):
            return F.avg_pool2d(pad_same(t, self.kernel_size, self.stride), self.kernel_size, self.stride)

        return mean(x) / mean(torch.ones_like(x))


class Embedding(nn.Embedding):
    def forward(self, x):
        return super().forward(x.long()).flatten(1)


class GlobalAvgPool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class MinibatchStddev(nn.Module):
    """StyleGAN's: the batch is laid out as [group, batch / group], so sample i is grouped with i + k * batch / group.
    Where the group does not divide the batch, it is the batch's largest divisor below."""

    def __init__(self, group):
        super().__init__()
        self.group = group

    def forward(self, x):
        batch = x.shape[0]
        group = max(g for g in range(1, min(self.group, batch) + 1) if batch % g == 0)
        grouped = x.reshape(group, batch // group, -1)
        std = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean(1).repeat(group)
        std = std.view(-1, *[1] * (x.dim() - 1)).expand(-1, 1, *x.shape[2:])
        return torch.cat([x, std], 1)


class Layers(nn.Module):
    """A list of layers in a row: `repeat`, and what is inside `residual`."""

    def __init__(self, specs, shape):
        super().__init__()
        self.layers = nn.ModuleList()
        for spec in specs:
            self.layers.append(build(spec, shape))
            shape = shape_after(self.layers[-1], shape)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Residual(Layers):
    def __init__(self, specs, shape):
        super().__init__(specs, shape)
        out = shape_after(super().forward, shape)
        self.projection, self.grow = None, None
        if out == shape:
            return
        if len(shape) == 1:
            self.projection = nn.Linear(shape[0], out[0], bias=False)
            return
        shrink = [-(-a // b) for a, b in zip(shape[1:], out[1:])]
        self.grow = [float(max(b // a, 1)) for a, b in zip(shape[1:], out[1:])]
        self.projection = nn.Conv2d(shape[0], out[0], 1, stride=shrink, bias=False)

    def forward(self, x):
        shortcut = x
        if self.grow:
            shortcut = F.interpolate(shortcut, scale_factor=self.grow, mode="nearest")
        if self.projection:
            shortcut = self.projection(shortcut)
        return shortcut + super().forward(x)


def towards_variance_of_batch(norm, inputs, _):
    if norm.training:
        count = inputs[0].numel() / inputs[0].shape[1]
        kept = (1 - norm.momentum) * norm.var_before
        norm.running_var.data.copy_(kept + (norm.running_var - kept) * (count - 1) / count)


def shape_after(layer, shape):
    """The sample shape that a layer gives. Evaluation mode: no statistics move."""
    if isinstance(layer, nn.Module):
        layer.eval()
    with torch.no_grad():
        return list(layer(torch.zeros(2, *shape)).shape[1:])


def build(spec, shape):
    """The torch module of a layer of the language, for samples of this shape."""
    name, value = next(iter(spec.items())) if isinstance(spec, dict) else (spec, None)
    field = value if isinstance(value, dict) else {}

    def main(key, default=None):
        """The field that the short form gives."""
        return default if value is None else field.get(key, default) if value is field else value

    if name in ("conv2d", "conv_transpose2d"):
        kernel, stride = pair(field["kernel"]), pair(field.get("stride", 1))
        padding, plain = field.get("padding", "valid"), name == "conv2d"
        options = dict(
            stride=stride,
            padding=0 if isinstance(padding, str) else padding,
            dilation=pair(field.get("dilation", 1)),
            groups=field.get("groups", 1),
            bias=field.get("bias", True),
        )
        if not plain:
            options["output_padding"] = field.get("output_padding", 0)
        if padding == "same":
            kind = SameConv2d if plain else SameConvTranspose2d
        else:
            kind = nn.Conv2d if plain else nn.ConvTranspose2d
        layer = kind(shape[0], field["filters"], kernel, **options)
        return spectral_norm(layer) if field.get("spectral_norm") else layer

    if name == "linear":
        layer = nn.Linear(shape[0], main("units"), bias=field.get("bias", True))
        return spectral_norm(layer) if field.get("spectral_norm") else layer

    if name in ("max_pool2d", "avg_pool2d"):
        kernel = pair(main("kernel"))
        stride = pair(field.get("stride", list(kernel)))
        padding, most = field.get("padding", "valid"), name == "max_pool2d"
        options = {"padding": 0 if isinstance(padding, str) else padding}
        if most:
            options["dilation"] = pair(field.get("dilation", 1))
        if padding == "same":
            kind = SameMaxPool2d if most else SameAvgPool2d
        else:
            kind = nn.MaxPool2d if most else nn.AvgPool2d
        return kind(kernel, stride, **options)

    epsilon = field.get("epsilon", 1e-5)
    if name == "batch_norm":
        kind = nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d
        norm = kind(shape[0], eps=epsilon, momentum=field.get("momentum", 0.1))
        # PyTorch moves its variance towards that of a sample, Keras and we towards that of the batch: (n - 1) / n of it.
        norm.register_forward_pre_hook(lambda norm, _: setattr(norm, "var_before", norm.running_var.clone()))
        norm.register_forward_hook(towards_variance_of_batch)
        return norm
    if name == "layer_norm":
        return nn.LayerNorm(shape, eps=epsilon)
    if name == "group_norm":
        return nn.GroupNorm(main("groups"), shape[0], eps=epsilon)
    if name == "instance_norm":
        return nn.InstanceNorm2d(shape[0], eps=epsilon, affine=field.get("affine", False))

    if name == "upsample":
        scale = tuple(float(s) for s in pair(main("scale", 2)))
        if field.get("mode", "nearest") == "nearest":
            return nn.Upsample(scale_factor=scale, mode="nearest")
        return nn.Upsample(scale_factor=scale, mode="bilinear", align_corners=False)

    if name == "prelu":
        slope = main("slope", 0.25)
        return nn.PReLU(shape[0] if field.get("per_channel") else 1, init=slope)

    if name == "repeat":
        return Layers(field["layers"] * field["times"], shape)

    return {
        "residual": lambda: Residual(value, shape),
        "embedding": lambda: Embedding(field["count"], field["size"]),
        "minibatch_stddev": lambda: MinibatchStddev(main("group", 4)),
        "pixel_shuffle": lambda: nn.PixelShuffle(main("factor")),
        "reshape": lambda: nn.Unflatten(1, value),
        "flatten": lambda: nn.Flatten(),
        "global_avg_pool": lambda: GlobalAvgPool(),
        "dropout": lambda: nn.Dropout(main("rate")),
        "gaussian_noise": lambda: nn.Identity(),  # only given in evaluation mode
        "leaky_relu": lambda: nn.LeakyReLU(main("negative_slope", 0.01)),
        "elu": lambda: nn.ELU(main("alpha", 1.0)),
        "relu": lambda: nn.ReLU(),
        "selu": lambda: nn.SELU(),
        "gelu": lambda: nn.GELU(),
        "silu": lambda: nn.SiLU(),
        "softplus": lambda: nn.Softplus(),
        "tanh": lambda: nn.Tanh(),
        "sigmoid": lambda: nn.Sigmoid(),
        "softmax": lambda: nn.Softmax(1),
    }[name]()


# --- torch's names and layouts to the project's ---


def named_weights(module, prefix=""):
    """Yields (our name, torch's tensor, the function that lays it out as ours)."""
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)
    if isinstance(module, Layers):
        for index, layer in enumerate(module.layers):
            yield from named_weights(layer, f"{prefix}layers.{index}.")
        if getattr(module, "projection", None) is not None:
            yield from named_weights(module.projection, f"{prefix}projection.")
        return
    rename = {"parametrizations.weight.original": "weight"}
    rename |= {"parametrizations.weight.0._u": "spectral.u", "parametrizations.weight.0._v": "spectral.v"}
    if isinstance(module, norms):
        rename |= {"weight": "gamma", "bias": "beta"}
    if isinstance(module, nn.PReLU):
        rename["weight"] = "alpha"
    # The order: weight, bias, then what is not trained.
    found = {rename.get(n, n): t for n, t in [*module.named_parameters(), *module.named_buffers()]}
    for name in sorted(found, key=lambda n: (n not in ("weight", "gamma"), not found[n].requires_grad)):
        if name == "num_batches_tracked":
            continue
        layout = torch.Tensor.clone
        if isinstance(module, nn.Linear) and name == "weight":
            layout = torch.t
        elif isinstance(module, nn.LayerNorm):
            layout = torch.flatten
        yield prefix + name, found[name], layout


# --- the cases ---

KINKED = (nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU)


def normal(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).mul(1e4).round().div(1e4)


def values(tensor):
    """Rounding errors around zero become zero, so that the file is the same on every machine."""
    return [float(f"{v:.7g}") if abs(v) > 1e-12 else 0.0 for v in tensor.detach().flatten().tolist()]


def case(name, layer, shape, batch=2, training=True):
    """One line of the file. Draws again while a value comes close to the kink of a rectifier inside."""
    for attempt in range(100):
        torch.manual_seed(zlib.crc32(f"{name} {attempt}".encode()))
        result, closest = compute(name, layer, shape, batch, training)
        if closest > 5e-3:
            return result
    raise RuntimeError(f"{name}: every draw is too close to a kink")


def compute(name, layer, shape, batch, training):
    module = build(layer, shape).train(training)
    weights = list(named_weights(module))
    with torch.no_grad():
        for weight, tensor, _ in weights:
            last = weight.split(".")[-1]
            if last == "gamma":
                tensor.copy_(1 + normal(*tensor.shape, scale=0.3))
            elif last == "alpha":
                tensor.copy_(0.25 + normal(*tensor.shape, scale=0.05))
            elif last == "running_var":
                tensor.copy_(1 + normal(*tensor.shape).abs())
            elif last in ("u", "v"):
                tensor.copy_(F.normalize(torch.randn(*tensor.shape), dim=0))
            else:
                tensor.copy_(normal(*tensor.shape, scale=0.5))
        if not training and any(weight.endswith("spectral.u") for weight, _, _ in weights):
            # As a trained layer has them: each look at the weight in training mode is one power iteration.
            module.train()
            for _ in range(5):
                _ = module.weight
            module.eval()

    if "embedding" in layer:
        x = torch.randint(layer["embedding"]["count"], (batch, *shape)).double()
    elif "max_pool2d" in layer:
        # All values differ, so no window has two largest ones.
        count = torch.Size([batch, *shape]).numel()
        x = torch.linspace(-2, 2, count)[torch.randperm(count)].mul(1e4).round().div(1e4).view(batch, *shape)
    else:
        x = normal(batch, *shape)
    learns = "embedding" not in layer
    x.requires_grad_(learns)

    closest = [1.0]
    for inner in module.modules():
        if isinstance(inner, KINKED):
            inner.register_forward_pre_hook(lambda _, args: closest.append(args[0].abs().min().item()))

    def shaped(tensor):
        return {"shape": list(tensor.shape), "values": values(tensor)}

    before = {weight: shaped(layout(tensor)) for weight, tensor, layout in weights}
    output = module(x)
    upstream = normal(*output.shape)
    (output * upstream).sum().backward()

    result = {
        "name": name,
        "layer": layer,
        "training": training,
        "input": shaped(x),
        "weights": before,
        "output": shaped(output),
        "upstream": {"values": values(upstream)},
    }
    if learns:
        result["input_gradient"] = {"values": values(x.grad)}
    result["gradients"] = {
        weight: {"values": values(layout(tensor.grad))} for weight, tensor, layout in weights if tensor.requires_grad
    }
    after = {weight: shaped(tensor) for weight, tensor, _ in weights if not tensor.requires_grad}
    if training and after:
        result["after"] = after
    return result, min(closest)


def cases():
    image = [2, 5, 5]

    yield case("linear", {"linear": 3}, [4], batch=3)
    yield case("linear, no bias", {"linear": {"units": 5, "bias": False}}, [3], batch=2)
    yield case("linear, one value in and out", {"linear": {"units": 1}}, [1], batch=4)
    yield case("linear, spectral norm", {"linear": {"units": 3, "spectral_norm": True}}, [5])
    yield case(
        "linear, spectral norm, evaluation", {"linear": {"units": 3, "spectral_norm": True}}, [5], training=False
    )

    def conv(name, shape, **fields):
        return case(f"conv2d, {name}", {"conv2d": {"filters": 2, "kernel": 3, **fields}}, shape)

    yield conv("3x3", image, filters=3)
    yield conv("1x1", [3, 3, 3], kernel=1)
    yield conv("no bias", image, bias=False)
    yield conv("even kernel", image, kernel=2)
    yield conv("not square: kernel", [2, 5, 4], kernel=[3, 2])
    yield conv("not square: stride", [1, 5, 6], kernel=2, stride=[1, 2])
    yield conv("not square: all", [2, 7, 5], kernel=[2, 3], stride=[2, 1], dilation=[3, 1], padding=1)
    yield conv("stride 2", [1, 7, 7], stride=2)
    yield conv("stride 2, pixels left over", [2, 6, 6], stride=2)
    yield conv("stride larger than the kernel", [2, 7, 7], kernel=2, stride=3)
    yield conv("padding 1", image, padding=1)
    yield conv("padding 2, even kernel", [1, 4, 4], kernel=4, padding=2)
    yield conv("padding larger than the kernel", [1, 2, 2], kernel=1, padding=2)
    yield conv("padding 1, stride 2, even kernel", [2, 6, 6], kernel=4, padding=1, stride=2)
    yield conv("dilation 2", [1, 6, 6], dilation=2)
    yield conv("dilation 2 by 1, padding 2", [1, 4, 4], dilation=[2, 1], padding=2)
    yield conv("groups 2", [4, 4, 4], groups=2)
    yield conv("a group for each channel", [3, 4, 4], filters=6, groups=3)
    yield conv("stride, padding, dilation, groups", [2, 7, 7], stride=2, padding=2, dilation=2, groups=2)
    yield conv("image of one pixel, 1x1", [2, 1, 1], kernel=1)
    yield conv("image of one pixel, padding 1", [2, 1, 1], padding=1)
    yield conv("same, 3x3", [2, 4, 5], padding="same")
    yield conv("same, kernel 4", [1, 5, 5], kernel=4, padding="same")
    yield conv("same, kernel 2", [2, 3, 4], kernel=2, padding="same")
    yield conv("same, stride 2 that divides", [1, 6, 6], stride=2, padding="same")
    yield conv("same, stride 2 that does not divide", [1, 7, 7], stride=2, padding="same")
    yield conv("same, kernel 4, stride 2", [1, 6, 7], kernel=4, stride=2, padding="same")
    yield conv("same, kernel 4, stride 3", [2, 7, 5], kernel=4, stride=3, padding="same")
    yield conv("same, kernel 5, stride 2", [1, 6, 6], kernel=5, stride=2, padding="same")
    yield conv("same, kernel smaller than the stride", [2, 7, 6], kernel=2, stride=3, padding="same")
    yield conv("same, 1x1, stride 2", [2, 5, 4], kernel=1, stride=2, padding="same")
    yield conv("same, not square", [1, 5, 6], kernel=[2, 5], stride=[2, 1], padding="same")
    yield conv("same, dilation 2", [1, 5, 5], dilation=2, padding="same")
    yield conv("same, kernel 2, dilation 3", [1, 5, 5], kernel=2, dilation=3, padding="same")
    yield conv("same, groups 2, stride 2", [2, 5, 5], groups=2, stride=2, padding="same", bias=False)
    yield conv("same, image of one pixel", [2, 1, 1], padding="same")
    yield conv("same, image of one pixel, kernel 4, stride 2", [2, 1, 1], kernel=4, stride=2, padding="same")
    yield conv("spectral norm", [2, 4, 4], filters=3, spectral_norm=True)
    yield conv(
        "spectral norm, same, groups 2, no bias", [2, 4, 4], groups=2, padding="same", bias=False, spectral_norm=True
    )
    yield case(
        "conv2d, spectral norm, evaluation",
        {"conv2d": {"filters": 3, "kernel": 2, "spectral_norm": True}},
        [2, 3, 3],
        training=False,
    )

    def transpose(name, shape, **fields):
        return case(f"conv_transpose2d, {name}", {"conv_transpose2d": {"filters": 2, "kernel": 3, **fields}}, shape)

    yield transpose("3x3", [2, 3, 3], filters=3)
    yield transpose("1x1", [3, 3, 3], kernel=1)
    yield transpose("no bias", [2, 3, 2], bias=False)
    yield transpose("kernel 4, stride 2, padding 1", [2, 3, 3], kernel=4, stride=2, padding=1)
    yield transpose("stride 2", [1, 3, 3], stride=2)
    yield transpose("stride larger than the kernel", [2, 3, 3], kernel=2, stride=3)
    yield transpose("not square", [2, 3, 4], kernel=[3, 2], stride=[1, 2])
    yield transpose("padding 1", [2, 4, 4], padding=1)
    yield transpose("stride 2, padding 1, output padding 1", [2, 3, 3], stride=2, padding=1, output_padding=1)
    yield transpose("output padding 0 by 1", [1, 3, 3], kernel=2, stride=[2, 3], output_padding=[0, 1])
    yield transpose("output padding 2, dilation 3", [1, 2, 2], kernel=2, dilation=3, output_padding=2)
    yield transpose("dilation 2", [2, 3, 3], kernel=2, dilation=2)
    yield transpose("groups 2", [4, 3, 3], groups=2, kernel=2)
    yield transpose("groups 2, more filters than channels", [2, 3, 3], filters=4, groups=2, kernel=2, stride=2)
    yield transpose(
        "stride, padding, output padding, dilation, groups",
        [2, 3, 3],
        stride=2,
        padding=2,
        output_padding=1,
        dilation=2,
        groups=2,
    )
    yield transpose("image of one pixel to 4x4", [3, 1, 1], kernel=4)
    yield transpose("same, 3x3, stride 1", [2, 4, 3], padding="same")
    yield transpose("same, kernel 4, stride 1", [1, 4, 4], kernel=4, padding="same")
    yield transpose("same, kernel 2, stride 1", [2, 3, 3], kernel=2, padding="same")
    yield transpose("same, kernel 4, stride 2", [2, 3, 3], kernel=4, stride=2, padding="same")
    yield transpose("same, kernel 3, stride 2", [2, 3, 3], stride=2, padding="same")
    yield transpose("same, kernel 5, stride 2", [1, 3, 3], kernel=5, stride=2, padding="same")
    yield transpose("same, kernel 2, stride 2", [2, 3, 2], kernel=2, stride=2, padding="same")
    yield transpose("same, kernel smaller than the stride", [2, 2, 3], kernel=2, stride=3, padding="same")
    yield transpose("same, 1x1, stride 2", [2, 3, 3], kernel=1, stride=2, padding="same")
    yield transpose("same, not square", [1, 3, 4], kernel=[2, 5], stride=[3, 2], padding="same")
    yield transpose("same, dilation 2", [1, 4, 4], dilation=2, padding="same")
    yield transpose("same, dilation 2, kernel 2, stride 2", [1, 3, 3], kernel=2, stride=2, dilation=2, padding="same")
    yield transpose("same, groups 2, no bias", [2, 3, 3], stride=2, groups=2, bias=False, padding="same")
    yield transpose("same, image of one pixel", [2, 1, 1], kernel=4, stride=2, padding="same")
    yield transpose("spectral norm", [3, 3, 3], kernel=2, spectral_norm=True)
    yield transpose("spectral norm, same, groups 2", [2, 3, 3], groups=2, stride=2, padding="same", spectral_norm=True)
    yield case(
        "conv_transpose2d, spectral norm, evaluation",
        {"conv_transpose2d": {"filters": 3, "kernel": 2, "spectral_norm": True}},
        [2, 2, 2],
        training=False,
    )

    for training in (True, False):
        when = "training" if training else "evaluation"
        yield case(f"batch_norm, image, {when}", "batch_norm", [3, 3, 2], batch=3, training=training)
        yield case(f"batch_norm, row, {when}", "batch_norm", [4], batch=3, training=training)
        momentum = {"batch_norm": {"momentum": 0.01, "epsilon": 0.001}}
        yield case(f"batch_norm, momentum and epsilon, {when}", momentum, [2, 2, 2], training=training)
    yield case("layer_norm, image", "layer_norm", [2, 3, 3])
    yield case("layer_norm, row, epsilon", {"layer_norm": {"epsilon": 0.01}}, [5], batch=3)
    yield case("group_norm, image", {"group_norm": 2}, [4, 3, 3])
    yield case("group_norm, one group, epsilon", {"group_norm": {"groups": 1, "epsilon": 0.01}}, [3, 2, 3])
    yield case("group_norm, a group for each channel", {"group_norm": {"groups": 3}}, [3, 3, 2])
    yield case("instance_norm", "instance_norm", [3, 3, 3])
    yield case("instance_norm, affine, epsilon", {"instance_norm": {"affine": True, "epsilon": 0.01}}, [2, 3, 4])

    yield case("dropout, evaluation", {"dropout": 0.3}, [5], training=False)
    yield case("gaussian_noise, evaluation", {"gaussian_noise": 0.5}, [1, 2, 3], training=False)

    def max_pool(name, shape, **fields):
        return case(f"max_pool2d, {name}", {"max_pool2d": {"kernel": 2, **fields}}, shape)

    def avg_pool(name, shape, **fields):
        return case(f"avg_pool2d, {name}", {"avg_pool2d": {"kernel": 2, **fields}}, shape)

    for name, pool in (("max_pool2d", max_pool), ("avg_pool2d", avg_pool)):
        yield case(f"{name}, short form", {name: 2}, [2, 4, 4])
        yield pool("pixels left over", [2, 5, 5])
        yield pool("kernel 3, stride 2", [1, 7, 7], kernel=3, stride=2)
        yield pool("kernel 2, stride 1", [2, 4, 4], stride=1)
        yield pool("not square", [2, 6, 5], kernel=[3, 2], stride=[1, 2])
        yield pool("kernel not square, default stride", [1, 6, 5], kernel=[3, 2])
        yield pool("stride larger than the kernel", [2, 7, 7], stride=3)
        yield pool("padding 1", [2, 4, 4], padding=1)
        yield pool("kernel 3, stride 2, padding 1", [2, 5, 6], kernel=3, stride=2, padding=1)
        yield pool("same, kernel 2 that does not divide", [2, 5, 5], padding="same")
        yield pool("same, kernel 3, stride 2", [2, 6, 6], kernel=3, stride=2, padding="same")
        yield pool("same, kernel 3, stride 1", [2, 4, 3], kernel=3, stride=1, padding="same")
        yield pool("same, kernel 4, stride 3", [1, 7, 5], kernel=4, stride=3, padding="same")
        yield pool("same, kernel smaller than the stride", [2, 7, 6], stride=3, padding="same")
        yield pool("same, not square", [1, 5, 6], kernel=[2, 5], stride=[2, 1], padding="same")
        yield pool("same, image of one pixel", [3, 1, 1], kernel=3, stride=2, padding="same")
    yield max_pool("dilation 2", [1, 6, 6], dilation=2, stride=1)
    yield max_pool("dilation 2 by 3, stride 2, padding 1", [1, 6, 7], dilation=[2, 3], stride=2, padding=1)
    yield max_pool("same, kernel 3, dilation 2", [1, 5, 6], kernel=3, dilation=2, stride=1, padding="same")
    yield case("global_avg_pool", "global_avg_pool", [3, 2, 4])

    yield case("upsample, default", "upsample", [2, 2, 3])
    yield case("upsample, nearest, 3", {"upsample": 3}, [1, 2, 2])
    yield case("upsample, nearest, 2 by 1", {"upsample": {"scale": [2, 1]}}, [2, 2, 3])
    for scale in (2, 3, [2, 1]):
        bilinear = {"upsample": {"scale": scale, "mode": "bilinear"}}
        yield case(f"upsample, bilinear, {scale}", bilinear, [1, 3, 3])
    yield case("upsample, bilinear, image of one pixel", {"upsample": {"scale": 2, "mode": "bilinear"}}, [2, 1, 1])
    yield case("pixel_shuffle, 2", {"pixel_shuffle": 2}, [8, 2, 3])
    yield case("pixel_shuffle, 3", {"pixel_shuffle": 3}, [9, 2, 1])
    yield case("flatten", "flatten", [2, 3, 2])
    yield case("reshape", {"reshape": [3, 2, 2]}, [12])
    yield case("embedding", {"embedding": {"count": 5, "size": 3}}, [1], batch=4)
    yield case("embedding, two numbers a sample", {"embedding": {"count": 4, "size": 2}}, [2], batch=3)

    for name in ("relu", "selu", "gelu", "silu", "softplus", "tanh", "sigmoid"):
        yield case(f"{name}, row", name, [6])
        yield case(f"{name}, image", name, [2, 2, 2])
    yield case("leaky_relu, default", "leaky_relu", [6])
    yield case("leaky_relu, 0.2", {"leaky_relu": 0.2}, [2, 2, 2])
    yield case("elu, default", "elu", [6])
    yield case("elu, alpha 0.5", {"elu": {"alpha": 0.5}}, [2, 2, 2])
    yield case("prelu, one slope, row", "prelu", [6])
    yield case("prelu, one slope, image", {"prelu": 0.1}, [2, 2, 2])
    yield case("prelu, a slope for each channel", {"prelu": {"per_channel": True}}, [3, 2, 2])
    yield case("prelu, a slope for each value of a row", {"prelu": {"slope": 0.1, "per_channel": True}}, [4])
    yield case("softmax, row", "softmax", [5])
    yield case("softmax, image", "softmax", [3, 2, 2])

    for batch, group in ((4, 4), (4, 2), (6, 4), (3, 2)):
        for kind, shape in (("image", [2, 2, 3]), ("row", [3])):
            name = f"minibatch_stddev, batch {batch}, group {group}, {kind}"
            yield case(name, {"minibatch_stddev": group}, shape, batch=batch)

    block = {"conv2d": {"filters": 2, "kernel": 3, "padding": "same"}}
    yield case("residual, image of the same shape", {"residual": [block, "relu", block]}, [2, 3, 3])
    yield case("residual, row of the same shape", {"residual": [{"linear": 4}, "tanh", {"linear": 3}]}, [3])
    yield case(
        "residual, projection: channels",
        {"residual": [{"conv2d": {"filters": 3, "kernel": 3, "padding": "same"}}, "silu"]},
        [2, 3, 3],
    )
    yield case(
        "residual, projection: stride 2",
        {"residual": ["relu", {"conv2d": {"filters": 3, "kernel": 4, "stride": 2, "padding": 1}}]},
        [2, 6, 4],
    )
    yield case(
        "residual, projection: stride 2, channels stay",
        {"residual": [{"avg_pool2d": 2}, {"conv2d": {"filters": 2, "kernel": 1}}]},
        [2, 4, 4],
    )
    yield case(
        "residual, projection: stride 2 of an odd side",
        {"residual": [{"conv2d": {"filters": 2, "kernel": 3, "stride": 2, "padding": "same"}}]},
        [1, 5, 7],
    )
    yield case(
        "residual, projection: growth by 2",
        {"residual": ["upsample", {"conv2d": {"filters": 3, "kernel": 3, "padding": "same"}}, "batch_norm", "relu"]},
        [2, 3, 2],
    )
    yield case(
        "residual, projection: growth by 2, transposed convolution",
        {"residual": [{"conv_transpose2d": {"filters": 1, "kernel": 4, "stride": 2, "padding": 1}}]},
        [2, 2, 2],
    )
    yield case("residual, projection: row", {"residual": [{"linear": 4}, "relu", {"linear": 5}]}, [3])
    yield case("repeat, row", {"repeat": {"times": 2, "layers": [{"linear": 3}, "elu"]}}, [3])
    yield case(
        "repeat, shapes change",
        {"repeat": {"times": 2, "layers": [{"conv2d": {"filters": 2, "kernel": 2}}]}},
        [1, 4, 4],
    )
    yield case(
        "repeat, residual inside", {"repeat": {"times": 2, "layers": [{"residual": [block, "relu"]}]}}, [2, 3, 3]
    )
    yield case(
        "repeat, batch norm and spectral norm inside, running values move",
        {"repeat": {"times": 2, "layers": ["batch_norm", {"linear": {"units": 3, "spectral_norm": True}}]}},
        [3],
        batch=4,
    )
    yield case(
        "residual, repeat and residual inside",
        {"residual": [{"repeat": {"times": 2, "layers": [{"residual": [{"linear": 3}]}, "tanh"]}}, {"linear": 2}]},
        [3],
    )


if __name__ == "__main__":
    lines = [json.dumps(line, separators=(",", ":")) for line in cases()]
    sys.stdout.write("[\n" + ",\n".join(lines) + "\n]\n")
