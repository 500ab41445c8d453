"""Writes likelihood.json: the evidence lower bound and the importance-weighted bound of a small VAE, by PyTorch.

    pip install -r requirements.txt
    python3 likelihood.py

  encoder     weight [pixels, 2 * latent] and bias: x W + b is the means, then the logarithms of the variances
  decoder     weight [latent, pixels] and bias: z W + b is the logits of the pixels, sigmoid(logits) the pixels
  images      [images, pixels], in 0..1
  noise       [draws, images, latent]: z = mean + exp(log variance / 2) * noise
  posterior   mean and log_variance, [images, latent]
  kl          of each image, KL(q(z|x) ‖ N(0, 1)) summed over the latent values, by the formula
  active      variances: of each latent value's mean over the images (over n, not n - 1);
              units: how many are above 0.01 (Burda et al. 2015)
  cases       one for each distribution p(x|z):
    distribution    "bernoulli": -log p is the binary cross-entropy with grey pixels, summed
                    "gaussian": normal with the mean sigmoid(logits) and the given deviation, density with log(2π)
                    "mse": normal with variance 1/2, -log p = Σ(x - y)² + pixels / 2 * log(π)
    deviation       of "gaussian" and "mse"
    reconstruction  of each image, the mean of log p(x|z) over the draws
    elbo            of each image, reconstruction - kl
    bound           of each image, log 1/K Σ p(x|z) p(z) / q(z|x) over all K draws (Burda et al. 2015)
    mean            of elbo and of bound over the images

Everything is computed in float64 from numbers of 2 or 3 decimals and written with 10 significant digits.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence

LIKELIHOOD = Path(__file__).with_name("likelihood.json")
PIXELS, LATENT, IMAGES, DRAWS = 12, 3, 6, 16

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def normal(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).mul(100).round().div(100)


def network():
    encoder = {"weight": normal(PIXELS, 2 * LATENT, scale=0.6), "bias": normal(2 * LATENT, scale=0.3)}
    # The posterior is narrower than the prior, and the last latent value tells next to nothing of the image.
    encoder["weight"][:, LATENT:] = normal(PIXELS, LATENT, scale=0.2)
    encoder["bias"][LATENT:] -= 1
    encoder["weight"][:, LATENT - 1] = normal(PIXELS, scale=0.02)
    encoder["weight"][:, -1] = normal(PIXELS, scale=0.02)
    encoder["bias"][[LATENT - 1, -1]] = torch.tensor([0.02, -0.03])
    return encoder, {"weight": normal(LATENT, PIXELS), "bias": normal(PIXELS, scale=0.5)}


def log_likelihood(distribution, deviation, logits, images):
    """[draws, images]"""
    if distribution == "bernoulli":
        return Bernoulli(logits=logits, validate_args=False).log_prob(images).sum(-1)
    return Normal(logits.sigmoid(), deviation).log_prob(images).sum(-1)


def check(distribution, deviation, logits, images, found):
    """By the formulas instead of the distributions."""
    y, x = logits.sigmoid(), images.expand_as(logits)
    formula = {
        "bernoulli": lambda: F.binary_cross_entropy(y, x, reduction="none").sum(-1),
        "gaussian": lambda: ((x - y) ** 2 / (2 * deviation**2) + math.log(deviation * math.sqrt(2 * math.pi))).sum(-1),
        "mse": lambda: ((x - y) ** 2).sum(-1) + PIXELS / 2 * math.log(math.pi),
    }
    torch.testing.assert_close(-found, formula[distribution](), rtol=1e-12, atol=1e-12)


def values(tensor):
    if tensor.dim() > 0:
        return [values(part) for part in tensor]
    return float(f"{tensor.item():.10g}") if abs(tensor) > 1e-12 else 0.0


def main():
    torch.manual_seed(20150901)
    encoder, decoder = network()
    images = torch.rand(IMAGES, PIXELS).mul(1000).round().div(1000)
    images[0, :6], images[0, 6:] = 0, 1
    noise = normal(DRAWS, IMAGES, LATENT)

    mean, log_variance = (images @ encoder["weight"] + encoder["bias"]).split(LATENT, dim=1)
    posterior, prior = Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)
    z = posterior.mean + posterior.stddev * noise
    logits = z @ decoder["weight"] + decoder["bias"]
    kl = kl_divergence(posterior, prior).sum(1)
    torch.testing.assert_close(kl, 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1))
    prior_ratio = (prior.log_prob(z) - posterior.log_prob(z)).sum(-1)

    variances = mean.var(0, correction=0)
    units = (variances > 0.01).sum()
    # The number is the same over n - 1.
    assert units == (mean.var(0) > 0.01).sum() and 0 < units < LATENT

    cases = []
    for distribution, deviation in (
        ("bernoulli", None),
        ("gaussian", 0.1),
        ("gaussian", 1.0),
        ("mse", math.sqrt(0.5)),
    ):
        log_p = log_likelihood(distribution, deviation, logits, images)
        check(distribution, deviation, logits, images, log_p)
        elbo = log_p.mean(0) - kl
        bound = (log_p + prior_ratio).logsumexp(0) - math.log(DRAWS)
        case = {"distribution": distribution}
        if deviation is not None:
            case["deviation"] = deviation
        found = {"reconstruction": log_p.mean(0), "elbo": elbo, "bound": bound}
        case |= {key: values(value) for key, value in found.items()}
        case["mean"] = {"elbo": values(elbo.mean()), "bound": values(bound.mean())}
        cases.append(case)

    top = {
        "encoder": {key: values(value) for key, value in encoder.items()},
        "decoder": {key: values(value) for key, value in decoder.items()},
        "images": values(images),
        "noise": values(noise),
        "posterior": {"mean": values(mean), "log_variance": values(log_variance)},
        "kl": values(kl),
        "active": {"variances": values(variances), "units": int(units)},
        "cases": cases,
    }
    lines = [f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in top.items()]
    LIKELIHOOD.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
