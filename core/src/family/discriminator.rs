//! The discriminator with conditioning, packing, instance noise, augmentation and penalties.

use burn::module::Module;
use burn::tensor::{Distribution, Tensor, TensorData};

use super::{Condition, Game, Penalty, Role, TrainerSetup, augment};
use crate::inference::condition;
use crate::layer::{Value, detach};
use crate::network::Sequential;
use crate::noise::Noise;

/// The step h of the finite difference of a penalty, in units of the pixels.
const PROBE: f32 = 1e-2;

/// A discriminator in training: from samples to scores, high for real ones.
#[derive(Module, Debug)]
pub(crate) struct Discriminator {
    pub(crate) discriminator: Sequential,
    /// From the class to one more channel, or to the vector of a projection.
    class: Option<Sequential>,
    #[module(skip)]
    condition: Option<Condition>,
    #[module(skip)]
    game: Game,
}

impl Discriminator {
    pub(crate) fn new(game: &Game, setup: &TrainerSetup<'_>) -> Self {
        Self {
            discriminator: setup.network(Role::Discriminator),
            class: setup.optional(Role::Class),
            condition: setup.plan.condition(),
            game: game.clone(),
        }
    }

    pub(crate) fn is_conditional(&self) -> bool {
        self.condition.is_some()
    }

    /// Augmentation and instance noise, for real and generated samples alike.
    pub(crate) fn prepare(&self, samples: Value, noise: &mut Noise) -> Value {
        let samples = samples.map(|rows| rows, |images| augment::apply(&self.game.augment, images, noise));
        if self.game.instance_noise == 0.0 {
            return samples;
        }
        let blur = Distribution::Normal(0.0, self.game.instance_noise);
        samples.map(|rows| rows.clone() + rows.random_like(blur), |images| images.clone() + images.random_like(blur))
    }

    /// The score of each whole pack of samples, `[batch / packing, 1]`.
    pub(crate) fn score(&self, samples: Value, classes: &Tensor<2>) -> Tensor<2> {
        match self.condition {
            None => self.discriminator.forward(pack(samples, self.game.packing)).flat(),
            Some(Condition::Class) => {
                let input = condition::with_class_plane(samples, self.class.as_ref(), Some(classes.clone()));
                self.discriminator.forward(pack(input, self.game.packing)).flat()
            }
            Some(Condition::Projection) => {
                let last = self.discriminator.len() - 1;
                let features = self.discriminator.pass(0..last, samples).flat();
                let score = self.discriminator.pass(last..last + 1, Value::Flat(features.clone())).flat();
                match &self.class {
                    Some(class) => {
                        let direction = class.forward(Value::Flat(classes.clone())).flat();
                        score + (features * direction).sum_dim(1)
                    }
                    None => score,
                }
            }
        }
    }

    /// A penalty on ∇ₓD: a surrogate with its gradient, and its value, `[1]` each.
    ///
    /// - R1: γ/2 E‖∇ₓD(x)‖² at real samples. Mescheder et al., "Which Training Methods
    ///   for GANs do actually Converge?" (2018).
    /// - Gradient: λ E(‖∇ₓD(x̂)‖ − 1)² at x̂ = u x + (1 − u) G(z), one u per pack.
    ///   Gulrajani et al., "Improved Training of Wasserstein GANs" (2017).
    ///
    /// The gradient of either in the weights is that of w · ∂ᵥD(x) with the constants v =
    /// ∇ₓD / ‖∇ₓD‖ and w = γ‖∇ₓD‖ or 2λ(‖∇ₓD‖ − 1). As autodiff has
    /// no second derivatives, ∂ᵥD is the central difference (D(x + hv) − D(x − hv)) / 2h,
    /// with an error of the order h².
    pub(crate) fn penalty(
        &self,
        penalty: Penalty,
        real: Value,
        fake: Value,
        classes: &Tensor<2>,
        noise: &mut Noise,
    ) -> (Tensor<1>, Tensor<1>) {
        let packing = self.game.packing;
        let packs = classes.dims()[0] / packing;
        let like = |rows: Tensor<2>, value: &Value| match value {
            Value::Flat(_) => Value::Flat(rows),
            Value::Image(images) => Value::Image(rows.reshape(images.dims())),
        };
        let form = whole_packs(real, packing);
        let classes = classes.clone().narrow(0, 0, packs * packing);
        let rows = form.clone().flat();
        let [samples, values] = rows.dims();
        let joined = |rows: Tensor<2>| rows.reshape([packs, packing * values]);
        let points = match penalty {
            Penalty::R1(_) => rows,
            Penalty::Gradient(_) => {
                let shares: Vec<f32> = (0..packs).map(|_| noise.uniform()).collect();
                let share = Tensor::<2>::from_data(TensorData::new(shares, [packs, 1]), &rows.device());
                let share = share.repeat_dim(1, packing).reshape([samples, 1]);
                let fake = whole_packs(fake, packing).flat();
                fake.clone() + (rows - fake) * share
            }
        };
        // The gradient in the samples alone.
        let points = detach(points).require_grad();
        let scores = self.clone().no_grad().score(like(points.clone(), &form), &classes);
        let gradients = scores.sum().backward();
        let slope = match points.grad(&gradients) {
            Some(slope) => Tensor::from_inner(slope),
            None => detach(points.zeros_like()),
        };
        let length = joined(slope.clone()).square().sum_dim(1).sqrt();
        let direction = (joined(slope) / length.clone().clamp_min(1e-12)).reshape([samples, values]);
        let points = detach(points);
        let both = Tensor::cat(vec![points.clone() + direction.clone() * PROBE, points - direction * PROBE], 0);
        let both = match &form {
            Value::Flat(_) => Value::Flat(both),
            Value::Image(images) => {
                let [samples, channels, height, width] = images.dims();
                Value::Image(both.reshape([2 * samples, channels, height, width]))
            }
        };
        let scores = self.score(both, &classes.repeat_dim(0, 2));
        let along = scores.clone().narrow(0, 0, packs) - scores.narrow(0, packs, packs);
        let (weight, value) = match penalty {
            Penalty::R1(gamma) => (length.clone() * gamma, length.square().mean() * (gamma / 2.0)),
            Penalty::Gradient(lambda) => {
                let excess = length - 1.0;
                (excess.clone() * (2.0 * lambda), excess.square().mean() * lambda)
            }
        };
        ((along * weight).mean() / (2.0 * PROBE), value)
    }
}

/// Drops the samples after the last whole pack.
fn whole_packs(samples: Value, packing: usize) -> Value {
    fn whole<const D: usize>(samples: Tensor<D>, packing: usize) -> Tensor<D> {
        let whole = samples.dims()[0] / packing * packing;
        samples.narrow(0, 0, whole)
    }
    samples.map(|rows| whole(rows, packing), |images| whole(images, packing))
}

/// Stacks `packing` samples each: images as channels, latents in a row.
fn pack(samples: Value, packing: usize) -> Value {
    if packing == 1 {
        return samples;
    }
    fn joined<const D: usize>(samples: Tensor<D>, packing: usize) -> Tensor<D> {
        let mut shape = samples.dims();
        (shape[0], shape[1]) = (shape[0] / packing, packing * shape[1]);
        samples.reshape(shape)
    }
    whole_packs(samples, packing).map(|rows| joined(rows, packing), |images| joined(images, packing))
}

#[cfg(all(test, feature = "flex", feature = "yaml"))]
mod tests {
    use burn::tensor::Device;

    use crate::family::testing::{self, ADAM, GENERATOR, mean, run_gan, save, train, weights};

    #[test]
    fn clipping_keeps_the_weights_of_the_critic_and_only_them_within_bounds() {
        let device = Device::flex().autodiff();
        let (trainer, _, _) = run_gan("loss: wasserstein, game: { clip: 0.01 }", 5, &device);
        let saved = save(&*trainer);
        let largest = |name: &str| weights(&saved, name).into_iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        assert!((0.009..=0.01).contains(&largest("discriminator")));
        assert!(largest("generator") > 0.1);
    }

    /// Without hidden layers the gradient is the weight, so both penalties are known.
    #[test]
    fn penalties_of_a_linear_critic_are_those_of_its_weight() {
        let device = Device::flex().autodiff();
        for (penalty, expected) in [
            ("r1: 6", (|length: f32| 3.0 * length * length) as fn(f32) -> f32),
            ("gradient: 5", |length: f32| 5.0 * (length - 1.0) * (length - 1.0)),
        ] {
            let networks = format!("{GENERATOR}, discriminator: [flatten, {{ linear: 1 }}]");
            let model = format!("family: gan, latent: 2, {networks}, game: {{ penalty: {{ {penalty} }} }}");
            let (trainer, _) = testing::trainer(&model, ADAM, 1, &device);
            let saved = save(&*trainer);
            let weight: Vec<f32> = weights(&saved, "discriminator.layers.1.weight");
            let length = weight.iter().map(|value| value * value).sum::<f32>().sqrt();
            let (_, measured) = train(trainer, 0..1, &device);
            let found = measured[0].get("penalty").unwrap();
            assert!((found - expected(length)).abs() < 1e-3 * expected(length), "{penalty}: {found}");
        }
    }

    #[test]
    fn a_penalty_flattens_the_critic() {
        let device = Device::flex().autodiff();
        let gap = |rest: &str| {
            let (_, _, measured) = run_gan(&format!("game: {{ discriminator_steps: 1000 {rest} }}"), 200, &device);
            mean(&measured[190..], "real") - mean(&measured[190..], "made")
        };
        let (free, priced) = (gap(""), gap(", penalty: { r1: 30 }"));
        assert!(priced < 0.5 * free, "{priced} and {free}");
    }
}
