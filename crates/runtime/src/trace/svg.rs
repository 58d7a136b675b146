//! A trace as a picture: a ladder with a line for each address, that reads on light and on dark pages.

use super::{Direction, Step, Trace, US};
use crate::log::Escaped;
use std::fmt::{self, Write};

/// Between two lines of life, and before the first.
const SPAN: usize = 260;
const MARGIN: usize = 110;
/// Above the first step, and from one to the next.
const TOP: usize = 60;
const ROW: usize = 28;

/// Characters that are shown of what stands over an arrow.
const MAX_LETTERS: usize = 34;

/// Steps that are drawn; who wants more reads the trace itself.
const MAX_STEPS: usize = 2000;

const STYLE: &str = "svg{background:#fff;font:13px system-ui,sans-serif}text{fill:#1b1f24}line,path{stroke:#57606a;fill:none}\
.life{stroke:#d0d7de}.in,.in path{stroke:#0a5bd0}.out,.out path{stroke:#1a7f37}.in polygon{fill:#0a5bd0}.out polygon{fill:#1a7f37}.time,.note{fill:#57606a}.time{font-size:11px}.bad text{fill:#b3261e}\
@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.life{stroke:#30363d}.time,.note{fill:#9da7b3}\
.in,.in path{stroke:#6cb0ff}.out,.out path{stroke:#56d364}.in polygon{fill:#6cb0ff}.out polygon{fill:#56d364}.bad text{fill:#ff8f87}}";

/// Text between tags and in attributes: of the wire, or of somebody who wants to write tags.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in Escaped(self.0).to_string().chars() {
            match letter {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

impl Trace {
    /// The ladder as an SVG picture: who sent what to whom, with a line of life for each address. The whole of a message is the title of
    /// its arrow.
    pub fn to_svg(&self) -> String {
        let columns = self.columns();
        let drawn = &self.steps[..self.steps.len().min(MAX_STEPS)];
        let left_out = self.steps.len() - drawn.len();
        let (width, bottom) = (2 * MARGIN + SPAN * columns.len().saturating_sub(1), TOP + ROW * (drawn.len() + 1));
        let mut svg = String::new();
        // Writing to a String does not fail.
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\
             <title>{call}</title><style>{STYLE}</style>",
            height = bottom + ROW,
            call = self.call,
        );
        for (index, column) in columns.iter().enumerate() {
            let x = MARGIN + SPAN * index;
            let _ = write!(
                svg,
                "<text x=\"{x}\" y=\"24\" text-anchor=\"middle\">{}</text><line class=\"life\" x1=\"{x}\" y1=\"34\" x2=\"{x}\" y2=\"{bottom}\"/>",
                Plain(column)
            );
        }
        let begin = self.steps.iter().map(|step| step.unix_us).min().unwrap_or_default();
        for (row, step) in drawn.iter().enumerate() {
            let _ = write!(svg, "{}", Row { step, columns: &columns, y: TOP + ROW * row, begin });
        }
        if left_out > 0 {
            let _ = write!(svg, "<text class=\"note\" x=\"{MARGIN}\" y=\"{bottom}\">{left_out} more</text>");
        }
        svg.push_str("</svg>\n");
        svg
    }
}

struct Row<'a> {
    step: &'a Step,
    columns: &'a [&'a str],
    y: usize,
    begin: i64,
}

impl Row<'_> {
    fn x(&self, column: &str) -> usize {
        MARGIN + SPAN * self.columns.iter().position(|known| *known == column).unwrap_or_default()
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, us) = (self.y, self.x(US));
        write!(f, "<text class=\"time\" x=\"4\" y=\"{}\">{:.3} s</text>", y + 4, (self.step.unix_us - self.begin) as f64 / 1e6)?;
        let shown: String = self.step.summary.chars().take(MAX_LETTERS).collect();
        let Some(ends) = &self.step.ends else {
            return write!(f, "<text class=\"note\" x=\"{}\" y=\"{}\">{}</text>", us + 8, y + 4, Plain(&shown));
        };
        let peer = self.x(&ends.peer);
        let (class, from, to) = match self.step.direction {
            Direction::Received => ("in", peer, us),
            Direction::Sent | Direction::Inside => ("out", us, peer),
        };
        let bad = if self.step.summary.starts_with(['4', '5', '6']) { " bad" } else { "" };
        let tip = if to > from { to - 8 } else { to + 8 };
        write!(
            f,
            "<g class=\"{class}{bad}\"><title>{} {}\n{}</title><path d=\"M{from} {y}H{tip}\"/><polygon points=\"{to},{y} {tip},{} {tip},{}\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>",
            ends.transport,
            Plain(&ends.peer),
            Whole(&self.step.sip),
            y - 4,
            y + 4,
            from.midpoint(to),
            y - 5,
            Plain(&shown)
        )
    }
}

/// A message with its line ends.
struct Whole<'a>(&'a [u8]);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(self.0).lines().try_for_each(|line| writeln!(f, "{}", Plain(line)))
    }
}
