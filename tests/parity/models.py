"""Writes models.expected.json: what PyTorch makes of one training step of every case of models.inputs.json.

    pip install torch numpy
    python3 models.py

The committed file was made with Python 3.11, PyTorch 2.15.0 (CPU, float64).
models.inputs.json is written by the Rust test, with the numbers that the project's own generator draws.

Inputs: {"cases": [case]}
  name
  model               of the pipeline language, as JSON with all fields
  adam                lr, beta_1, beta_2, epsilon
  discriminator_adam  the same of the discriminator; null: as all others
  step                counted from 0; the optimisers are new whatever it is
  weights             by name, in the project's layout (a linear weight is [in, out]): shape and values
  samples             the batch
  classes             one row a sample: 1 for its class, otherwise 0; or null
  noise               the random numbers in the order in which the step draws them
Expected: {"torch": version, "cases": [case]}
  name
  losses              by name, before the update of the network that minimises it
  weights             all of them after it, named and laid out as they came

Everything is computed in float64 from the float32 inputs and written with 9 significant digits. Each case is computed
in float32 as well and the largest difference printed. Where that is large, the case is at a kink, or a gradient that
should be 0 is all rounding error, which the first step of Adam makes a full step of: take other inputs or a larger
epsilon. With an epsilon far below the gradients that step is lr times their sign and tells nothing of their size: a
case tells most with an epsilon as large as the gradients and a large lr.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal, kl_divergence

from reference import Layers, named_weights, shape_after

INPUTS = Path(__file__).with_name("models.inputs.json")
EXPECTED = Path(__file__).with_name("models.expected.json")


# --- a case: its networks, its batch, its random numbers ---


def last_with_weights(network):
    """The index of the last layer that has any."""
    return max(index for index, layer in enumerate(network.layers) if list(layer.parameters()))


def part(network, x, begin, end):
    for layer in network.layers[begin:end]:
        x = layer(x)
    return x


class Case:
    def __init__(self, case, dtype):
        def tensor(given):
            # What the file says is a float32, whatever digits it took.
            return torch.tensor(given["values"], dtype=torch.float32).to(dtype).reshape(given["shape"])

        self.model, self.step = case["model"], case["step"]
        self.family, self.loss = self.model["family"], self.model.get("loss")
        self.condition, self.game = self.model.get("condition"), self.model.get("game")
        self.adam, self.discriminator_adam = case["adam"], case["discriminator_adam"] or case["adam"]
        self.samples = tensor(case["samples"])
        self.classes = tensor(case["classes"]) if case["classes"] else None
        self.noise = [tensor(noise) for noise in case["noise"]]
        weights = {name: tensor(given) for name, given in case["weights"].items()}

        self.networks, self.log_scale = {}, None
        self.build(weights)
        self.load(weights)

    # Networks.

    def build(self, given):
        model, sample, latent = self.model, list(self.samples.shape[1:]), self.model.get("latent")
        classes = self.classes.shape[1] if self.condition else 0
        seen = [sample[0] + 1, *sample[1:]] if self.condition == "class" else sample
        networks = self.networks
        if self.family == "classifier":
            networks["network"] = Layers(model["layers"], sample)
        if "encoder" in model:
            heads = [] if self.family == "autoencoder" else [{"linear": {"units": 2 * latent}}]
            networks["encoder"] = Layers(model["encoder"] + heads, seen)
            if self.family == "autoencoder":
                [latent] = shape_after(networks["encoder"], sample)
        for name in ("decoder", "generator"):
            if name in model:
                networks[name] = Layers(model[name], [latent + classes])
                if any(weight.startswith("average.") for weight in given):
                    networks["average"] = Layers(model[name], [latent + classes])
        if "discriminator" in model:
            packed = [self.game["packing"] * seen[0], *seen[1:]]
            networks["discriminator"] = Layers(model["discriminator"], packed)
        if self.condition == "class":
            plane = [1, *sample[1:]]
            layers = [{"linear": {"units": sample[1] * sample[2], "bias": False}}, {"reshape": plane}]
            networks["class"] = Layers(layers, [classes])
        if self.condition == "projection":
            discriminator = networks["discriminator"]
            features = discriminator.layers[last_with_weights(discriminator)].in_features
            networks["class"] = Layers([{"linear": {"units": features, "bias": False}}], [classes])
        if self.reconstruction() == "gaussian":
            self.log_scale = nn.Parameter(torch.zeros(1))

    def named_weights(self):
        for name, network in self.networks.items():
            yield from named_weights(network, f"{name}.")
        if self.log_scale is not None:
            yield "log_scale", self.log_scale, torch.Tensor.clone

    def load(self, given):
        weights = list(self.named_weights())
        names = {name for name, _, _ in weights}
        if names != given.keys():
            raise ValueError(f"the model has {sorted(names - given.keys())}, given are {sorted(given.keys() - names)}")
        for name, tensor, layout in weights:
            if layout(tensor).shape != given[name].shape:
                raise ValueError(f"{name} is {list(layout(tensor).shape)}, given is {list(given[name].shape)}")
            # Either way the layout is the same: a transposition or none.
            tensor.data = layout(given[name]).reshape(tensor.shape).clone()
        for network in self.networks.values():
            network.train()

    def parameters(self, *names):
        found = [p for name in names if name in self.networks for p in self.networks[name].parameters()]
        return found if "decoder" not in names or self.log_scale is None else [*found, self.log_scale]

    # What a step consists of.

    def draw(self, *shape):
        """The next random numbers; any shape will do if none is named."""
        if not self.noise or (shape and self.noise[0].shape != shape):
            raise ValueError(f"the step draws {list(shape)}, left are {[list(noise.shape) for noise in self.noise]}")
        return self.noise.pop(0)

    def latent_noise(self):
        return self.draw(len(self.samples), self.model["latent"])

    def with_plane(self, images):
        """The images with the picture of their class as one more channel, if the model asks for it."""
        return torch.cat([images, self.networks["class"](self.classes)], 1) if self.condition == "class" else images

    def make(self, name, z):
        """What the decoder or the generator makes of latent values."""
        return self.networks[name](torch.cat([z, self.classes], 1) if self.condition else z)

    def encode(self):
        """The posterior and its draw."""
        mean, log_variance = self.networks["encoder"](self.with_plane(self.samples)).chunk(2, 1)
        posterior = Normal(mean, (log_variance / 2).exp())
        return posterior, mean + posterior.scale * self.latent_noise()

    def kl(self, posterior):
        """The divergence, and what is minimised of it."""
        options = self.loss["kl"]
        prior = Normal(torch.zeros_like(posterior.loc), torch.ones_like(posterior.loc))
        each = kl_divergence(posterior, prior).mean(0)
        weight = options["weight"]
        if options["warm_up"] > 0:
            weight *= min(1.0, (self.step + 1) / options["warm_up"])
        return each.sum(), weight * each.clamp(min=options["free_bits"]).sum()

    def reconstruction(self):
        """The name of the distance; only the families that compare pixels have one."""
        if self.family == "latent-vae":
            return "gaussian"
        return self.loss["reconstruction"] if self.family in ("autoencoder", "vae") else None

    def distance(self, output):
        kind, images = self.reconstruction(), self.samples
        if kind == "gaussian":
            total = -Normal(output, self.log_scale.exp()).log_prob(images).sum()
        else:
            losses = {"bce": F.binary_cross_entropy_with_logits, "mse": F.mse_loss, "l1": F.l1_loss}
            total = losses[kind](output, images, reduction="sum")
        return total / len(images)

    def judge(self, samples):
        """One logit for each sample, or for each stack of samples."""
        network, packing = self.networks["discriminator"], self.game["packing"]
        x = self.with_plane(samples)
        x = x.reshape(len(x) // packing, packing * x.shape[1], *x.shape[2:])
        last = last_with_weights(network)
        features = part(network, x, 0, last)
        logits = part(network, features, last, None).flatten()
        if self.condition == "projection":
            logits = logits + (self.networks["class"](self.classes) * features).sum(1)
        return logits

    def slope(self, samples):
        """The norm of the discriminator's gradient at each sample, or stack of samples."""
        samples = samples.detach().requires_grad_()
        logits = self.judge(samples)
        [gradient] = torch.autograd.grad(logits.sum(), samples, create_graph=True)
        return gradient.reshape(len(logits), -1).norm(dim=1)

    def penalty(self, made):
        [[kind, weight]] = self.game["penalty"].items()
        real = self.samples
        if kind == "r1":
            return weight / 2 * self.slope(real).square().mean()
        # One number a sample, or one a stack.
        share = self.draw().flatten()
        share = share.repeat_interleave(len(real) // len(share)).reshape(-1, *[1] * (real.dim() - 1))
        return weight * (self.slope(share * real + (1 - share) * made) - 1).square().mean()

    def gradients(self, loss, *names):
        """The parameters of these networks and the gradients of the loss, for `descend`."""
        parameters = self.parameters(*names)
        return parameters, torch.autograd.grad(loss, parameters, retain_graph=True)

    def descend(self, adam, parameters, gradients):
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient
        if "clip_norm" in adam:
            torch.nn.utils.clip_grad_norm_(parameters, adam["clip_norm"])
        betas = (adam["beta_1"], adam["beta_2"])
        torch.optim.Adam(parameters, lr=adam["lr"], betas=betas, eps=adam["epsilon"]).step()

    def clip(self):
        if self.game.get("clip") is not None:
            for parameter in self.parameters("discriminator", "class"):
                parameter.data.clamp_(-self.game["clip"], self.game["clip"])

    def move_average(self, name):
        if "average" in self.networks:
            kept = min(self.game["ema"], 1 / 10)  # after the first step: see average.rs
            for average, weight in zip(self.parameters("average"), self.networks[name].parameters()):
                average.data = kept * average.data + (1 - kept) * weight.data


# --- the losses of a game, of logits ---


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def half_square(logits, target):
    return (logits - target).square().mean() / 2


# For the discriminator, of real samples and the target: 1, or less with label smoothing.
REAL = {
    "non-saturating": bce,
    "minimax": bce,
    "least-squares": half_square,
    "hinge": lambda logits, _: F.relu(1 - logits).mean(),
    "wasserstein": lambda logits, _: -logits.mean(),
}
# For the discriminator, of made samples.
MADE = {
    "non-saturating": lambda logits: bce(logits, 0.0),
    "minimax": lambda logits: bce(logits, 0.0),
    "least-squares": lambda logits: half_square(logits, 0.0),
    "hinge": lambda logits: F.relu(1 + logits).mean(),
    "wasserstein": lambda logits: logits.mean(),
}
# For the generator, of made samples.
FOOLED = {
    "non-saturating": lambda logits: bce(logits, 1.0),
    "minimax": lambda logits: -bce(logits, 0.0),
    "least-squares": lambda logits: half_square(logits, 1.0),
    "hinge": lambda logits: -logits.mean(),
    "wasserstein": lambda logits: -logits.mean(),
}


# --- one step of each family: the losses by name ---


def classifier(case):
    logits = case.networks["network"](case.samples)
    loss = F.cross_entropy(logits, case.classes, label_smoothing=case.loss["label_smoothing"])
    case.descend(case.adam, *case.gradients(loss, "network"))
    return {"cross-entropy": loss}


def autoencoder(case):
    loss = case.distance(case.make("decoder", case.networks["encoder"](case.samples)))
    case.descend(case.adam, *case.gradients(loss, "encoder", "decoder"))
    return {"reconstruction": loss}


def vae(case):
    posterior, z = case.encode()
    reconstruction = case.distance(case.make("decoder", z))
    kl, weighted = case.kl(posterior)
    case.descend(case.adam, *case.gradients(reconstruction + weighted, "encoder", "decoder", "class"))
    return {"reconstruction": reconstruction, "kl": kl}


def gan(case):
    losses = {}
    made = case.make("generator", case.latent_noise()).detach()
    on_real, on_made = case.judge(case.samples), case.judge(made)
    losses["real"], losses["made"] = on_real.mean(), on_made.mean()
    losses["discriminator"] = REAL[case.loss](on_real, 1 - case.game["label_smoothing"]) + MADE[case.loss](on_made)
    total = losses["discriminator"]
    if case.game.get("penalty"):
        losses["penalty"] = case.penalty(made)
        total = total + losses["penalty"]
    case.descend(case.discriminator_adam, *case.gradients(total, "discriminator", "class"))
    case.clip()
    if (case.step + 1) % case.game["discriminator_steps"] == 0:
        on_made = case.judge(case.make("generator", case.latent_noise()))
        losses["generator"] = FOOLED[case.loss](on_made)
        case.descend(case.adam, *case.gradients(losses["generator"], "generator"))
        case.move_average("generator")
    return losses


def vae_gan(case):
    if case.game["discriminator_steps"] != 1 or case.game["packing"] != 1 or case.game.get("penalty"):
        raise NotImplementedError("discriminator_steps, packing and penalty of a vae-gan")
    discriminator, kind = case.networks["discriminator"], case.loss["adversarial"]
    count = case.loss.get("features")
    count = last_with_weights(discriminator) if count is None else count
    posterior, z = case.encode()
    real, rebuilt, drawn = case.samples, case.make("decoder", z), case.make("decoder", case.latent_noise())

    kl, weighted = case.kl(posterior)
    apart = part(discriminator, real, 0, count) - part(discriminator, rebuilt, 0, count)
    features = apart.square().sum() / 2 / len(real)
    on_real, on_made = case.judge(real), [case.judge(rebuilt), case.judge(drawn)]
    caught = REAL[kind](on_real, 1 - case.game["label_smoothing"]) + sum(MADE[kind](made) for made in on_made) / 2
    fooled = sum(FOOLED[kind](made) for made in on_made) / 2

    # Each of its own network only; all of them before any step.
    for_encoder = case.gradients(weighted + features, "encoder")
    for_decoder = case.gradients(case.loss["gamma"] * features + fooled, "decoder")
    for_discriminator = case.gradients(caught, "discriminator")
    case.descend(case.adam, *for_encoder)
    case.descend(case.adam, *for_decoder)
    case.descend(case.discriminator_adam, *for_discriminator)
    case.clip()
    case.move_average("decoder")
    return {"kl": kl, "features": features, "discriminator": caught, "generator": fooled}


FAMILIES = {
    "classifier": classifier,
    "autoencoder": autoencoder,
    "vae": vae,
    "latent-vae": vae,
    "gan": gan,
    "latent-gan": gan,
    "vae-gan": vae_gan,
}


def one_step(given, dtype=torch.float64):
    """The losses, and the weights after the step in the project's layout."""
    case = Case(given, dtype)
    if case.game and (case.game["instance_noise"] or case.game["augment"]):
        raise NotImplementedError("instance_noise and augment")
    if case.condition == "projection" and case.game["packing"] > 1:
        raise NotImplementedError("packing of a projection")
    losses = FAMILIES[case.family](case)
    if case.noise:
        raise ValueError(f"the step left {len(case.noise)} tensors of noise")
    weights = {name: layout(tensor.detach()) for name, tensor, layout in case.named_weights()}
    return {name: loss.item() for name, loss in losses.items()}, weights


def difference(one, other):
    """The largest between two results: of losses relative to them, of weights as it is."""
    losses = [abs(loss - other[0][name]) / max(1.0, abs(loss)) for name, loss in one[0].items()]
    return max(losses + [(weight - other[1][name]).abs().max().item() for name, weight in one[1].items()])


def digits(value):
    return float(f"{value:.9g}")


def expected(given):
    try:
        result = one_step(given)
        single = difference(result, one_step(given, torch.float32))
    except Exception as error:
        error.add_note(f"in the case {given['name']}")
        raise
    losses, weights = result
    print(f"{given['name']}: float32 is off by {single:.1e}", file=sys.stderr)
    return {
        "name": given["name"],
        "losses": {name: digits(loss) for name, loss in losses.items()},
        "weights": {
            name: {"shape": list(weight.shape), "values": [digits(v) for v in weight.flatten().tolist()]}
            for name, weight in weights.items()
        },
    }


def main():
    cases = [expected(case) for case in json.loads(INPUTS.read_text())["cases"]]
    lines = [json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases]
    version = json.dumps(torch.__version__.split("+")[0])
    EXPECTED.write_text(f'{{"torch":{version},"cases":[\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
