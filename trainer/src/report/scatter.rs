//! A scatter plot of latents, coloured by class.

use std::fmt::Write;

use anyhow::{Result, bail, ensure};
use plotters::prelude::*;

use super::chart::{Axis, BELOW, LEFT, LEGEND_ROW, RIGHT, chart, legend_name, legend_width, svg};

/// The approximate number of latents in a drawing.
const LATENTS: usize = 5000;
/// Latents per layer. Dots of one colour in a layer are one element: small enough to keep the
/// drawing order and to let overlapping dots grow denser.
const LAYER: usize = 250;
/// The lowest and the highest of this many latents are outliers and do not scale the axes.
const OUTLIER_FRACTION: usize = 500;
/// The free space at either end of an axis, relative to the range.
const MARGIN: f64 = 0.06;
const ABOVE: i32 = 180;
const NAMES: [&str; 3] = ["z1", "z2", "z3"];

const COLOURS: [RGBColor; 10] = [
    RGBColor(78, 121, 167),
    RGBColor(242, 142, 43),
    RGBColor(225, 87, 89),
    RGBColor(118, 183, 178),
    RGBColor(89, 161, 79),
    RGBColor(237, 201, 72),
    RGBColor(176, 122, 161),
    RGBColor(255, 157, 167),
    RGBColor(156, 117, 95),
    RGBColor(121, 112, 110),
];

/// An SVG of `latents` (`[count, latent]`), dots coloured by class: `labels` (`[count]`) index
/// `classes`. From the eleventh class on, colours repeat. Two latent dimensions make one square,
/// three make three: z1 and z2, z1 and z3, z2 and z3. All axes have the same scale and span 99.6 %
/// of the latents plus a margin; others, and those that are not finite, are left out. Of more than
/// 5,000 latents about 5,000 are shown, evenly from each class. Fails for another `latent`, for
/// lengths that do not match it, and for a label without a class.
pub fn scatter_svg(latents: &[f32], latent: usize, labels: &[u8], classes: &[&str]) -> Result<String> {
    let planes: &[[usize; 2]] = match latent {
        2 => &[[0, 1]],
        3 => &[[0, 1], [0, 2], [1, 2]],
        _ => bail!("a scatter plot can show 2 or 3 latent dimensions, not {latent}"),
    };
    ensure!(
        Some(latents.len()) == labels.len().checked_mul(latent),
        "{} labels of {latent} latent dimensions have {} numbers, not {}",
        labels.len(),
        latents.len(),
        labels.len().saturating_mul(latent)
    );
    ensure!(classes.len() <= 256, "a scatter plot can show 256 classes at most, not {}", classes.len());
    if let Some(label) = labels.iter().find(|label| usize::from(**label) >= classes.len()) {
        bail!("a latent has the label {label}, but there are {} classes", classes.len());
    }

    let value = |index: usize, dimension: usize| f64::from(latents[index * latent + dimension]);
    // Every n-th latent of a class keeps the share of the class, whatever the order.
    let mut seen = [0; 256];
    let shown: Vec<usize> = (0..labels.len())
        .filter(|&index| {
            let before = &mut seen[usize::from(labels[index])];
            *before += 1;
            (*before - 1) * LATENTS % labels.len() < LATENTS
        })
        .filter(|&index| (0..latent).all(|dimension| value(index, dimension).is_finite()))
        .collect();
    let axes = axes((0..latent).map(|dimension| shown.iter().map(|&index| value(index, dimension)).collect()));

    let side = if planes.len() == 1 { 4200 } else { 3000 };
    let panel = LEFT + side + RIGHT;
    let panels = panel * i32::try_from(planes.len())?;
    let rows = side / LEGEND_ROW;
    let name_width = classes.iter().map(|name| legend_width(name)).max().unwrap_or(0);
    let legend = name_width * i32::try_from(classes.len().div_ceil(rows.unsigned_abs() as usize))?;
    svg([panels + legend, ABOVE + side + BELOW], |root| {
        for ((name, colour), place) in classes.iter().zip(COLOURS.iter().cycle()).zip(0..) {
            let (x, y) = (panels + place / rows * name_width, ABOVE + place % rows * LEGEND_ROW + LEGEND_ROW / 2);
            root.draw(&Circle::new((x + 60, y), 50, colour.filled()))?;
            root.draw(&legend_name(name, (x + 170, y)))?;
        }
        let mut dots =
            String::from("<g fill=\"none\" stroke-width=\"42\" stroke-linecap=\"round\" stroke-opacity=\"0.75\">\n");
        for (&[x, y], left) in planes.iter().zip((0..).step_by(panel.unsigned_abs() as usize)) {
            let area = root.clone().shrink((left, ABOVE), (LEFT + side, side + BELOW));
            let chart = chart(&area, [axes[x], axes[y]], [NAMES[x], NAMES[y]])?;
            for round in shown.chunks(LAYER) {
                for (colour, RGBColor(red, green, blue)) in COLOURS.iter().enumerate() {
                    // A zero-length line with round caps is a dot.
                    let lines: String = round
                        .iter()
                        .filter(|&&index| usize::from(labels[index]) % COLOURS.len() == colour)
                        .map(|&index| (value(index, x), value(index, y)))
                        .filter(|latent| axes[x].range().contains(&latent.0) && axes[y].range().contains(&latent.1))
                        .map(|latent| chart.backend_coord(&latent))
                        .map(|(x, y)| format!("M{x} {y}h0"))
                        .collect();
                    if !lines.is_empty() {
                        writeln!(dots, "<path stroke=\"#{red:02x}{green:02x}{blue:02x}\" d=\"{lines}\"/>")?;
                    }
                }
            }
        }
        dots.push_str("</g>\n");
        Ok(dots)
    })
}

/// An axis for each latent dimension, all of one length.
fn axes(dimensions: impl Iterator<Item = Vec<f64>>) -> Vec<Axis> {
    let ranges: Vec<[f64; 2]> = dimensions
        .map(|mut values| {
            values.sort_unstable_by(f64::total_cmp);
            let outside = values.len() / OUTLIER_FRACTION;
            [values.get(outside), values.iter().nth_back(outside)].map(|value| value.copied().unwrap_or(0.0))
        })
        .collect();
    let length = ranges.iter().map(|[low, high]| high - low).fold(0.0, f64::max) * (1.0 + 2.0 * MARGIN);
    let beside = if length == 0.0 { 1.0 } else { length / 2.0 };
    ranges
        .iter()
        .map(|[low, high]| f64::midpoint(*low, *high))
        .map(|middle| Axis::new(middle - beside, middle + beside))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The colour and position of the dots in `svg`, in drawing order.
    fn dots(svg: &str) -> Vec<(&str, [i32; 2])> {
        let paths = svg
            .lines()
            .filter_map(|line| line.strip_prefix("<path stroke=\"")?.strip_suffix("h0\"/>")?.split_once("\" d=\"M"));
        let place = |dot: &str| {
            let (x, y) = dot.split_once(' ').unwrap();
            [x, y].map(|number| number.parse().unwrap())
        };
        paths.flat_map(|(colour, path)| path.split("h0M").map(move |dot| (colour, place(dot)))).collect()
    }

    fn square(count: usize, latent: usize, classes: usize) -> (Vec<f32>, Vec<u8>) {
        let latents = (0..count * latent).map(|index| (index * 7919 % 1009) as f32 / 1009.0).collect();
        (latents, (0..count).map(|index| u8::try_from(index % classes).unwrap()).collect())
    }

    #[test]
    fn a_code_is_a_dot_in_the_colour_of_its_class_and_axes_have_one_scale() {
        let svg = scatter_svg(&[0.0, 0.0, 2.0, 0.0, 0.0, 1.0], 2, &[0, 1, 10], &["a"; 11]).unwrap();
        let [(first, origin), (third, above), (second, right)] = dots(&svg)[..] else { panic!("there are three dots") };
        assert_eq!([first, second, third], ["#4e79a7", "#f28e2b", "#4e79a7"]);
        let [across, down] = [right[0] - origin[0], origin[1] - above[1]];
        assert!(right[1] == origin[1] && above[0] == origin[0] && across.abs_diff(2 * down) <= 2, "{across} by {down}");
    }

    #[test]
    fn three_dimensions_are_three_squares() {
        let svg = scatter_svg(&[0.0, 0.1, 0.2, 1.0, 0.9, 0.8], 3, &[0, 0], &["a"]).unwrap();
        assert_eq!(dots(&svg).len(), 3 * 2);
        assert_eq!(["z1", "z2", "z3"].map(|name| svg.lines().filter(|line| *line == name).count()), [2, 2, 2]);
    }

    #[test]
    fn many_codes_make_a_small_file_that_keeps_every_class() {
        for (latent, classes) in [(2, 1), (2, 2), (3, 10), (2, 256)] {
            let (latents, labels) = square(20_000, latent, classes);
            let names = vec!["class"; classes];
            let svg = scatter_svg(&latents, latent, &labels, &names).unwrap();
            let shown = dots(&svg);
            let panels = if latent == 2 { 1 } else { 3 };
            assert!((4500 * panels..=(LATENTS + classes) * panels).contains(&shown.len()), "{} dots", shown.len());
            for RGBColor(red, green, blue) in &COLOURS[..classes.min(10)] {
                let colour = format!("#{red:02x}{green:02x}{blue:02x}");
                assert!(shown.iter().any(|(other, _)| *other == colour));
            }
            assert!(svg.len() < 300_000, "{} bytes", svg.len());
        }
        let (latents, labels) = square(400, 2, 3);
        assert_eq!(dots(&scatter_svg(&latents, 2, &labels, &["a"; 3]).unwrap()).len(), 400);
    }

    #[test]
    fn outliers_and_what_is_not_finite_do_not_squeeze_the_others() {
        let (mut latents, labels) = square(2000, 2, 4);
        let bounds = |latents: &[f32]| {
            let svg = scatter_svg(latents, 2, &labels, &["a"; 4]).unwrap();
            let shown = dots(&svg);
            let across =
                shown.iter().map(|(_, [x, _])| *x).max().unwrap() - shown.iter().map(|(_, [x, _])| *x).min().unwrap();
            (shown.len(), across)
        };
        let (all, width) = bounds(&latents);
        latents[..8].copy_from_slice(&[1e30, 0.5, f32::MAX, 0.5, f32::NAN, 0.5, f32::INFINITY, 0.5]);
        let (inner, inner_width) = bounds(&latents);
        assert_eq!((all, inner), (2000, 1996));
        assert!(inner_width.abs_diff(width) < 100, "{inner_width} instead of {width}");
    }

    #[test]
    fn codes_that_are_all_the_same_or_none_are_drawn() {
        for value in [0.0, 5.0, 1e-40, f32::MAX, f32::NAN] {
            let svg = scatter_svg(&[value; 6], 3, &[0, 0], &["a"]).unwrap();
            assert_eq!(dots(&svg).len(), if value.is_nan() { 0 } else { 6 }, "{value}");
        }
        assert_eq!(dots(&scatter_svg(&[], 2, &[], &[]).unwrap()), []);
    }

    #[test]
    fn the_legend_has_the_names_as_they_are() {
        let svg = scatter_svg(&[], 2, &[], &["T-shirt & top", "<b>"]).unwrap();
        assert!(svg.contains("T-shirt &amp; top") && svg.contains("&lt;b&gt;"));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert!(scatter_svg(&[0.0; 4], 1, &[0; 4], &["a"]).is_err());
        assert!(scatter_svg(&[0.0; 4], 4, &[0], &["a"]).is_err());
        assert!(scatter_svg(&[0.0; 5], 2, &[0; 2], &["a"]).is_err());
        assert!(scatter_svg(&[0.0; 4], 2, &[0, 1], &["a"]).is_err());
        assert!(scatter_svg(&[0.0; 2], 2, &[0], &["a"; 257]).is_err());
    }
}
