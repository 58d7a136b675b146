//! Who sent what to whom, drawn for a terminal.

use crate::log::Escaped;
use std::fmt;
use tandem_model::Timestamp;

/// Columns between two lines of life.
const SPAN: usize = 30;
/// Columns before the first.
const MARGIN: usize = 14;

/// Participants side by side and the messages between them, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    participants: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    at: Timestamp,
    from: usize,
    /// The same as `from` for what happens at one place.
    to: usize,
    text: String,
}

impl Ladder {
    /// The column of `name`, which is added on the right when it is new.
    pub fn participant(&mut self, name: &str) -> usize {
        self.participants.iter().position(|known| known == name).unwrap_or_else(|| {
            self.participants.push(name.to_owned());
            self.participants.len() - 1
        })
    }

    /// `from` sent `text` to `to`, by column.
    pub fn message(&mut self, at: Timestamp, from: usize, to: usize, text: impl Into<String>) {
        self.steps.push(Step { at, from, to, text: text.into() });
    }

    /// Something happened at `place`.
    pub fn note(&mut self, at: Timestamp, place: usize, text: impl Into<String>) {
        self.message(at, place, place, text);
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = self.steps.iter().map(|step| step.at).min().unwrap_or_default();
        let names: String = self.participants.iter().map(|name| format!("{:<SPAN$}", Escaped(name).to_string())).collect();
        writeln!(f, "{:MARGIN$}{}", "", names.trim_end())?;
        let mut steps: Vec<&Step> = self.steps.iter().collect();
        steps.sort_by_key(|step| step.at);
        for step in steps {
            let line = self.draw(step);
            writeln!(f, "{:>9.3} ms  {}", step.at.since(begin).as_secs_f64() * 1000.0, line.trim_end())?;
        }
        Ok(())
    }
}

impl Ladder {
    fn draw(&self, step: &Step) -> String {
        let mut line: Vec<char> =
            (0..self.participants.len()).flat_map(|_| std::iter::once('│').chain(std::iter::repeat_n(' ', SPAN - 1))).collect();
        let text: Vec<char> = Escaped(&step.text).to_string().chars().collect();
        if step.from == step.to {
            let start = step.from * SPAN + 2;
            line.truncate(start);
            line.extend(text);
            return line.into_iter().collect();
        }
        let (left, right) = (step.from.min(step.to) * SPAN + 1, step.from.max(step.to) * SPAN);
        let Some(shaft) = line.get_mut(left..right) else { return String::new() };
        shaft.fill('─');
        let (head, end) = if step.from < step.to { ('▶', shaft.len() - 1) } else { ('◀', 0) };
        shaft[end] = head;
        let room = shaft.len().saturating_sub(4);
        let shown = text.len().min(room);
        let start = (shaft.len() - shown) / 2;
        shaft[start..start + shown].copy_from_slice(&text[..shown]);
        if start > 1 {
            shaft[start - 1] = ' ';
        }
        if start + shown < shaft.len() - 1 {
            shaft[start + shown] = ' ';
        }
        line.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_go_from_sender_to_receiver() {
        let mut ladder = Ladder::default();
        let [a, b, c] = ["alice", "tandem", "bob"].map(|name| ladder.participant(name));
        ladder.message(Timestamp::from_millis(1000), a, b, "INVITE");
        ladder.message(Timestamp::from_millis(1001), b, c, "INVITE");
        ladder.message(Timestamp::from_millis(1002), c, b, "180 Ringing");
        ladder.note(Timestamp::from_millis(1003), b, "ended");
        let expected = "\
\u{20}             alice                         tandem                        bob
    0.000 ms  │────────── INVITE ──────────▶│                             │
    1.000 ms  │                             │────────── INVITE ──────────▶│
    2.000 ms  │                             │◀─────── 180 Ringing ────────│
    3.000 ms  │                             │ ended
";
        let shown = ladder.to_string();
        assert_eq!(shown.replace(' ', "·"), expected.replace(' ', "·"), "\n{shown}");
    }

    #[test]
    fn text_from_the_wire_cannot_draw_outside_of_its_place() {
        let mut ladder = Ladder::default();
        let [a, b] = ["a\x1b[2J", "b"].map(|name| ladder.participant(name));
        ladder.message(Timestamp::ZERO, b, a, format!("200 {}\r\n", "x".repeat(500)));
        let shown = ladder.to_string();
        assert!(shown.lines().count() == 2 && !shown.contains(['\x1b', '\r']), "{shown}");
    }
}
