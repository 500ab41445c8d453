//! Means of the losses, without a read-back from the device at every step.

use burn::tensor::Tensor;
use imago_core::model::Losses;

/// Sums losses on the device and reads them only when a mean is asked for.
#[derive(Default)]
pub struct Meter {
    parts: Vec<Part>,
}

struct Part {
    name: &'static str,
    /// The sum of what was not read yet, `[1]`, and its weight.
    pending: Option<(Tensor<1>, f64)>,
    /// The sum of what was read, and its weight.
    sum: f64,
    weight: f64,
}

impl Meter {
    /// Adds the losses of one step.
    pub fn add(&mut self, losses: Losses) {
        self.add_weighted(losses, 1.0);
    }

    /// Adds losses that count as much as `weight` says.
    pub fn add_weighted(&mut self, losses: Losses, weight: f64) {
        for (place, (name, loss)) in losses.into_iter().enumerate() {
            let part = match self.parts.iter_mut().find(|part| part.name == name) {
                Some(part) => part,
                None => {
                    let place = place.min(self.parts.len());
                    self.parts.insert(place, Part { name, pending: None, sum: 0.0, weight: 0.0 });
                    &mut self.parts[place]
                }
            };
            let loss = if weight == 1.0 { loss } else { loss * weight };
            part.pending = Some(match part.pending.take() {
                Some((sum, before)) => (sum + loss, before + weight),
                None => (loss, weight),
            });
        }
    }

    /// Reads the steps since the last reading; their means.
    pub fn read(&mut self) -> Vec<(String, f64)> {
        let mut means = Vec::new();
        for part in &mut self.parts {
            if let Some((pending, weight)) = part.pending.take() {
                let sum: f64 = pending.into_data().iter::<f64>().sum();
                part.sum += sum;
                part.weight += weight;
                means.push((part.name.to_owned(), sum / weight));
            }
        }
        means
    }

    /// The means of all steps that were read.
    pub fn means(&self) -> Vec<(String, f64)> {
        self.parts.iter().map(|part| (part.name.to_owned(), part.sum / part.weight.max(1e-300))).collect()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn means_are_over_all_steps_and_readings_over_the_new_ones() {
        let mut meter = Meter::default();
        let loss = |value: f32| Tensor::from_data([value], &Device::flex());
        meter.add(vec![("a", loss(1.0)), ("c", loss(0.5))]);
        meter.add(vec![("a", loss(3.0)), ("b", loss(7.0)), ("c", loss(1.5))]);
        let named = |a, b, c| vec![("a".to_owned(), a), ("b".to_owned(), b), ("c".to_owned(), c)];
        assert_eq!(meter.read(), named(2.0, 7.0, 1.0));
        meter.add(vec![("a", loss(8.0))]);
        assert_eq!(meter.read(), [("a".to_owned(), 8.0)]);
        assert_eq!(meter.means(), named(4.0, 7.0, 1.0));
        meter.add_weighted(vec![("b", loss(1.0))], 3.0);
        meter.read();
        assert_eq!(meter.means(), named(4.0, 2.5, 1.0));
    }
}
