//! Charts of throughput and latency over calls in flight, as SVG, for light and for dark pages.

use std::{
    fmt::{self, Write},
    fs, io,
    path::Path,
};

use crate::{measure::Row, report::amount};

/// The scenario whose rows are drawn, and the one whose rows are drawn too if they are there.
pub const OF: &str = "commands";
const AND: &str = "peers";

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 520.0;
/// The plot, from its left to its right, and from its top to its bottom.
const X: [f64; 2] = [96.0, 668.0];
const Y: [f64; 2] = [78.0, 444.0];
/// So far apart are two labels at the ends of lines.
const LABEL: f64 = 17.0;

/// The colours on a light page and on a dark one: of ours, of the bare loop, and of others in their order.
const COLOURS: [(&str, &str); 9] = [
    ("#0b63ce", "#6cb2ff"),
    ("#6b7280", "#a3abb8"),
    ("#c2410c", "#ff9d66"),
    ("#15803d", "#5fd38a"),
    ("#7e22ce", "#cf9bff"),
    ("#be123c", "#ff8fa5"),
    ("#0e7490", "#5cd0e6"),
    ("#854d0e", "#e3b341"),
    ("#9d174d", "#f48fc4"),
];

/// Draws `throughput.svg` and `latency.svg` from the rows of each scenario.
pub fn draw(dir: &Path, measured: &[(&str, &[Row])]) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let of = |name| measured.iter().find(|(scenario, _)| *scenario == name).map_or(&[][..], |(_, rows)| rows);
    fs::write(dir.join("throughput.svg"), throughput(of(OF), of(AND)).to_string())?;
    fs::write(dir.join("latency.svg"), latency(of(OF)).to_string())
}

fn throughput<'r>(commands: &'r [Row], peers: &'r [Row]) -> Chart<'r> {
    let ours = points(commands, "", "");
    let bare = ours.iter().filter_map(|point| Some(Point::at(point.x, point.row.reference?.1, point.row)));
    let bare: Vec<_> = bare.collect();
    let mut lines = vec![
        Line { label: "memstate", colour: 0, of: ours, dashed: false },
        Line { label: "bare loop", colour: 1, of: bare, dashed: true },
    ];
    for (what, _) in peers.iter().filter_map(|row| row.reference) {
        if lines.iter().all(|line| line.label != what) {
            let theirs = points(peers, &format!("{what}_"), "").into_iter();
            let theirs =
                theirs.filter_map(|point| Some(Point::at(point.x, point.row.reference?.1, point.row)));
            let colour = lines.len().min(COLOURS.len() - 1);
            lines.push(Line { label: what, colour, of: theirs.collect(), dashed: false });
        }
    }
    Chart {
        title: "Durable commands a second, by calls in flight",
        about: "Medians; the marks of memstate reach from the least to the most of the rounds. Both axes are logarithmic.",
        unit: "commands/s",
        tick: amount,
        lines,
    }
}

fn latency(commands: &[Row]) -> Chart<'_> {
    let bare = commands.iter().find(|row| row.name == "lone_p50");
    let bare = bare.and_then(|row| Some(Point::at(1.0, row.reference?.1, row)));
    Chart {
        title: "Latency of a durable command, by calls in flight",
        about: "Medians; the marks reach from the least to the most of the rounds. Both axes are logarithmic.",
        unit: "from call to reply",
        tick: micros,
        lines: vec![
            Line { label: "99 of 100 within", colour: 2, of: points(commands, "", "_p99"), dashed: false },
            Line { label: "half within", colour: 0, of: points(commands, "", "_p50"), dashed: false },
            Line { label: "bare loop", colour: 1, of: bare.into_iter().collect(), dashed: true },
        ],
    }
}

/// The rows of this name for each number of calls in flight, least first.
fn points<'r>(rows: &'r [Row], before: &str, after: &str) -> Vec<Point<'r>> {
    let point = |row: &'r Row| {
        let in_flight = row.name.strip_prefix(before)?.strip_prefix("in_flight_")?.strip_suffix(after)?;
        let (least, most) = (row.min, row.max);
        Some(Point { range: Some((least, most)), ..Point::at(in_flight.parse().ok()?, row.value, row) })
    };
    let mut points: Vec<Point> = rows.iter().filter_map(point).collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    points
}

fn micros(value: f64) -> String {
    match value {
        ..1e3 => format!("{} µs", amount_of_tick(value)),
        ..1e6 => format!("{} ms", amount_of_tick(value / 1e3)),
        _ => format!("{} s", amount_of_tick(value / 1e6)),
    }
}

/// One, ten and a hundred without the digits behind the point.
fn amount_of_tick(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { amount(value) }
}

struct Point<'r> {
    /// Calls in flight.
    x: f64,
    y: f64,
    /// The least and the most.
    range: Option<(f64, f64)>,
    row: &'r Row,
}

impl<'r> Point<'r> {
    fn at(x: f64, y: f64, row: &'r Row) -> Self {
        Point { x, y, range: None, row }
    }
}

struct Line<'r> {
    label: &'r str,
    colour: usize,
    of: Vec<Point<'r>>,
    dashed: bool,
}

struct Chart<'r> {
    title: &'static str,
    about: &'static str,
    unit: &'static str,
    /// A value in words.
    tick: fn(f64) -> String,
    lines: Vec<Line<'r>>,
}

/// Where values are on an axis: their logarithms from the first to the last, between two coordinates.
struct Axis {
    values: [f64; 2],
    at: [f64; 2],
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let [first, last] = self.values.map(f64::ln);
        let [from, to] = self.at;
        from + (value.ln() - first) / (last - first).max(f64::EPSILON) * (to - from)
    }
}

impl Chart<'_> {
    fn points(&self) -> impl Iterator<Item = &Point<'_>> {
        self.lines.iter().flat_map(|line| &line.of)
    }

    fn axes(&self) -> (Axis, Axis) {
        let most_in_flight = self.points().map(|point| point.x).fold(2.0, f64::max);
        let values = || {
            self.points()
                .flat_map(|point| [Some(point.y), point.range.map(|r| r.0), point.range.map(|r| r.1)])
        };
        let least = values().flatten().fold(f64::INFINITY, f64::min);
        let most = values().flatten().fold(f64::MIN_POSITIVE, f64::max);
        let decade = |value: f64, up: bool| {
            let power = value.log10();
            10_f64.powf(if up { power.ceil() } else { power.floor() })
        };
        let (bottom, top) = (decade(least.min(most), false), decade(most * 1.01, true));
        (Axis { values: [1.0, most_in_flight], at: X }, Axis { values: [bottom, top], at: [Y[1], Y[0]] })
    }

    /// Where the labels of the lines are: beside their last points, moved apart where they would cover each other.
    fn labels(&self, y: &Axis) -> Vec<(&Line<'_>, f64)> {
        let end = |line: &Line| Some(y.place(line.of.last()?.y));
        let mut labels: Vec<_> = self.lines.iter().filter_map(|line| Some((line, end(line)?))).collect();
        labels.sort_by(|a, b| a.1.total_cmp(&b.1));
        for index in 1..labels.len() {
            labels[index].1 = labels[index].1.max(labels[index - 1].1 + LABEL);
        }
        // Those that were moved below the plot come up again, and lift others.
        let mut lowest = Y[1] + 4.0;
        for (_, at) in labels.iter_mut().rev() {
            *at = at.min(lowest);
            lowest = *at - LABEL;
        }
        labels
    }
}

impl fmt::Display for Chart<'_> {
    fn fmt(&self, svg: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (x, y) = self.axes();
        let title = escaped(self.title);
        writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title about">"#
        )?;
        writeln!(svg, r#"<title id="title">{title}</title>"#)?;
        writeln!(svg, r#"<desc id="about">{}</desc>"#, escaped(self.about))?;
        style(svg)?;
        writeln!(svg, r#"<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="8"/>"#)?;
        writeln!(svg, r#"<text class="title" x="24" y="34">{title}</text>"#)?;
        self.grid(svg, &x, &y)?;
        for line in &self.lines {
            line.draw(svg, &x, &y, self.tick)?;
        }
        for (line, at) in self.labels(&y) {
            let Some(last) = line.of.last() else { continue };
            let (from, to) = (x.place(last.x), y.place(last.y));
            let colour = line.colour;
            // A point alone has its label beneath, out of the way of the lines that begin there, and the rest have theirs at the margin.
            let left = if line.of.len() == 1 { from + 8.0 } else { X[1] + 26.0 };
            let at = if line.of.len() == 1 { to + LABEL } else { at };
            if line.of.len() > 1 {
                writeln!(
                    svg,
                    r#"<path class="lead c{colour}" d="M{:.1} {to:.1}L{:.1} {at:.1}"/>"#,
                    from + 7.0,
                    left - 4.0
                )?;
            }
            writeln!(
                svg,
                r#"<text class="label t{colour}" x="{left:.1}" y="{:.1}">{}</text>"#,
                at + 4.5,
                escaped(line.label)
            )?;
        }
        writeln!(svg, r#"<text class="about" x="24" y="{}">{}</text>"#, HEIGHT - 14.0, escaped(self.about))?;
        writeln!(svg, "</svg>")
    }
}

impl Chart<'_> {
    fn grid(&self, svg: &mut impl Write, x: &Axis, y: &Axis) -> fmt::Result {
        let [left, right] = X;
        let [top, bottom] = Y;
        let mut decade = y.values[0];
        while decade <= y.values[1] * 1.001 {
            let at = y.place(decade);
            writeln!(svg, r#"<path class="grid" d="M{left} {at:.1}H{right}"/>"#)?;
            let text =
                if self.unit == "commands/s" { amount_of_tick_apart(decade) } else { (self.tick)(decade) };
            writeln!(
                svg,
                r#"<text class="tick" text-anchor="end" x="{}" y="{:.1}">{text}</text>"#,
                left - 10.0,
                at + 4.0
            )?;
            decade *= 10.0;
        }
        let mut in_flight: Vec<f64> = self.points().map(|point| point.x).collect();
        in_flight.sort_by(f64::total_cmp);
        in_flight.dedup();
        for value in in_flight {
            let at = x.place(value);
            writeln!(svg, r#"<path class="grid" d="M{at:.1} {top}V{bottom}"/>"#)?;
            let text = amount_of_tick_apart(value);
            writeln!(
                svg,
                r#"<text class="tick" text-anchor="middle" x="{at:.1}" y="{}">{text}</text>"#,
                bottom + 18.0
            )?;
        }
        let middle = f64::midpoint(left, right);
        writeln!(
            svg,
            r#"<text class="axis" text-anchor="middle" x="{middle}" y="{}">calls in flight</text>"#,
            bottom + 36.0
        )?;
        writeln!(svg, r#"<text class="axis" x="24" y="{}">{}</text>"#, top - 12.0, escaped(self.unit))
    }
}

/// A whole number with its thousands apart.
fn amount_of_tick_apart(value: f64) -> String {
    if value < 1_000.0 { amount_of_tick(value) } else { amount(value) }
}

impl Line<'_> {
    fn draw(&self, svg: &mut impl Write, x: &Axis, y: &Axis, words: fn(f64) -> String) -> fmt::Result {
        let colour = self.colour;
        let mut path = String::new();
        for point in &self.of {
            let letter = if path.is_empty() { 'M' } else { 'L' };
            write!(path, "{letter}{:.1} {:.1}", x.place(point.x), y.place(point.y))?;
        }
        let dashed = if self.dashed { " dashed" } else { "" };
        let main = if colour == 0 { " main" } else { "" };
        if self.of.len() > 1 {
            writeln!(svg, r#"<path class="line c{colour}{dashed}{main}" d="{path}"/>"#)?;
        }
        for point in &self.of {
            let (at, value) = (x.place(point.x), y.place(point.y));
            if let Some((least, most)) = point.range
                && self.label != "bare loop"
            {
                writeln!(
                    svg,
                    r#"<path class="range c{colour}" d="M{at:.1} {:.1}V{:.1}"/>"#,
                    y.place(least),
                    y.place(most)
                )?;
            }
            let said =
                format!("{}, {} in flight: {}", self.label, amount_of_tick_apart(point.x), words(point.y));
            writeln!(
                svg,
                r#"<circle class="point p{colour}" cx="{at:.1}" cy="{value:.1}" r="4"><title>{}</title></circle>"#,
                escaped(&said)
            )?;
        }
        Ok(())
    }
}

fn style(svg: &mut impl Write) -> fmt::Result {
    let colours = |dark: bool| {
        let mut rules = String::new();
        for (index, (on_light, on_dark)) in COLOURS.iter().enumerate() {
            let colour = if dark { on_dark } else { on_light };
            let _ = write!(rules, ".c{index}{{stroke:{colour}}}.p{index},.t{index}{{fill:{colour}}}");
        }
        rules
    };
    writeln!(
        svg,
        "<style>\
         text{{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:13px}}\
         .title{{font-size:17px;font-weight:600}}.label{{font-weight:600}}.about{{font-size:12px}}\
         .grid{{stroke-width:1;fill:none}}.line{{fill:none;stroke-width:2;stroke-linejoin:round}}.main{{stroke-width:3.5}}\
         .dashed{{stroke-dasharray:6 4}}.range{{stroke-width:6;stroke-opacity:.35;fill:none}}.lead{{stroke-width:1;stroke-opacity:.6;fill:none}}\
         .page{{fill:#fff}}.title{{fill:#111827}}.tick,.axis,.about{{fill:#4b5563}}.grid{{stroke:#e5e7eb}}.point{{stroke:#fff;stroke-width:1.5}}{}\
         @media(prefers-color-scheme:dark){{\
         .page{{fill:#0d1117}}.title{{fill:#f0f3f6}}.tick,.axis,.about{{fill:#aab4c0}}.grid{{stroke:#262d36}}.point{{stroke:#0d1117}}{}}}\
         </style>",
        colours(false),
        colours(true)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
