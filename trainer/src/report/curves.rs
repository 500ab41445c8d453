//! Loss curves. All lengths are in tenths of a pixel, as plotters rounds coordinates to integers.

use anyhow::{Result, ensure};
use plotters::prelude::*;

use super::chart::{
    Area, Axis, BELOW, INK, LEFT, LEGEND_ROW, PLOT, RIGHT, chart, legend_name, legend_width, svg, text,
};

/// The most panels of a drawing, and the most lines of a panel.
const MOST: usize = 100;
/// Height of the title above the legend or plot.
const TITLE: i32 = 380;

/// The colour-blind safe palette of Okabe and Ito, without the yellow that is invisible on white.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    BLACK,
];

pub struct Panel {
    pub title: String,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub name: String,
    /// Epoch (possibly fractional) and value, ordered by epoch.
    pub points: Vec<(f64, f64)>,
}

/// An SVG of `panels` in two columns with a common epoch axis. Panels of several lines have a
/// legend. Points beyond float32 leave a gap; isolated points are dots. Fails without panels, for
/// more than 100, and for more than 100 lines in one.
pub fn curves_svg(panels: &[Panel]) -> Result<String> {
    ensure!((1..=MOST).contains(&panels.len()), "a drawing can show 1 to {MOST} panels, not {}", panels.len());
    for Panel { title, lines } in panels {
        ensure!(lines.len() <= MOST, "the panel {title:?} can show {MOST} lines at most, not {}", lines.len());
    }
    let epochs = Axis::around(panels.iter().flat_map(Panel::points).map(|(epoch, _)| epoch), 0.02).at_least_every(1.0);
    // Panels in a row share the height of the larger legend.
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
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.lines.iter().flat_map(|line| &line.points).copied().filter(is_shown)
    }

    /// The positions of legend entries below the title; none for a single line.
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

    fn draw_legend(&self, area: &Area<'_>) -> Result<()> {
        let title = text(135).style(FontStyle::Bold).color(&INK);
        area.draw(&Text::new(self.title.as_str(), (0, 120), title))?;
        for ((line, colour), (x, y)) in self.lines.iter().zip(COLOURS.iter().cycle()).zip(self.legend_places()) {
            area.draw(&PathElement::new([(x, TITLE + y), (x + 180, TITLE + y)], colour.stroke_width(20)))?;
            area.draw(&legend_name(&line.name, (x + 240, TITLE + y)))?;
        }
        Ok(())
    }

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

/// Whether a point fits float32. Distances between such points are finite in float64.
fn is_shown((epoch, value): &(f64, f64)) -> bool {
    epoch.abs() <= f64::from(f32::MAX) && value.abs() <= f64::from(f32::MAX)
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

    /// The opening tags of elements of a colour in `svg`.
    fn elements<'a>(svg: &'a str, element: &str, RGBColor(red, green, blue): RGBColor) -> Vec<&'a str> {
        let (start, colour) = (format!("<{element} "), format!("\"#{red:02X}{green:02X}{blue:02X}\""));
        svg.lines().filter(|line| line.starts_with(&start) && line.contains(&colour)).collect()
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
        let [width, height] = size(1)[..] else { panic!("an image has two sides") };
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
