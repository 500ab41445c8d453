//! Shared parts of the drawings: axes, legends and the surrounding SVG. All lengths are in tenths
//! of a pixel, as plotters rounds coordinates to integers.

use std::ops::Range;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) const PLOT: [i32; 2] = [3940, 1940];
pub(super) const LEGEND_ROW: i32 = 190;
/// From the left edge of a panel to its plot, with room for the labels of the vertical axis.
pub(super) const LEFT: i32 = 680;
/// From the plot to the bottom of a panel, with room for the labels of the horizontal axis.
pub(super) const BELOW: i32 = 430;
pub(super) const RIGHT: i32 = 180;
pub(super) const INK: RGBColor = RGBColor(48, 48, 48);
const AXIS: RGBColor = RGBColor(140, 140, 140);
const GRID: RGBColor = RGBColor(228, 228, 228);

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(super) type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

/// An SVG of `size` on white. `draw` may return additional elements, which come last.
pub(super) fn svg(size: [i32; 2], draw: impl FnOnce(&Area<'_>) -> Result<String>) -> Result<String> {
    let [width, height] = size.map(i32::unsigned_abs);
    let mut drawing = String::new();
    let root = SVGBackend::with_string(&mut drawing, (width, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let elements = draw(&root)?;
    root.present()?;
    drop(root);
    // The drawing keeps its units in an image measured in pixels.
    let [pixels_across, pixels_down] = [width, height].map(|length| f64::from(length) / 10.0);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{pixels_across}\" height=\"{pixels_down}\" \
         viewBox=\"0 0 {width} {height}\" stroke-linejoin=\"round\">\n{drawing}{elements}</svg>\n"
    ))
}

pub(super) fn chart<'a>(area: &Area<'a>, axes: [Axis; 2], names: [&str; 2]) -> Result<Chart<'a>> {
    let mut chart =
        ChartBuilder::on(area).x_label_area_size(BELOW).y_label_area_size(LEFT).build_cartesian_2d(axes[0], axes[1])?;
    chart
        .configure_mesh()
        .bold_line_style(GRID.stroke_width(8))
        .axis_style(AXIS.stroke_width(10))
        .set_all_tick_mark_size(40)
        .label_style(text(110).color(&INK))
        .draw()?;
    // Not drawn by the mesh, which would draw the names twice.
    let (across, down) = chart.plotting_area().dim_in_pixel();
    let (across, down) = (i32::try_from(across)?, i32::try_from(down)?);
    let name = text(115).color(&INK);
    let below = name.pos(Pos::new(HPos::Center, VPos::Bottom));
    area.draw(&Text::new(names[0], (LEFT + across / 2, down + BELOW - 40), below))?;
    let beside = name.transform(FontTransform::Rotate270).pos(Pos::new(HPos::Center, VPos::Top));
    area.draw(&Text::new(names[1], (160, down / 2), beside))?;
    Ok(chart)
}

pub(super) fn text(size: u32) -> FontDesc<'static> {
    // The backend divides sizes by 1.24.
    ("system-ui, sans-serif", f64::from(size) * 1.24).into()
}

/// A name in a legend; `at` is the middle of its left edge.
pub(super) fn legend_name(name: &str, at: (i32, i32)) -> Text<'_, (i32, i32), &str> {
    Text::new(name, at, text(115).color(&INK).pos(Pos::new(HPos::Left, VPos::Center)))
}

/// The width of a legend entry, estimated for common letters without asking a font.
pub(super) fn legend_width(name: &str) -> i32 {
    let letters = i32::try_from(name.chars().count()).unwrap_or(i32::MAX);
    letters.saturating_mul(62).saturating_add(400).min(PLOT[0])
}

/// A visible range, with ticks at multiples of 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    step: f64,
    /// The decimals that tell ticks apart; negative if trailing zeros do not matter.
    digits: i32,
}

impl Axis {
    const TICKS: f64 = 6.0;

    /// An axis from `low` to `high`, widened if the range is empty or only noise.
    pub fn new(low: f64, high: f64) -> Self {
        // Numbers far below float32 count as 0.
        let size = low.abs().max(high.abs()).max(1e-50);
        let beside = match high - low {
            length if length > 1e-7 * size => 0.0,
            _ if size > 1e-50 => 0.1 * size,
            _ => 1.0,
        };
        let (low, high) = (low - beside, high + beside);
        let least = (high - low) / Self::TICKS;
        // Between about -58 and 38.
        let exponent = least.log10().floor() as i32;
        let power = 10f64.powi(exponent);
        match [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least) {
            Some(factor) => Self { low, high, step: factor * power, digits: -exponent },
            None => Self { low, high, step: 10.0 * power, digits: -exponent - 1 },
        }
    }

    /// An axis over all `values`, with a `margin` relative to their range on either side.
    pub fn around(values: impl Iterator<Item = f64>, margin: f64) -> Self {
        let range =
            values.map(|value| (value, value)).reduce(|(low, high), (value, _)| (low.min(value), high.max(value)));
        let (low, high) = range.unwrap_or((0.0, 0.0));
        Self::new(low - margin * (high - low), high + margin * (high - low))
    }

    /// The same axis with ticks at least `step` apart, unless that leaves none.
    pub fn at_least_every(self, step: f64) -> Self {
        let wider = Self { step: step.max(self.step), digits: self.digits.min(0), ..self };
        if wider.ticks().next().is_some() { wider } else { self }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let first = (self.low / self.step).ceil();
        // Adding 0 makes a negative 0 positive.
        (0..20).map(move |tick| (first + f64::from(tick)) * self.step + 0.0).take_while(|tick| *tick <= self.high)
    }

    fn label(&self, tick: f64) -> String {
        let size = self.low.abs().max(self.high.abs());
        if tick == 0.0 {
            "0".to_owned()
        } else if (1e-3..1e6).contains(&size) {
            format!("{tick:.*}", self.digits.max(0).unsigned_abs() as usize)
        } else {
            // An exponent has at most three digits.
            let digits = self.digits + tick.abs().log10().floor() as i32;
            format!("{tick:.*e}", digits.max(0).unsigned_abs() as usize)
        }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.range()).map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // No minor grid lines.
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks().collect() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, tick: &f64) -> String {
        self.label(*tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis) -> Vec<String> {
        axis.ticks().map(|tick| axis.label(tick)).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(Axis::new(0.02, 0.61)), ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]);
        assert_eq!(labels(Axis::new(-0.7, 0.6)), ["-0.5", "0", "0.5"]);
        assert_eq!(labels(Axis::new(0.0, 1e-3)), ["0", "0.0002", "0.0004", "0.0006", "0.0008", "0.0010"]);
        assert_eq!(labels(Axis::new(95.0, 131.0)), ["100", "110", "120", "130"]);
        assert_eq!(labels(Axis::new(-3e7, 2e6)), ["-3e7", "-2e7", "-1e7", "0"]);
        assert_eq!(labels(Axis::new(6.8e-9, 7.7e-9)), ["6.8e-9", "7.0e-9", "7.2e-9", "7.4e-9", "7.6e-9"]);
    }

    #[test]
    fn an_axis_of_one_value_has_ticks_on_both_sides() {
        assert_eq!(labels(Axis::new(0.0, 0.0)), ["-1.0", "-0.5", "0", "0.5", "1.0"]);
        assert_eq!(labels(Axis::new(1000.0, 1000.0)), ["900", "950", "1000", "1050", "1100"]);
        for value in [1e-320, 1e-45, 1e-9, 0.3, -0.3, -1e9, f64::from(f32::MAX), f64::from(f32::MIN)] {
            for high in [value, value * (1.0 + 1e-12)] {
                let axis = Axis::around([value, high].into_iter(), 0.05);
                assert!((2..=8).contains(&axis.ticks().count()), "{value} to {high}: {:?}", labels(axis));
                assert!(axis.low < value && value < axis.high);
            }
        }
    }

    #[test]
    fn epochs_are_whole_where_there_are_two() {
        assert_eq!(labels(Axis::new(0.9, 3.1).at_least_every(1.0)), ["1", "2", "3"]);
        assert_eq!(labels(Axis::new(0.08, 0.45).at_least_every(1.0)), ["0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(labels(Axis::new(0.0, 310.0).at_least_every(1.0)), ["0", "100", "200", "300"]);
    }
}
