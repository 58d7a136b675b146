//! What phones do in a call beside beginning and ending it: one file a verb.

mod hold;
mod refer;
mod reliable;
mod requests;
mod update;

use crate::{dice::Dice, forgiven::Forgiven, habits, world::World};
use std::net::SocketAddr;
use tandem_phone::{Act, Role, Script, When};

/// All of them. To add one: a file with a `VERB`, and a line here.
const VERBS: &[Verb] = &[hold::VERB, refer::VERB, refer::OBEY, reliable::VERB, requests::VERB, update::VERB];

/// Something that a phone does in a call.
pub(crate) struct Verb {
    /// How many of a hundred scripts have it.
    pub(crate) percent: u64,
    /// How often such a script has it at most.
    pub(crate) most: u64,
    /// Adds it to the script.
    pub(crate) draw: fn(&mut Part<'_>),
    /// Rules of the phones that it makes others seem to break, though every message arrives. Those that only some of what is drawn breaks
    /// are told to `Part::forgiven`.
    pub(crate) forgives: &'static [&'static str],
}

/// The script of one phone as it is drawn.
pub(crate) struct Part<'a> {
    pub(crate) dice: &'a mut Dice,
    /// Whose it is.
    pub(crate) own: SocketAddr,
    #[expect(dead_code, reason = "for verbs that only one side has")]
    pub(crate) role: Role,
    pub(crate) world: World,
    pub(crate) script: Script,
    pub(crate) forgiven: &'a mut Forgiven,
}

impl Part<'_> {
    /// One more step, at a time of its own.
    pub(crate) fn step(&mut self, when: When, act: Act) {
        let after = self.dice.pause();
        self.step_after(when, after, act);
    }

    pub(crate) fn step_after(&mut self, when: When, after_ms: u64, act: Act) {
        self.script = std::mem::take(&mut self.script).step(when, after_ms, act);
    }

    /// With the habits that the phone has.
    pub(crate) fn finish(mut self) -> Script {
        habits::draw(self.dice, &mut self.script.habits);
        self.forgiven.habits(&self.script.habits);
        self.script
    }
}

pub(crate) fn draw(part: &mut Part<'_>) {
    for verb in VERBS {
        if !part.dice.chance(verb.percent) {
            continue;
        }
        for _ in 0..1 + part.dice.below(verb.most) {
            (verb.draw)(part);
        }
        verb.forgives.iter().for_each(|rule| part.forgiven.rule(rule));
    }
}
