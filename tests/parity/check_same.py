"""Compares each `same` convolution and pool of reference.json with TensorFlow: output and gradients.

    pip install tensorflow-cpu
    python3 check_same.py reference.json

TensorFlow pads by itself here (padding="SAME"); nothing is shared with reference.py. Last run with TensorFlow 2.21.0.
Detours where TensorFlow's CPU kernels lack something: groups run one by one, and dilation is zeros between the kernel's
values (for a convolution checked against TensorFlow's own dilation, which has no gradient there). Left out are dilated
`SAME` pooling, which TensorFlow does not have, and spectral norm.
"""

import json
import sys

import numpy as np
import tensorflow as tf


def pair(value):
    return value if isinstance(value, list) else [value, value]


def dilated(kernel, dilation):
    """Zeros between the values of a kernel [height, width, ...]."""
    spread = [np.zeros(((k - 1) * d + 1, k)) for k, d in zip(kernel.shape, dilation)]
    for matrix, step in zip(spread, dilation):
        matrix[np.arange(matrix.shape[1]) * step, np.arange(matrix.shape[1])] = 1
    return tf.einsum("Hh,Ww,hwio->HWio", *spread, kernel)


def apply(name, field, x, weights):
    """The layer on images [batch, height, width, channels]."""
    kernel = pair(field["kernel"])
    if "pool" in name:
        pool = tf.nn.max_pool2d if name == "max_pool2d" else tf.nn.avg_pool2d
        return pool(x, kernel, pair(field.get("stride", kernel)), "SAME")

    stride, dilation, groups = pair(field.get("stride", 1)), pair(field.get("dilation", 1)), field.get("groups", 1)
    weight, parts = weights["weight"], []
    for part, pixels in enumerate(tf.split(x, groups, axis=3)):
        # [out, in, height, width] -> [height, width, in, out]; transposed: [in, out, ...] -> [height, width, out, in].
        own = tf.transpose(tf.split(weight, groups)[part], [2, 3, 1, 0])
        wide = dilated(own, dilation)
        if name == "conv2d":
            parts.append(tf.nn.conv2d(pixels, wide, stride, "SAME"))
            native = tf.nn.conv2d(tf.stop_gradient(pixels), tf.stop_gradient(own), stride, "SAME", dilations=dilation)
            np.testing.assert_allclose(native, parts[-1], atol=1e-9)
        else:
            size = [x.shape[0], x.shape[1] * stride[0], x.shape[2] * stride[1], own.shape[2]]
            parts.append(tf.nn.conv2d_transpose(pixels, wide, size, stride, "SAME"))
    y = tf.concat(parts, 3)
    return y + weights["bias"] if "bias" in weights else y


checked, skipped = 0, []
for case in json.load(open(sys.argv[1])):
    name, field = next(iter(case["layer"].items())) if isinstance(case["layer"], dict) else (case["layer"], {})
    if not isinstance(field, dict) or field.get("padding") != "same":
        continue
    dilated_pool = "pool" in name and "dilation" in field
    if dilated_pool or field.get("spectral_norm"):
        skipped.append(case["name"])
        continue
    read = lambda t: tf.constant(np.reshape(t["values"], t["shape"]), tf.float64)
    x, weights = read(case["input"]), {key: read(t) for key, t in case["weights"].items()}
    with tf.GradientTape() as tape:
        tape.watch([x, *weights.values()])
        y = tf.transpose(apply(name, field, tf.transpose(x, [0, 2, 3, 1]), weights), [0, 3, 1, 2])
        loss = tf.reduce_sum(y * np.reshape(case["upstream"]["values"], case["output"]["shape"]))
    gradients = tape.gradient(loss, [x, *weights.values()], unconnected_gradients="zero")
    expected = [case["output"], case["input_gradient"], *(case["gradients"][key] for key in weights)]
    for what, ours, theirs in zip(["output", "input", *weights], expected, [y, *gradients]):
        if what == "output":
            assert ours["shape"] == list(theirs.shape), (case["name"], ours["shape"], theirs.shape)
        at = f"{case['name']}: {what}"
        np.testing.assert_allclose(np.ravel(theirs), ours["values"], rtol=1e-5, atol=1e-6, err_msg=at)
    checked += 1
print(f"{checked} cases agree with TensorFlow {tf.__version__}; left out: {'; '.join(skipped)}")
