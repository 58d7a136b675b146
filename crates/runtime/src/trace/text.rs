//! A trace for a terminal.

use super::{Direction, Trace, US};
use crate::ladder::Ladder;
use tandem_model::Timestamp;

impl Trace {
    /// The ladder as text: who sent what to whom, with a column for each address, and milliseconds from the first step.
    pub fn to_text(&self) -> String {
        let mut ladder = Ladder::default();
        for column in self.columns() {
            ladder.participant(column);
        }
        let us = ladder.participant(US);
        let begin = self.steps.iter().map(|step| step.unix_us).min().unwrap_or_default();
        for step in &self.steps {
            let at = Timestamp::from_micros(u64::try_from(step.unix_us - begin).unwrap_or_default());
            let Some(ends) = &step.ends else {
                ladder.note(at, us, step.summary.as_str());
                continue;
            };
            let peer = ladder.participant(&ends.peer);
            let (from, to) = if step.direction == Direction::Received { (peer, us) } else { (us, peer) };
            ladder.message(at, from, to, step.summary.as_str());
        }
        let cut = if self.complete { "" } else { "What was sent later is not known: a leg of another call came to this one.\n" };
        format!("{}\n{ladder}{cut}", self.call)
    }
}
