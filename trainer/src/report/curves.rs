//! Loss curves as one drawing, and what other drawings share with it.
//!
//! Every length here is in tenths of a pixel, since plotters places all that it draws at whole numbers.

use std::ops::Range;

use anyhow::{Result, ensure};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// How many panels a drawing can show, and how many lines a panel.
const MOST: usize = 100;

/// A plot across and down.
const PLOT: [i32; 2] = [3940, 1940];

/// From the upper edge of a panel to its legend or plot; the title stands there.
const TITLE: i32 = 380;

/// From one name in a legend to the one below it.
pub(super) const LEGEND_ROW: i32 = 190;

/// From the left edge of a panel to its plot, where the numbers of the vertical axis stand.
pub(super) const LEFT: i32 = 680;

/// From the plot to the lower edge of a panel, where the numbers of the horizontal axis stand.
pub(super) const BELOW: i32 = 430;

/// From the plot to the right edge of a panel.
pub(super) const RIGHT: i32 = 180;

/// The colours of Okabe and Ito, which colour-blind readers tell apart too, less the yellow that white swallows.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    BLACK,
];

const INK: RGBColor = RGBColor(48, 48, 48);
const AXIS: RGBColor = RGBColor(140, 140, 140);
const GRID: RGBColor = RGBColor(228, 228, 228);

/// Curves that share their axes.
pub struct Panel {
    pub title: String,
    pub lines: Vec<Line>,
}

/// A curve.
pub struct Line {
    pub name: String,
    /// The epoch, which may have a fraction, and the value, in the order of the epochs.
    pub points: Vec<(f64, f64)>,
}

/// An SVG of `panels`, two side by side, with the same epochs along all of them.
///
/// A panel of several lines has a legend. A point that float32 has no finite number for leaves a gap; a point without
/// neighbours is a dot.
///
/// Fails for no panel, more than 100 panels, or more than 100 lines in one.
pub fn curves_svg(panels: &[Panel]) -> Result<String> {
    ensure!((1..=MOST).contains(&panels.len()), "a drawing can show 1 to {MOST} panels, not {}", panels.len());
    for Panel { title, lines } in panels {
        ensure!(lines.len() <= MOST, "the panel {title:?} can show {MOST} lines at most, not {}", lines.len());
    }
    let epochs = Axis::around(panels.iter().flat_map(Panel::points).map(|(epoch, _)| epoch), 0.02).at_least_every(1.0);
    // Neighbours have room for the larger legend.
    let rows = panels.chunks(2).map(|row| (row, row.iter().map(Panel::legend_height).max().unwrap_or(0)));
    let height = |legend: i32| TITLE + legend + PLOT[1] + BELOW;
    let width = LEFT + PLOT[0] + RIGHT;
    let size = [width * i32::try_from(panels.len().min(2))?, rows.clone().map(|(_, legend)| height(legend)).sum()];
    svg(size, |root| {
        let mut top = 0;
        for (row, legend) in rows {
            for (panel, left) in row.iter().zip([0, width]) {
                panel.draw_legend(&root.clone().shrink((left + LEFT, top), (PLOT[0], TITLE + legend)))?;
                let plot = root.clone().shrink((left, top + TITLE + legend), (LEFT + PLOT[0], PLOT[1] + BELOW));
                panel.draw(&plot, epochs)?;
            }
            top += height(legend);
        }
        Ok(String::new())
    })
}

impl Panel {
    /// The points that can be shown.
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.lines.iter().flat_map(|line| &line.points).copied().filter(is_shown)
    }

    /// Where the names of the lines stand below the title: none where there is but one.
    fn legend_places(&self) -> Vec<(i32, i32)> {
        let (mut x, mut y) = (0, 0);
        let mut places = Vec::new();
        for width in self.lines.iter().map(|line| legend_width(&line.name)).filter(|_| self.lines.len() > 1) {
            if x + width > PLOT[0] {
                (x, y) = (0, y + LEGEND_ROW);
            }
            places.push((x, y));
            x += width;
        }
        places
    }

    fn legend_height(&self) -> i32 {
        self.legend_places().last().map_or(0, |(_, y)| y + LEGEND_ROW)
    }

    /// Writes the title and the legend.
    fn draw_legend(&self, area: &Area<'_>) -> Result<()> {
        let title = text(135).style(FontStyle::Bold).color(&INK);
        area.draw(&Text::new(self.title.as_str(), (0, 120), title))?;
        for ((line, colour), (x, y)) in self.lines.iter().zip(COLOURS.iter().cycle()).zip(self.legend_places()) {
            area.draw(&PathElement::new([(x, TITLE + y), (x + 180, TITLE + y)], colour.stroke_width(20)))?;
            area.draw(&legend_name(&line.name, (x + 240, TITLE + y)))?;
        }
        Ok(())
    }

    /// Draws the axes and the lines.
    fn draw(&self, area: &Area<'_>, epochs: Axis) -> Result<()> {
        let values = Axis::around(self.points().map(|(_, value)| value), 0.05);
        let chart = chart(area, [epochs, values], ["epoch", ""])?;
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            for points in line.points.split(|point| !is_shown(point)) {
                match points {
                    [] => {}
                    [point] => chart.plotting_area().draw(&Circle::new(*point, 28, colour.filled()))?,
                    _ => chart.plotting_area().draw(&PathElement::new(points, colour.stroke_width(16)))?,
                }
            }
        }
        Ok(())
    }
}

/// Whether float32 has finite numbers for a point. Distances between such points are finite in float64.
fn is_shown((epoch, value): &(f64, f64)) -> bool {
    epoch.abs() <= f64::from(f32::MAX) && value.abs() <= f64::from(f32::MAX)
}

/// A part of a drawing.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A plot whose axes are drawn.
pub(super) type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

/// An SVG of `size` on white. `draw` may return elements of its own, which come last.
pub(super) fn svg(size: [i32; 2], draw: impl FnOnce(&Area<'_>) -> Result<String>) -> Result<String> {
    let [width, height] = size.map(i32::unsigned_abs);
    let mut drawing = String::new();
    let root = SVGBackend::with_string(&mut drawing, (width, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let elements = draw(&root)?;
    root.present()?;
    drop(root);
    // The drawing keeps its units within a picture that is measured in pixels.
    let [pixels_across, pixels_down] = [width, height].map(|length| f64::from(length) / 10.0);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{pixels_across}\" height=\"{pixels_down}\" \
         viewBox=\"0 0 {width} {height}\" stroke-linejoin=\"round\">\n{drawing}{elements}</svg>\n"
    ))
}

/// A plot of two axes with their names, which takes the whole of `area`.
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
    // The names are no part of the mesh, which would draw them twice.
    let (across, down) = chart.plotting_area().dim_in_pixel();
    let (across, down) = (i32::try_from(across)?, i32::try_from(down)?);
    let name = text(115).color(&INK);
    let below = name.pos(Pos::new(HPos::Center, VPos::Bottom));
    area.draw(&Text::new(names[0], (LEFT + across / 2, down + BELOW - 40), below))?;
    let beside = name.transform(FontTransform::Rotate270).pos(Pos::new(HPos::Center, VPos::Top));
    area.draw(&Text::new(names[1], (160, down / 2), beside))?;
    Ok(chart)
}

fn text(size: u32) -> FontDesc<'static> {
    // The backend divides sizes by 1.24.
    ("system-ui, sans-serif", f64::from(size) * 1.24).into()
}

/// A name in a legend; `at` is the middle of its left edge.
pub(super) fn legend_name(name: &str, at: (i32, i32)) -> Text<'_, (i32, i32), &str> {
    Text::new(name, at, text(115).color(&INK).pos(Pos::new(HPos::Left, VPos::Center)))
}

/// What a name and its mark take across in a legend. No font is asked, so this is what common letters need.
pub(super) fn legend_width(name: &str) -> i32 {
    let letters = i32::try_from(name.chars().count()).unwrap_or(i32::MAX);
    letters.saturating_mul(62).saturating_add(400).min(PLOT[0])
}

/// The part of an axis that is shown, with ticks at multiples of 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    /// From one tick to the next.
    step: f64,
    /// Digits after the point that tell the ticks apart, negative where zeros before it do not matter.
    digits: i32,
}

impl Axis {
    /// About how many ticks an axis has.
    const TICKS: f64 = 6.0;

    /// An axis over `low` to `high`, which is widened where there is nothing, or no more than noise, between them.
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
        // Some 38 at the most, or -58 at the least.
        let exponent = least.log10().floor() as i32;
        let power = 10f64.powi(exponent);
        match [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least) {
            Some(factor) => Self { low, high, step: factor * power, digits: -exponent },
            None => Self { low, high, step: 10.0 * power, digits: -exponent - 1 },
        }
    }

    /// An axis over all `values` and a `margin` on either side, in parts of their range.
    fn around(values: impl Iterator<Item = f64>, margin: f64) -> Self {
        let range =
            values.map(|value| (value, value)).reduce(|(low, high), (value, _)| (low.min(value), high.max(value)));
        let (low, high) = range.unwrap_or((0.0, 0.0));
        Self::new(low - margin * (high - low), high + margin * (high - low))
    }

    /// The same axis with a tick every `step` at the most, unless that leaves none.
    fn at_least_every(self, step: f64) -> Self {
        let wider = Self { step: step.max(self.step), digits: self.digits.min(0), ..self };
        if wider.ticks().next().is_some() { wider } else { self }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let first = (self.low / self.step).ceil();
        // Adding 0 makes a negative 0 positive.
        (0..20).map(move |tick| (first + f64::from(tick)) * self.step + 0.0).take_while(|tick| *tick <= self.high)
    }

    /// How a tick is written.
    fn label(&self, tick: f64) -> String {
        let size = self.low.abs().max(self.high.abs());
        if tick == 0.0 {
            "0".to_owned()
        } else if (1e-3..1e6).contains(&size) {
            format!("{tick:.*}", self.digits.max(0).unsigned_abs() as usize)
        } else {
            // An exponent has three digits at most.
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
        // No lines stand between the ticks.
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

    fn line(name: &str, points: &[(f64, f64)]) -> Line {
        Line { name: name.to_owned(), points: points.to_vec() }
    }

    fn panel(title: &str, lines: Vec<Line>) -> Panel {
        Panel { title: title.to_owned(), lines }
    }

    /// The opening tags of `svg` for an element in a colour.
    fn elements<'a>(svg: &'a str, element: &str, RGBColor(red, green, blue): RGBColor) -> Vec<&'a str> {
        let (start, colour) = (format!("<{element} "), format!("\"#{red:02X}{green:02X}{blue:02X}\""));
        svg.lines().filter(|line| line.starts_with(&start) && line.contains(&colour)).collect()
    }

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

    #[test]
    fn a_value_that_is_not_finite_leaves_a_gap_and_a_lone_point_is_a_dot() {
        let points =
            [(1.0, 0.5), (2.0, 0.4), (3.0, f64::NAN), (4.0, 0.3), (5.0, f64::INFINITY), (6.0, 0.3), (7.0, 1e300)];
        let svg = curves_svg(&[panel("Loss", vec![line("train", &points)])]).unwrap();
        assert_eq!(elements(&svg, "polyline", COLOURS[0]).len(), 1);
        assert_eq!(elements(&svg, "circle", COLOURS[0]).len(), 2);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn several_lines_have_a_legend_and_one_has_none() {
        let lines =
            |count| ["<train>", "test & more", "third"][..count].iter().map(|name| line(name, &[(1.0, 1.0)])).collect();
        let svg = |count| curves_svg(&[panel("Loss", lines(count))]).unwrap();
        assert!(!svg(1).contains("train"));
        assert!(svg(3).contains("&lt;train&gt;") && svg(3).contains("test &amp; more"));
        assert_eq!(elements(&svg(3), "polyline", COLOURS[2]).len(), 1);
    }

    #[test]
    fn names_that_do_not_fit_stand_in_the_next_row() {
        let long = "a name that goes on and on";
        let places = panel("Loss", ["a", long, long, "b"].map(|name| line(name, &[])).into()).legend_places();
        assert_eq!(places.iter().map(|(_, y)| y / LEGEND_ROW).collect::<Vec<_>>(), [0, 0, 1, 1]);
        assert_eq!(panel("Loss", vec![line(&"long ".repeat(100), &[])]).legend_places(), []);
    }

    #[test]
    fn panels_stand_two_by_two_and_empty_ones_are_drawn() {
        let size = |panels: usize| {
            let svg = curves_svg(&(0..panels).map(|_| panel("Loss", Vec::new())).collect::<Vec<_>>()).unwrap();
            svg.split('"').skip(3).step_by(2).take(2).map(|side| side.parse().unwrap()).collect::<Vec<f64>>()
        };
        let [width, height] = size(1)[..] else { panic!("a picture has two sides") };
        assert_eq!(
            [size(2), size(3), size(100)],
            [[2.0, 1.0], [2.0, 2.0], [2.0, 50.0]].map(|[x, y]| vec![x * width, y * height])
        );
    }

    #[test]
    fn what_no_drawing_can_show_is_an_error() {
        assert!(curves_svg(&[]).is_err());
        assert!(curves_svg(&(0..101).map(|_| panel("", Vec::new())).collect::<Vec<_>>()).is_err());
        assert!(curves_svg(&[panel("", (0..101).map(|_| line("", &[])).collect())]).is_err());
    }
}
