"""The pipelines in Keras on TensorFlow: layers and optimisers of Keras, one `tf.function` for each step of training.

Spectral normalisation is Keras' own layer. It keeps the divided weights, so that its gradient does not pass through the
division: slightly less work than in the other two programs.
"""

import argparse
import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402

import common  # noqa: E402
from common import NETWORKS, Network  # noqa: E402


class Trained:
    """A network in training."""

    program = "keras"
    version = f"{keras.__version__} on TensorFlow {tf.__version__}"

    def __init__(self, given: argparse.Namespace, models: list[keras.Model]) -> None:
        self.figures: Network = NETWORKS[given.network]
        self.device = given.device
        self.models = models
        pixels, classes = common.training_images(given.data)
        # All images as floats in memory: taking a batch is one gather.
        self.images = tf.constant(common.normalised(pixels, self.figures.signed)[..., None])
        self.classes = tf.constant(classes.astype(np.int32))
        # Each is traced once for every number of images, which TensorFlow then knows.
        self.learn = tf.function(self.learn, jit_compile=given.jit)
        self.draw = tf.function(self.draw)
        self.last: dict[str, tf.Tensor] = {}

    def learn(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step on those images."""
        raise NotImplementedError

    def draw(self, count: int) -> tf.Tensor:
        """New images, pixels in 0 to 1."""
        raise NotImplementedError

    def adam(self) -> keras.optimizers.Adam:
        """The optimiser of the pipeline."""
        figures = self.figures
        rate = figures.rate
        if figures.cosine:
            rate = keras.optimizers.schedules.CosineDecay(rate, figures.cosine)
        return keras.optimizers.Adam(rate, beta_1=figures.beta_1, epsilon=figures.epsilon)

    def noise(self, count: int | tf.Tensor) -> tf.Tensor:
        """Latent values of as many images."""
        return tf.random.normal([count, self.figures.latent])

    def parameters(self) -> int:
        return sum(int(np.prod(weights.shape)) for model in self.models for weights in model.trainable_variables)

    def step(self, indices: np.ndarray) -> dict[str, tf.Tensor]:
        self.last = self.learn(tf.constant(indices, tf.int32))
        return self.last

    def wait(self) -> None:
        for loss in self.last.values():
            loss.numpy()
        for model in self.models:
            model.trainable_variables[0].numpy()

    def sample(self, count: int) -> np.ndarray:
        return self.draw(count).numpy()


class Vae(Trained):
    """pipelines/reports/vae.yaml"""

    def __init__(self, given: argparse.Namespace) -> None:
        self.encoder = keras.Sequential([
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Conv2D(64, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(6),
        ])
        self.decoder = keras.Sequential([
            keras.Input((3,)),
            layers.Dense(3136, use_bias=False, activation="relu"),
            layers.Reshape((7, 7, 64)),
            layers.Conv2DTranspose(64, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, padding="same"),
        ])
        super().__init__(given, [self.encoder, self.decoder])
        self.variables = self.encoder.trainable_variables + self.decoder.trainable_variables
        self.optimizer = self.adam()
        self.optimizer.build(self.variables)

    def learn(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        images = tf.gather(self.images, indices)
        count = tf.cast(tf.shape(images)[0], tf.float32)
        with tf.GradientTape() as tape:
            means, log_variances = tf.split(self.encoder(images, training=True), 2, axis=1)
            codes = means + tf.exp(0.5 * log_variances) * tf.random.normal(tf.shape(means))
            output = self.decoder(codes, training=True)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=output)
            reconstruction = tf.reduce_sum(losses) / count
            terms = 1 + log_variances - tf.square(means) - tf.exp(log_variances)
            divergence = -0.5 * tf.reduce_sum(terms) / count
            loss = reconstruction + divergence
        self.optimizer.apply(tape.gradient(loss, self.variables), self.variables)
        return {"reconstruction": reconstruction, "kl": divergence}

    def draw(self, count: int) -> tf.Tensor:
        return tf.sigmoid(self.decoder(self.noise(count), training=False))


class Classifier(Trained):
    """pipelines/reports/classifier.yaml"""

    def __init__(self, given: argparse.Namespace) -> None:
        self.network = keras.Sequential([
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10),
        ])
        super().__init__(given, [self.network])
        self.variables = self.network.trainable_variables
        self.optimizer = self.adam()
        self.optimizer.build(self.variables)

    def learn(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        images, classes = tf.gather(self.images, indices), tf.gather(self.classes, indices)
        with tf.GradientTape() as tape:
            logits = self.network(images, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)
            loss = tf.reduce_mean(losses)
        self.optimizer.apply(tape.gradient(loss, self.variables), self.variables)
        return {"cross-entropy": loss}


class Gan(Trained):
    """A generator and a discriminator, which take a step each in turn."""

    def __init__(self, given: argparse.Namespace, generator: keras.Model, discriminator: keras.Model) -> None:
        super().__init__(given, [generator, discriminator])
        self.generator, self.discriminator = generator, discriminator
        self.generator_optimizer, self.discriminator_optimizer = self.adam(), self.adam()
        self.generator_optimizer.build(generator.trainable_variables)
        self.discriminator_optimizer.build(discriminator.trainable_variables)
        self.average = None
        if self.figures.average:
            self.average = keras.models.clone_model(generator)
            self.average.set_weights(generator.get_weights())

    def real_and_made(self, real: tf.Tensor, made: tf.Tensor) -> tf.Tensor:
        """The discriminator's loss from its verdicts."""
        raise NotImplementedError

    def fooled(self, made: tf.Tensor) -> tf.Tensor:
        """The generator's loss from the discriminator's verdicts."""
        raise NotImplementedError

    def learn(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        images = tf.gather(self.images, indices)
        count = len(indices)
        made = self.generator(self.noise(count), training=True)
        with tf.GradientTape() as tape:
            real = self.discriminator(images, training=True)
            judged = self.discriminator(made, training=True)
            discriminator_loss = self.real_and_made(real, judged)
        variables = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(discriminator_loss, variables), variables)

        with tf.GradientTape() as tape:
            made = self.generator(self.noise(count), training=True)
            generator_loss = self.fooled(self.discriminator(made, training=True))
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(generator_loss, variables), variables)
        if self.average is not None:
            self.follow()
        return {"discriminator": discriminator_loss, "generator": generator_loss}

    def follow(self) -> None:
        """Brings the average closer to the generator, moving values included."""
        steps = tf.cast(self.generator_optimizer.iterations, tf.float32)
        keep = tf.minimum(self.figures.average, steps / (9.0 + steps))
        for mean, new in zip(self.average.variables, self.generator.variables, strict=True):
            mean.assign_add((1 - keep) * (new - mean))

    def draw(self, count: int) -> tf.Tensor:
        generator = self.generator if self.average is None else self.average
        return (generator(self.noise(count), training=False) + 1) * 0.5


class ReportsDcgan(Gan):
    """pipelines/reports/dcgan.yaml"""

    def __init__(self, given: argparse.Namespace) -> None:
        generator = keras.Sequential([
            keras.Input((100,)),
            layers.Dense(3136),
            layers.BatchNormalization(momentum=0.8, epsilon=0.001),
            layers.LeakyReLU(0.2),
            layers.Reshape((7, 7, 64)),
            layers.Conv2DTranspose(64, 4, strides=2, padding="same"),
            layers.BatchNormalization(momentum=0.8, epsilon=0.001),
            layers.LeakyReLU(0.2),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ])
        discriminator = keras.Sequential([
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 4, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.3),
            layers.Conv2D(64, 4, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ])
        super().__init__(given, generator, discriminator)

    def real_and_made(self, real: tf.Tensor, made: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(made))

    def fooled(self, made: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.nn.softplus(-made))


class MnistGan(Gan):
    """pipelines/mnist/gan.yaml"""

    def __init__(self, given: argparse.Namespace) -> None:
        normed = layers.SpectralNormalization
        generator = keras.Sequential([
            keras.Input((64,)),
            layers.Dense(3136, use_bias=False),
            layers.Reshape((7, 7, 64)),
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            layers.ReLU(),
            layers.Conv2DTranspose(32, 4, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            layers.ReLU(),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ])
        discriminator = keras.Sequential([
            keras.Input((28, 28, 1)),
            normed(layers.Conv2D(32, 4, strides=2, padding="same")),
            layers.LeakyReLU(0.1),
            normed(layers.Conv2D(64, 4, strides=2, padding="same")),
            layers.LeakyReLU(0.1),
            normed(layers.Conv2D(128, 3, strides=2, padding="same")),
            layers.LeakyReLU(0.1),
            layers.Flatten(),
            normed(layers.Dense(1)),
        ])
        super().__init__(given, generator, discriminator)

    def real_and_made(self, real: tf.Tensor, made: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + made))

    def fooled(self, made: tf.Tensor) -> tf.Tensor:
        return -tf.reduce_mean(made)


PEERS = {
    "reports-vae": Vae,
    "reports-dcgan": ReportsDcgan,
    "mnist-gan": MnistGan,
    "reports-classifier": Classifier,
}


def more(parser: argparse.ArgumentParser) -> None:
    """The argument of this peer alone."""
    parser.add_argument("--jit", action="store_true", help="compile the step with XLA")


def main() -> None:
    given = common.arguments(more)
    tf.config.threading.set_intra_op_parallelism_threads(given.threads)
    tf.config.threading.set_inter_op_parallelism_threads(given.threads)
    if given.device == "cuda" and not tf.config.list_physical_devices("GPU"):
        raise SystemExit("this TensorFlow sees no GPU")
    keras.utils.set_random_seed(42)
    common.measure(PEERS[given.network](given), given)


if __name__ == "__main__":
    main()
