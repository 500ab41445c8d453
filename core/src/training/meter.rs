//! Means of the losses, without a device read at every step.

use super::TrainingError;
use crate::family::Losses;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Collects losses on the device and reads them only on request.
#[derive(Default)]
pub struct Meter {
    parts: Vec<Part>,
}

struct Part {
    name: String,
    /// Unread losses, `[1]` each, with their step and weight.
    pending: Vec<(u64, Tensor<1>, f64)>,
    sum: Sum,
}

/// A weighted sum, and the sum of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Sum {
    sum: f64,
    weight: f64,
}

/// A loss that is not finite.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name} is {value} at step {step}")]
pub struct NonFinite {
    /// The loss.
    pub name: String,
    /// The step, from 1.
    pub step: u64,
    /// Its value.
    pub value: f64,
}

impl Meter {
    /// Continues from the sums of an earlier meter.
    pub fn resume(sums: &[(String, Sum)]) -> Self {
        let part = |(name, sum): &(String, Sum)| Part { name: name.clone(), pending: Vec::new(), sum: *sum };
        Self { parts: sums.iter().map(part).collect() }
    }

    /// Adds the losses of step `step`, from 1, with a weight.
    pub fn add(&mut self, step: u64, losses: Losses, weight: f64) {
        for (place, (name, loss)) in losses.into_iter().enumerate() {
            let index = self.parts.iter().position(|part| part.name == name).unwrap_or_else(|| {
                let place = place.min(self.parts.len());
                let part = Part { name: name.to_owned(), pending: Vec::new(), sum: Sum::default() };
                self.parts.insert(place, part);
                place
            });
            self.parts[index].pending.push((step, loss, weight));
        }
    }

    /// Number of unread steps.
    pub fn pending(&self) -> usize {
        self.parts.iter().map(|part| part.pending.len()).max().unwrap_or(0)
    }

    /// Reads the unread losses and returns their means.
    ///
    /// # Errors
    /// The first loss among them that is not finite, or the device cannot be read.
    pub async fn read(&mut self) -> Result<Vec<(String, f64)>, TrainingError> {
        let mut means = Vec::new();
        let mut non_finite: Option<NonFinite> = None;
        for part in &mut self.parts {
            let pending = std::mem::take(&mut part.pending);
            if pending.is_empty() {
                continue;
            }
            let tensors = pending.iter().map(|(_, loss, _)| loss.clone()).collect();
            let values: Vec<f64> = Tensor::cat(tensors, 0).into_data_async().await?.iter::<f64>().collect();
            let mut new = Sum::default();
            for ((step, _, weight), value) in pending.into_iter().zip(values) {
                new.add(value, weight);
                part.sum.add(value, weight);
                if !value.is_finite() && non_finite.as_ref().is_none_or(|first| step < first.step) {
                    non_finite = Some(NonFinite { name: part.name.clone(), step, value });
                }
            }
            means.push((part.name.clone(), new.mean()));
        }
        non_finite.map_or(Ok(means), |first| Err(first.into()))
    }

    /// The means of all losses that were read.
    pub fn means(&self) -> Vec<(String, f64)> {
        self.parts.iter().map(|part| (part.name.clone(), part.sum.mean())).collect()
    }

    /// The sums for [`Self::resume`].
    pub fn sums(&self) -> Vec<(String, Sum)> {
        self.parts.iter().map(|part| (part.name.clone(), part.sum)).collect()
    }
}

impl Sum {
    fn add(&mut self, value: f64, weight: f64) {
        self.sum += value * weight;
        self.weight += weight;
    }

    fn mean(self) -> f64 {
        self.sum / self.weight.max(1e-300)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, read_sync};

    use super::*;

    fn loss(value: f32) -> Tensor<1> {
        Tensor::from_data([value], &Device::flex())
    }

    fn read(meter: &mut Meter) -> Vec<(String, f64)> {
        read_sync(meter.read()).unwrap()
    }

    fn named(parts: &[(&str, f64)]) -> Vec<(String, f64)> {
        parts.iter().map(|(name, mean)| ((*name).to_owned(), *mean)).collect()
    }

    #[test]
    fn means_are_over_all_steps_and_readings_over_the_new_ones() {
        let mut meter = Meter::default();
        meter.add(1, vec![("a", loss(1.0)), ("c", loss(0.5))], 1.0);
        meter.add(2, vec![("a", loss(3.0)), ("b", loss(7.0)), ("c", loss(1.5))], 1.0);
        assert_eq!(meter.pending(), 2);
        assert_eq!(read(&mut meter), named(&[("a", 2.0), ("b", 7.0), ("c", 1.0)]));
        meter.add(3, vec![("a", loss(8.0))], 1.0);
        assert_eq!(read(&mut meter), named(&[("a", 8.0)]));
        assert_eq!(meter.means(), named(&[("a", 4.0), ("b", 7.0), ("c", 1.0)]));
        meter.add(4, vec![("b", loss(1.0))], 3.0);
        read(&mut meter);
        assert_eq!(meter.means(), named(&[("a", 4.0), ("b", 2.5), ("c", 1.0)]));
    }

    #[test]
    fn a_meter_put_back_has_the_same_means_however_often_it_was_read() {
        let values = [0.1_f32, 0.7, 1e-3, 123.456, 0.33];
        let mut whole = Meter::default();
        let mut parts = Meter::default();
        for (step, value) in (1..).zip(values) {
            whole.add(step, vec![("a", loss(value))], 1.0);
            parts.add(step, vec![("a", loss(value))], 1.0);
            read(&mut parts);
            parts = Meter::resume(&parts.sums());
        }
        read(&mut whole);
        assert_eq!(whole.means()[0].1.to_bits(), parts.means()[0].1.to_bits());
    }

    #[test]
    fn the_first_loss_that_is_not_finite_is_named_with_its_step() {
        let mut meter = Meter::default();
        meter.add(1, vec![("a", loss(1.0)), ("b", loss(1.0))], 1.0);
        meter.add(2, vec![("a", loss(1.0)), ("b", loss(f32::INFINITY))], 1.0);
        meter.add(3, vec![("a", loss(f32::NAN)), ("b", loss(f32::NAN))], 1.0);
        let non_finite = read_sync(meter.read()).unwrap_err();
        assert_eq!(non_finite.to_string(), "b is inf at step 2");
    }
}
