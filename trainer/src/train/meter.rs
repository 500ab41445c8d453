//! Means of the losses, without a read-back from the device at every step.

use burn::tensor::Tensor;

/// Sums losses on the device and reads them only when a mean is asked for.
#[derive(Default)]
pub struct Meter {
    /// Losses of the steps that were not read yet, `[parts]`.
    pending: Option<Tensor<1>>,
    pending_steps: u64,
    sums: Vec<f64>,
    steps: u64,
}

impl Meter {
    /// Adds the losses of one step, `[parts]`.
    pub fn add(&mut self, losses: Tensor<1>) {
        self.pending = Some(match self.pending.take() {
            Some(sum) => sum + losses,
            None => losses,
        });
        self.pending_steps += 1;
    }

    /// Reads the steps since the last reading; their means.
    pub fn read(&mut self) -> Vec<f64> {
        let Some(pending) = self.pending.take() else {
            return self.means();
        };
        let sums: Vec<f64> = pending.into_data().iter::<f64>().collect();
        let steps = std::mem::take(&mut self.pending_steps);
        self.sums.resize(sums.len(), 0.0);
        self.sums.iter_mut().zip(&sums).for_each(|(total, sum)| *total += sum);
        self.steps += steps;
        sums.iter().map(|sum| sum / steps as f64).collect()
    }

    /// The means of all steps that were read.
    pub fn means(&self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.steps.max(1) as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn means_are_over_all_steps_and_readings_over_the_new_ones() {
        let mut meter = Meter::default();
        let add = |value: f32, meter: &mut Meter| meter.add(Tensor::from_data([value], &Device::flex()));
        add(1.0, &mut meter);
        add(3.0, &mut meter);
        assert_eq!(meter.read(), [2.0]);
        add(8.0, &mut meter);
        assert_eq!(meter.read(), [8.0]);
        assert_eq!(meter.means(), [4.0]);
    }
}
