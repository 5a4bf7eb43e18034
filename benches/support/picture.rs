//! Results as a picture: SVG that is read on a light page and on a dark one.

use super::report::number;

const WIDTH: f64 = 800.0;

/// Colours by what they mean: ours and what it is compared with, and those of curves.
const STYLE: &str = "
  text { font: 13px sans-serif; fill: #555; stroke: none }
  .title { font-weight: bold }
  .grid { stroke: #8884; fill: none }
  .bar { fill: #8a94a3 }
  .ours { fill: #2f81c7 }
  .curve { fill: none; stroke-width: 2.5 }
  .c0 { stroke: #2f81c7 } .c1 { stroke: #d9822b } .c2 { stroke: #3f9e5c } .c3 { stroke: #b05cc0 } .c4 { stroke: #c0504d }
  text.c0 { fill: #2f81c7 } text.c1 { fill: #d9822b } text.c2 { fill: #3f9e5c } text.c3 { fill: #b05cc0 }
  text.c4 { fill: #c0504d } text.curve { stroke: none }
  @media (prefers-color-scheme: dark) { text { fill: #bbb } }
";

/// One bar.
pub struct Bar<'a> {
    pub name: &'a str,
    pub value: f64,
    pub ours: bool,
}

/// Bars below each other, as long as their values, the longest last.
pub fn bars(title: &str, mut bars: Vec<Bar>) -> String {
    bars.sort_by(|one, other| one.value.total_cmp(&other.value));
    let (left, line) = (250.0, 24.0);
    let longest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let mut body = text((8.0, 20.0), "start", "title", title);
    for (place, bar) in bars.iter().enumerate() {
        let top = 34.0 + line * place as f64;
        let length = (WIDTH - left - 70.0) * bar.value / longest;
        let class = if bar.ours { "ours" } else { "bar" };
        body += &text((left - 8.0, top + 13.0), "end", "", bar.name);
        body += &format!(
            "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{length:.1}\" height=\"16\" rx=\"2\"/>\n"
        );
        body += &text(
            (left + length + 6.0, top + 13.0),
            "start",
            "",
            &number(bar.value),
        );
    }
    svg(44.0 + line * bars.len() as f64, &body)
}

/// One line of a diagram.
pub struct Curve {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// The diagram within its picture: left, top, width and height.
const FRAME: (f64, f64, f64, f64) = (70.0, 36.0, 580.0, 300.0);

/// Curves over each other; ten times as much is always as far away. Their names stand beside their ends.
pub fn curves(title: &str, curves: &[Curve]) -> String {
    let (left, top, width, height) = FRAME;
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let x = Axis::over(points().map(|(x, _)| *x));
    let y = Axis::over(points().map(|(_, y)| *y));
    let across = |value| left + width * x.place(value);
    let up = |value| top + height * (1.0 - y.place(value));
    let mut body = text((8.0, 20.0), "start", "title", title);
    for tick in x.ticks() {
        body += &line("grid", &[(across(tick), top), (across(tick), top + height)]);
        body += &text(
            (across(tick), top + height + 18.0),
            "middle",
            "",
            &number(tick),
        );
    }
    for tick in y.ticks() {
        body += &line("grid", &[(left, up(tick)), (left + width, up(tick))]);
        body += &text((left - 8.0, up(tick) + 4.0), "end", "", &power(tick));
    }
    let mut ends = Vec::new();
    for (place, curve) in curves.iter().enumerate() {
        let class = format!("curve c{place}");
        let points = curve.points.iter().map(|(x, y)| (across(*x), up(*y)));
        let points: Vec<(f64, f64)> = points.collect();
        body += &line(&class, &points);
        let end = points.last().map_or(0.0, |(_, y)| *y);
        ends.push((end, class, curve.name));
    }
    body += &beside(left + width + 10.0, ends);
    svg(top + height + 30.0, &body)
}

/// Names beside the ends of their curves, none over another.
fn beside(x: f64, mut ends: Vec<(f64, String, &str)>) -> String {
    ends.sort_by(|(one, ..), (other, ..)| one.total_cmp(other));
    let (mut body, mut free) = (String::new(), 0.0);
    for (end, class, name) in ends {
        let y = f64::max(end + 4.0, free);
        body += &text((x, y), "start", &class, name);
        free = y + 16.0;
    }
    body
}

/// From one power of ten to another.
struct Axis {
    first: i32,
    last: i32,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone) -> Axis {
        let smallest = values.clone().fold(f64::INFINITY, f64::min);
        let largest = values.fold(0.0, f64::max);
        Axis {
            first: smallest.log10().floor() as i32,
            last: largest.log10().ceil() as i32,
        }
    }

    /// Where on the axis a value is, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value.log10() - f64::from(self.first)) / f64::from(self.last - self.first)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.first..=self.last).map(|power| 10f64.powi(power))
    }
}

/// A power of ten, with commas.
fn power(value: f64) -> String {
    match value {
        millions if millions >= 1e6 => format!("{},000,000", millions / 1e6),
        thousands if thousands >= 1e3 => format!("{},000", thousands / 1e3),
        small => small.to_string(),
    }
}

fn line(class: &str, points: &[(f64, f64)]) -> String {
    let points: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    format!(
        "<polyline class=\"{class}\" points=\"{}\"/>\n",
        points.join(" ")
    )
}

fn text((x, y): (f64, f64), anchor: &str, class: &str, text: &str) -> String {
    format!(
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
    )
}

fn svg(height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\">\n<style>{STYLE}</style>\n{body}</svg>\n"
    )
}
