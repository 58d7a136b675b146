//! Transfers: REFER to somebody else, to a ring group, to nobody, or to oneself, in the dialog or outside of it; or to whom the phone talks
//! with in another call. Executed, passed on or refused, as the trunk has it.

use super::{Part, Verb};
use tandem_phone::{Act, Edit, Refer, When};

pub(super) const VERB: Verb = Verb { percent: 8, most: 2, draw, forgives: &[] };

/// Who gets a REFER that was passed on may obey.
pub(super) const OBEY: Verb = Verb { percent: 10, most: 1, draw: obey, forgives: &[] };

fn draw(part: &mut Part<'_>) {
    let user = part.dice.pick(&["alice", "bob", "carol", "dora", "erin", "two", "echo", "barred", "nowhere", "all", "hunt", "turns"]);
    let host = if part.own.is_ipv4() { "10.0.0.1" } else { "[fd00::1]" };
    let to = part.dice.pick(&[format!("sip:{user}@{host}"), format!("sip:{user}@{host}"), "tel:+4930".into()]);
    let mut refer = Refer::to(&to);
    if part.dice.chance(10) {
        refer = refer.edit(Edit::add("Refer-Sub", "false")).edit(Edit::add("Supported", "norefersub"));
    }
    if part.dice.chance(10) {
        part.script.habits.notify_status = part.dice.pick(&[404, 481, 489, 500, 603]);
    }
    let act = match part.dice.below(10) {
        0..6 => Act::Refer(refer),
        6..8 => Act::ReferOutside(refer),
        _ => Act::Attended,
    };
    part.step(When::Confirmed, act);
}

fn obey(part: &mut Part<'_>) {
    part.script.habits.obeys_refer = true;
}
