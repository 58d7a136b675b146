//! Who sent what to whom, with times.

use crate::Message;
use std::fmt;
use tandem_model::Timestamp;

/// Steps that a ladder keeps; what comes after them is only counted.
pub const MAX_STEPS: usize = 4096;

/// Columns wide enough for `200 OK (INVITE, SDP)` on the arrow.
const COLUMN: usize = 30;

/// One arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Column that it leaves.
    pub from: usize,
    /// Column that it points to.
    pub to: usize,
    /// What is written on it.
    pub label: String,
}

/// A sequence chart: one column a participant, one line a message, the clock at the left.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    participants: Vec<String>,
    steps: Vec<Step>,
    left_out: usize,
}

impl Ladder {
    /// With these columns from left to right.
    pub fn new<'a>(participants: impl IntoIterator<Item = &'a str>) -> Ladder {
        Ladder { participants: participants.into_iter().map(str::to_owned).collect(), ..Ladder::default() }
    }

    /// One more column at the right.
    pub fn add(&mut self, name: &str) -> usize {
        self.participants.push(name.to_owned());
        self.participants.len() - 1
    }

    /// The names of the columns.
    pub fn participants(&self) -> impl Iterator<Item = &str> {
        self.participants.iter().map(String::as_str)
    }

    /// Draws an arrow.
    pub fn record(&mut self, at: Timestamp, from: usize, to: usize, label: impl Into<String>) {
        if self.steps.len() < MAX_STEPS {
            self.steps.push(Step { at, from, to, label: label.into() });
        } else {
            self.left_out += 1;
        }
    }

    /// Draws an arrow for a datagram of signalling.
    pub fn record_datagram(&mut self, at: Timestamp, from: usize, to: usize, bytes: &[u8]) {
        self.record(at, from, to, label(bytes));
    }

    /// The arrows so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Takes the arrows away, for the next chart.
    pub fn clear(&mut self) {
        self.steps.clear();
        self.left_out = 0;
    }
}

/// What an arrow says: the message in a word, or how many bytes it is that are none. Control characters are shown as
/// escapes, so that a terminal never obeys the wire.
pub fn label(bytes: &[u8]) -> String {
    let text = match Message::parse(bytes) {
        Ok(message) => message.label(),
        Err(_) => format!("{} bytes", bytes.len()),
    };
    text.chars().flat_map(|one| if one.is_control() { one.escape_default().collect::<Vec<_>>() } else { vec![one] }).collect()
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let began = self.steps.first().map_or(Timestamp::ZERO, |step| step.at);
        write!(f, "{:>10} ", "ms")?;
        for name in &self.participants {
            write!(f, "{name:^COLUMN$}")?;
        }
        writeln!(f)?;
        for step in &self.steps {
            let micros = step.at.since(began).as_micros();
            write!(f, "{:>6}.{:03} ", micros / 1000, micros % 1000)?;
            writeln!(f, "{}", self.line(step).trim_end())?;
        }
        if self.left_out > 0 {
            writeln!(f, "{:>10} … and {} more", "", self.left_out)?;
        }
        Ok(())
    }
}

impl Ladder {
    fn line(&self, step: &Step) -> String {
        let centre = |column: usize| column * COLUMN + COLUMN / 2;
        let mut cells = vec![' '; self.participants.len() * COLUMN];
        for column in 0..self.participants.len() {
            cells[centre(column)] = '│';
        }
        let (left, right) = (centre(step.from.min(step.to)), centre(step.from.max(step.to)));
        if left == right || right >= cells.len() {
            return cells.into_iter().collect::<String>() + &step.label;
        }
        cells[left + 1..right].fill('─');
        if step.from < step.to {
            cells[right - 1] = '▶';
        } else {
            cells[left + 1] = '◀';
        }
        let room = right - left - 5;
        let text: Vec<char> = step.label.chars().take(room).collect();
        let begin = left + 1 + (right - left - 1 - text.len()) / 2;
        cells[begin..begin + text.len()].copy_from_slice(&text);
        cells.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_point_and_carry_their_words() {
        let mut ladder = Ladder::new(["alice", "tandem", "bob"]);
        ladder.record(Timestamp::from_millis(5), 0, 1, "INVITE (SDP)");
        ladder.record(Timestamp::from_micros(6250), 1, 0, "100 Trying (INVITE)");
        ladder.record(Timestamp::from_millis(7), 2, 1, "\u{1b}[2J");
        let text = ladder.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("     0.000") && lines[1].contains("INVITE (SDP)─") && lines[1].contains('▶'), "{text}");
        assert!(lines[2].contains("     1.250") && lines[2].contains("│◀") && lines[2].contains("100 Trying (INVITE)"), "{text}");
        assert_eq!(label(b"\x1b[2J"), "4 bytes");
    }
}
