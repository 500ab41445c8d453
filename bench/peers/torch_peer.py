"""The pipelines in PyTorch: eager, images as `[batch, channels, height, width]`, everything as its tutorials have it.

A transposed convolution with an odd kernel and `padding: same` is written with `padding` and `output_padding`, as is
usual in PyTorch: as many multiplications as TensorFlow's, shifted by one pixel.
"""

import argparse
import copy
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

import common
from common import NETWORKS, Network


class Trained:
    """A network in training, on its device."""

    program = "pytorch"
    version = torch.__version__.partition("+")[0]

    def __init__(self, given: argparse.Namespace, modules: list[nn.Module]) -> None:
        self.figures: Network = NETWORKS[given.network]
        self.device = given.device
        self.format = torch.channels_last if given.channels_last else torch.contiguous_format
        self.modules = [module.to(self.device, memory_format=self.format) for module in modules]
        self.compiled: Callable = torch.compile(mode=given.compile) if given.compile else lambda function: function
        pixels, classes = common.training_images(given.data)
        # All images as floats on the device: taking a batch is one gather.
        images = torch.from_numpy(common.normalised(pixels, self.figures.signed)).unsqueeze(1)
        self.images = images.to(self.device, memory_format=self.format)
        self.classes = torch.from_numpy(classes.astype(np.int64)).to(self.device)

    def adam(self, module: nn.Module) -> torch.optim.Adam:
        """The optimiser of the pipeline."""
        figures = self.figures
        return torch.optim.Adam(
            module.parameters(), lr=figures.rate, betas=(figures.beta_1, 0.999), eps=figures.epsilon
        )

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """Those images and their classes."""
        which = torch.from_numpy(indices).to(self.device, non_blocking=True)
        return self.images.index_select(0, which), self.classes.index_select(0, which)

    def noise(self, count: int) -> Tensor:
        """Latent values of as many images."""
        return torch.randn(count, self.figures.latent, device=self.device)

    def parameters(self) -> int:
        return sum(weights.numel() for module in self.modules for weights in module.parameters())

    def wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


class Vae(Trained):
    """pipelines/reports/vae.yaml"""

    def __init__(self, given: argparse.Namespace) -> None:
        encoder = nn.Sequential(
            nn.Conv2d(1, 32, 3, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2304, 6),
        )
        decoder = nn.Sequential(
            nn.Linear(3, 3136, bias=False),
            nn.ReLU(),
            nn.Unflatten(1, (64, 7, 7)),
            nn.ConvTranspose2d(64, 64, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 3, padding=1),
        )
        super().__init__(given, [encoder, decoder])
        self.encoder, self.decoder = encoder, decoder
        self.optimizer = self.adam(nn.ModuleList(self.modules))
        self.losses = self.compiled(self.losses)

    def losses(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction and divergence, summed over an image and averaged over the batch."""
        means, log_variances = self.encoder(images).chunk(2, dim=1)
        codes = means + (0.5 * log_variances).exp() * torch.randn_like(means)
        output = self.decoder(codes)
        reconstruction = F.binary_cross_entropy_with_logits(output, images, reduction="sum") / len(images)
        divergence = -0.5 * (1 + log_variances - means.square() - log_variances.exp()).sum() / len(images)
        return reconstruction, divergence

    def step(self, indices: np.ndarray) -> dict[str, Tensor]:
        images, _ = self.batch(indices)
        reconstruction, divergence = self.losses(images)
        self.optimizer.zero_grad()
        (reconstruction + divergence).backward()
        self.optimizer.step()
        return {"reconstruction": reconstruction.detach(), "kl": divergence.detach()}

    @torch.inference_mode()
    def sample(self, count: int) -> np.ndarray:
        return torch.sigmoid(self.decoder(self.noise(count))).cpu().numpy()


class Classifier(Trained):
    """pipelines/reports/classifier.yaml"""

    def __init__(self, given: argparse.Namespace) -> None:
        network = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(1600, 10),
        )
        super().__init__(given, [network])
        self.network = network
        self.optimizer = self.adam(network)
        self.loss = self.compiled(self.loss)

    def loss(self, images: Tensor, classes: Tensor) -> Tensor:
        """Cross-entropy against the classes."""
        return F.cross_entropy(self.network(images), classes)

    def step(self, indices: np.ndarray) -> dict[str, Tensor]:
        loss = self.loss(*self.batch(indices))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"cross-entropy": loss.detach()}

    def sample(self, count: int) -> np.ndarray:
        raise NotImplementedError("a classifier draws nothing")


class Gan(Trained):
    """A generator and a discriminator, which take a step each in turn."""

    def __init__(self, given: argparse.Namespace, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__(given, [generator, discriminator])
        self.generator, self.discriminator = generator, discriminator
        self.generator_optimizer = self.adam(generator)
        self.discriminator_optimizer = self.adam(discriminator)
        steps = self.figures.cosine
        optimizers = [self.generator_optimizer, self.discriminator_optimizer] if steps else []
        self.schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(each, steps) for each in optimizers]
        self.make = self.compiled(generator)
        self.discriminator_loss = self.compiled(self.discriminator_loss)
        self.generator_loss = self.compiled(self.generator_loss)
        self.steps = 0
        self.average = copy.deepcopy(generator).requires_grad_(False) if self.figures.average else None
        if self.average is not None:
            self.averaged = [values for values in self.average.state_dict().values() if values.is_floating_point()]
            self.followed = [values for values in generator.state_dict().values() if values.is_floating_point()]

    def real_and_made(self, real: Tensor, made: Tensor) -> Tensor:
        """The discriminator's loss from its verdicts."""
        raise NotImplementedError

    def fooled(self, made: Tensor) -> Tensor:
        """The generator's loss from the discriminator's verdicts."""
        raise NotImplementedError

    def discriminator_loss(self, images: Tensor, made: Tensor) -> Tensor:
        """What the discriminator minimises."""
        return self.real_and_made(self.discriminator(images), self.discriminator(made))

    def generator_loss(self, noise: Tensor) -> Tensor:
        """What the generator minimises."""
        return self.fooled(self.discriminator(self.generator(noise)))

    def step(self, indices: np.ndarray) -> dict[str, Tensor]:
        images, _ = self.batch(indices)
        with torch.no_grad():
            made = self.make(self.noise(len(images)))
        discriminator_loss = self.discriminator_loss(images, made)
        self.discriminator_optimizer.zero_grad()
        discriminator_loss.backward()
        self.discriminator_optimizer.step()

        # The generator's turn needs no gradient of the discriminator's weights.
        self.discriminator.requires_grad_(False)
        generator_loss = self.generator_loss(self.noise(len(images)))
        self.generator_optimizer.zero_grad()
        generator_loss.backward()
        self.generator_optimizer.step()
        self.discriminator.requires_grad_(True)

        for schedule in self.schedules:
            schedule.step()
        if self.average is not None:
            keep = min(self.figures.average, (1 + self.steps) / (10 + self.steps))
            with torch.no_grad():
                torch._foreach_lerp_(self.averaged, self.followed, 1 - keep)
        self.steps += 1
        return {"discriminator": discriminator_loss.detach(), "generator": generator_loss.detach()}

    @torch.inference_mode()
    def sample(self, count: int) -> np.ndarray:
        generator = self.generator if self.average is None else self.average
        if generator.training:
            generator.eval()
        return generator(self.noise(count)).add_(1).mul_(0.5).cpu().numpy()


class ReportsDcgan(Gan):
    """pipelines/reports/dcgan.yaml"""

    def __init__(self, given: argparse.Namespace) -> None:
        generator = nn.Sequential(
            nn.Linear(100, 3136),
            nn.BatchNorm1d(3136, momentum=0.2, eps=0.001),
            nn.LeakyReLU(0.2),
            nn.Unflatten(1, (64, 7, 7)),
            nn.ConvTranspose2d(64, 64, 4, stride=2, padding=1),
            nn.BatchNorm2d(64, momentum=0.2, eps=0.001),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(64, 1, 4, stride=2, padding=1),
            nn.Tanh(),
        )
        discriminator = nn.Sequential(
            nn.Conv2d(1, 32, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.3),
            nn.Conv2d(32, 64, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.3),
            nn.Flatten(),
            nn.Linear(3136, 1),
        )
        super().__init__(given, generator, discriminator)

    def real_and_made(self, real: Tensor, made: Tensor) -> Tensor:
        return F.softplus(-real).mean() + F.softplus(made).mean()

    def fooled(self, made: Tensor) -> Tensor:
        return F.softplus(-made).mean()


class MnistGan(Gan):
    """pipelines/mnist/gan.yaml"""

    def __init__(self, given: argparse.Namespace) -> None:
        generator = nn.Sequential(
            nn.Linear(64, 3136, bias=False),
            nn.Unflatten(1, (64, 7, 7)),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),
            nn.Tanh(),
        )
        discriminator = nn.Sequential(
            spectral_norm(nn.Conv2d(1, 32, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.1),
            spectral_norm(nn.Conv2d(32, 64, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.1),
            spectral_norm(nn.Conv2d(64, 128, 3, stride=2, padding=1)),
            nn.LeakyReLU(0.1),
            nn.Flatten(),
            spectral_norm(nn.Linear(2048, 1)),
        )
        super().__init__(given, generator, discriminator)

    def real_and_made(self, real: Tensor, made: Tensor) -> Tensor:
        return F.relu(1 - real).mean() + F.relu(1 + made).mean()

    def fooled(self, made: Tensor) -> Tensor:
        return -made.mean()


PEERS = {
    "reports-vae": Vae,
    "reports-dcgan": ReportsDcgan,
    "mnist-gan": MnistGan,
    "reports-classifier": Classifier,
}


def more(parser: argparse.ArgumentParser) -> None:
    """The arguments of this peer alone."""
    parser.add_argument("--channels-last", action="store_true", help="keep the channels of a pixel together")
    parser.add_argument("--compile", nargs="?", const="default", metavar="MODE", help="torch.compile, in that mode")


def main() -> None:
    given = common.arguments(more)
    torch.set_num_threads(given.threads)
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(42)
    common.measure(PEERS[given.network](given), given)


if __name__ == "__main__":
    main()
