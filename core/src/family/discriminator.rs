//! The discriminator with all that keeps it fair: classes, packing, noise, augmentation, penalties on its slope.

use burn::module::Module;
use burn::tensor::{Distribution, Tensor, TensorData};

use super::{Condition, Game, Penalty, Role, Start, augment};
use crate::inference::condition;
use crate::layer::{Value, detach};
use crate::network::Sequential;
use crate::noise::Noise;

/// How far from a sample the discriminator is asked to find its slope there, in units of the pixels.
const PROBE: f32 = 1e-2;

/// A discriminator as it is trained: from samples to verdicts, high for real ones.
#[derive(Module, Debug)]
pub(crate) struct Discriminator {
    pub(crate) discriminator: Sequential,
    /// From the class to one more channel, or to what the last features are multiplied with.
    class: Option<Sequential>,
    #[module(skip)]
    condition: Option<Condition>,
    #[module(skip)]
    game: Game,
}

impl Discriminator {
    /// With initial weights.
    pub(crate) fn new(game: &Game, start: &Start<'_>) -> Self {
        Self {
            discriminator: start.network(Role::Discriminator),
            class: start.optional(Role::Class),
            condition: start.plan.condition(),
            game: game.clone(),
        }
    }

    /// Whether classes take part.
    pub(crate) fn sees_classes(&self) -> bool {
        self.condition.is_some()
    }

    /// What is done to real and made samples alike before they are judged: augmentation, then instance noise. Gradients pass.
    pub(crate) fn prepare(&self, samples: Value, noise: &mut Noise) -> Value {
        let samples = match samples {
            Value::Image(images) => Value::Image(augment::apply(&self.game.augment, images, noise)),
            row @ Value::Flat(_) => row,
        };
        if self.game.instance_noise == 0.0 {
            return samples;
        }
        let blur = Distribution::Normal(0.0, self.game.instance_noise);
        match samples {
            Value::Image(images) => Value::Image(images.clone() + images.random_like(blur)),
            Value::Flat(rows) => Value::Flat(rows.clone() + rows.random_like(blur)),
        }
    }

    /// The verdict on each pack of samples, `[batch / packing, 1]`; samples beyond the last whole pack are not seen.
    pub(crate) fn score(&self, samples: Value, classes: &Tensor<2>) -> Tensor<2> {
        match self.condition {
            None => self.discriminator.forward(pack(samples, self.game.packing)).flat(),
            Some(Condition::Class) => {
                let seen = condition::beside(samples, self.class.as_ref(), Some(classes.clone()));
                self.discriminator.forward(pack(seen, self.game.packing)).flat()
            }
            Some(Condition::Projection) => {
                let last = self.discriminator.len() - 1;
                let features = self.discriminator.pass(0..last, samples).flat();
                let verdict = self.discriminator.pass(last..last + 1, Value::Flat(features.clone())).flat();
                match &self.class {
                    Some(class) => {
                        let direction = class.forward(Value::Flat(classes.clone())).flat();
                        verdict + (features * direction).sum_dim(1)
                    }
                    None => verdict,
                }
            }
        }
    }

    /// A penalty on the slope ∇ₓD: something whose gradient is the penalty's, and its value, `[1]` each.
    ///
    /// - R1 (Mescheder et al., "Which Training Methods for GANs do actually Converge?", 2018): γ/2 E‖∇ₓD(x)‖² at real samples.
    /// - Gradient (Gulrajani et al., "Improved Training of Wasserstein GANs", 2017): λ E(‖∇ₓD(x̂)‖ − 1)² at x̂ = u x + (1 − u) G(z)
    ///   with u from the uniform distribution on 0 to 1, one for each pack.
    ///
    /// The gradient of either in the weights θ is that of w · ∂ᵥD(x), the slope along the fixed unit vector v = ∇ₓD / ‖∇ₓD‖ with the
    /// fixed weight w = γ‖∇ₓD‖ or 2λ(‖∇ₓD‖ − 1). Autodiff gives no second derivatives, so the slope is the central difference
    /// (D(x + hv) − D(x − hv)) / 2h, whose error is of the order h².
    pub(crate) fn penalty(
        &self,
        penalty: Penalty,
        real: Value,
        made: Value,
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
                let made = whole_packs(made, packing).flat();
                made.clone() + (rows - made) * share
            }
        };
        // The slope itself. The weights take no part in it, so no gradient is computed for them.
        let points = detach(points).require_grad();
        let verdicts = self.clone().no_grad().score(like(points.clone(), &form), &classes);
        let gradients = verdicts.sum().backward();
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
        let verdicts = self.score(both, &classes.repeat_dim(0, 2));
        let along = verdicts.clone().narrow(0, 0, packs) - verdicts.narrow(0, packs, packs);
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

/// Leaves away the samples beyond the last whole pack.
fn whole_packs(samples: Value, packing: usize) -> Value {
    match samples {
        Value::Image(images) => {
            let whole = images.dims()[0] / packing * packing;
            Value::Image(images.narrow(0, 0, whole))
        }
        Value::Flat(rows) => {
            let whole = rows.dims()[0] / packing * packing;
            Value::Flat(rows.narrow(0, 0, whole))
        }
    }
}

/// Stacks `packing` samples each: images as channels, codes in a row.
fn pack(samples: Value, packing: usize) -> Value {
    if packing == 1 {
        return samples;
    }
    match whole_packs(samples, packing) {
        Value::Image(images) => {
            let [samples, channels, height, width] = images.dims();
            Value::Image(images.reshape([samples / packing, packing * channels, height, width]))
        }
        Value::Flat(rows) => {
            let [samples, values] = rows.dims();
            Value::Flat(rows.reshape([samples / packing, packing * values]))
        }
    }
}
