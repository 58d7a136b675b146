//! Transfers: REFER to somebody else, to a ring group, to nobody, or to oneself; executed where the trunk allows it.

use super::{Part, Verb};
use tandem_phone::{Act, Refer, When};

pub(super) const VERB: Verb = Verb { percent: 8, most: 2, draw, forgives: &[] };

fn draw(part: &mut Part<'_>) {
    let user = part.dice.pick(&["alice", "bob", "carol", "dora", "erin", "two", "echo", "barred", "nowhere", "all", "hunt", "turns"]);
    let host = if part.own.is_ipv4() { "10.0.0.1" } else { "[fd00::1]" };
    let to = part.dice.pick(&[format!("sip:{user}@{host}"), format!("sip:{user}@{host}"), "tel:+4930".into()]);
    part.step(When::Confirmed, Act::Refer(Refer::to(&to)));
}
