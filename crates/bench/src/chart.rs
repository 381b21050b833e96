//! Charts of cost against size as SVG: both axes logarithmic, readable on light and on dark pages.

use std::fmt::Write as _;

use crate::figures::show;

/// Lines over one pair of axes.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Above everything.
    pub title: String,
    /// What grows to the right.
    pub across: String,
    /// What grows upwards.
    pub up: String,
    /// Lines with their names; points from left to right, all above zero.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 200.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 52.0;
/// The least distance of two names at the ends of lines.
const APART: f64 = 15.0;
/// Names have a rim in the colour of the page: lines pass below them.
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#374151}.t{font-size:15px;font-weight:600;fill:#111827}\
    .g{stroke:#e5e7eb}.l{fill:none;stroke-width:2}.p0{--c:#2563eb}.p1{--c:#b45309}.p2{--c:#047857}.p3{--c:#be185d}\
    .p4{--c:#6d28d9}.p5{--c:#0e7490}.p6{--c:#4d7c0f}.p7{--c:#b91c1c}.l{stroke:var(--c)}.d{fill:var(--c)}.n{fill:var(--c);\
    paint-order:stroke;stroke:#fff;stroke-width:4px}.b{fill:#fff}\
    @media(prefers-color-scheme:dark){text{fill:#d1d5db}.t{fill:#f9fafb}.g{stroke:#374151}.b{fill:#111827}.n{stroke:#111827}\
    .p0{--c:#60a5fa}.p1{--c:#fbbf24}.p2{--c:#34d399}.p3{--c:#f472b6}.p4{--c:#a78bfa}.p5{--c:#22d3ee}.p6{--c:#a3e635}\
    .p7{--c:#f87171}}";

/// The powers of ten around values.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) = values.fold((f64::MAX, f64::MIN), |(least, most), value| {
        (least.min(value.log10().floor()), most.max(value.log10().ceil()))
    });
    if least < most { (least, most) } else { (least, least + 1.0) }
}

impl Chart {
    /// The picture; none without points.
    #[must_use]
    pub fn svg(&self) -> Option<String> {
        let points = || self.lines.iter().flat_map(|line| &line.1);
        points().next()?;
        let across = decades(points().map(|point| point.0));
        let up = decades(points().map(|point| point.1));
        let x =
            |value: f64| LEFT + (value.log10() - across.0) / (across.1 - across.0) * (WIDTH - LEFT - RIGHT);
        let y =
            |value: f64| HEIGHT - BOTTOM - (value.log10() - up.0) / (up.1 - up.0) * (HEIGHT - TOP - BOTTOM);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{0}\"><style>{STYLE}</style>\n<rect class=\"b\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\
             <text class=\"t\" x=\"{LEFT}\" y=\"26\">{0}</text>\n",
            self.title
        );
        let mut decade = across.0;
        while decade <= across.1 {
            let at = x(10_f64.powf(decade));
            let (bottom, label) = (HEIGHT - BOTTOM, plain(10_f64.powf(decade)));
            let _ = writeln!(
                out,
                "<path class=\"g\" d=\"M{at:.1} {TOP}V{bottom}\"/><text x=\"{at:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">{label}</text>",
                bottom + 18.0
            );
            decade += 1.0;
        }
        decade = up.0;
        while decade <= up.1 {
            let at = y(10_f64.powf(decade));
            let (end, label) = (WIDTH - RIGHT, plain(10_f64.powf(decade)));
            let _ = writeln!(
                out,
                "<path class=\"g\" d=\"M{LEFT} {at:.1}H{end}\"/><text x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{label}</text>",
                LEFT - 8.0,
                at + 4.0
            );
            decade += 1.0;
        }
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text><text x=\"14\" y=\"{:.1}\" \
             text-anchor=\"middle\" transform=\"rotate(-90 14 {:.1})\">{}</text>",
            f64::midpoint(LEFT, WIDTH - RIGHT),
            HEIGHT - 12.0,
            self.across,
            f64::midpoint(TOP, HEIGHT - BOTTOM),
            f64::midpoint(TOP, HEIGHT - BOTTOM),
            self.up
        );
        self.draw(&mut out, &x, &y);
        out.push_str("</svg>\n");
        Some(out)
    }

    fn draw(&self, out: &mut String, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) {
        let mut names = Vec::new();
        for (number, (name, points)) in self.lines.iter().enumerate() {
            let Some(last) = points.last() else { continue };
            let class = number % 8;
            let path: Vec<String> =
                points.iter().map(|point| format!("{:.1} {:.1}", x(point.0), y(point.1))).collect();
            let _ = write!(out, "<g class=\"p{class}\"><path class=\"l\" d=\"M{}\"/>", path.join("L"));
            for point in points {
                let (at, height) = (x(point.0), y(point.1));
                let shown = format!("{name}: {}", show(point.1));
                let _ = write!(
                    out,
                    "<circle class=\"d\" cx=\"{at:.1}\" cy=\"{height:.1}\" r=\"3.5\"><title>{shown}</title></circle>"
                );
            }
            out.push_str("</g>\n");
            names.push((y(last.1), x(last.0), class, name));
        }
        // Names that would cover each other move down, in the order of their lines.
        names.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut free = f64::MIN;
        for (height, at, class, name) in names {
            let height = height.max(free);
            free = height + APART;
            let _ = writeln!(
                out,
                "<g class=\"p{class}\"><text class=\"n\" x=\"{:.1}\" y=\"{:.1}\">{name}</text></g>",
                at + 10.0,
                height + 4.0
            );
        }
    }
}

/// A power of ten without superfluous zeros.
fn plain(value: f64) -> String {
    if value < 1.0 { format!("{value}") } else { show(value).trim_end_matches(".00").replace(".0", "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_line_for_each_series() {
        let line =
            |name: &str, factor: f64| (name.to_owned(), [1.0, 10.0, 100.0].map(|x| (x, x * factor)).to_vec());
        let mut chart = Chart {
            title: "Cost".to_owned(),
            across: "members".to_owned(),
            up: "ms".to_owned(),
            lines: vec![line("one", 0.5), line("two", 2.0)],
        };
        let svg = chart.svg().unwrap_or_default();
        assert_eq!((svg.matches("class=\"l\"").count(), svg.matches("<circle").count()), (2, 6));
        // Both axes have it, as it is said.
        assert_eq!(svg.matches(">10</text>").count(), 2);
        chart.lines.clear();
        assert_eq!(chart.svg(), None);
    }
}
