//! What a phone does in a call: how it begins and ends here, what happens meanwhile in `verbs`.

use crate::{
    dice::Dice,
    forgiven::Forgiven,
    meddle,
    verbs::{self, Part},
    world::World,
};
use std::net::SocketAddr;
use tandem_phone::{Act, Body, Edit, Place, Reply, Role, Script, When, sdp::Format};
use tandem_sim::Sim;

/// Routes that ring several.
const RINGS: [&str; 5] = ["all", "all-unheard", "all-direct", "hunt", "turns"];

/// Whom somebody calls.
const CALLED: [&str; 22] = [
    "bob",
    "bob",
    "bob",
    "alice",
    "carol",
    "dora",
    "erin",
    "two",
    "two",
    "brief",
    "law",
    "echo",
    "tone",
    "barred",
    "nowhere",
    "nobody",
    "all",
    "all",
    "all-unheard",
    "all-direct",
    "hunt",
    "turns",
];

/// Somebody calls somebody; `also` is drawn besides.
pub(crate) fn call(dice: &mut Dice, sim: &mut Sim, own: SocketAddr, forgiven: &mut Forgiven, also: impl FnOnce(&mut Dice, &mut Place)) {
    let mut place = caller(dice, sim, own, forgiven.world, forgiven);
    also(dice, &mut place);
    if place.uri.contains("direct@") {
        sim.may_tell_addresses();
    }
    forgiven.rings |= RINGS.iter().any(|group| place.uri.contains(&format!(":{group}@")));
    sim.place_with(own, place);
}

/// A call and what the caller does in it.
fn caller(dice: &mut Dice, sim: &Sim, own: SocketAddr, world: World, forgiven: &mut Forgiven) -> Place {
    let mut place = Place::new(&sim.uri(own, dice.pick(&CALLED)));
    place.late = dice.chance(15);
    if dice.chance(15) {
        place.formats = Some(dice.pick(&[
            vec![Format::pcma()],
            vec![Format::new(9, "G722/8000"), Format::pcmu(), Format::events(97)],
            vec![Format::new(18, "G729/8000")],
            vec![Format::new(110, "PCMU/8000"), Format::events(101)],
        ]));
    }
    if dice.chance(5) {
        place.edits.push(dice.pick(&[
            Edit::set("Max-Forwards", "0"),
            Edit::set("Require", "nothing-known"),
            Edit::remove("Contact"),
            Edit::set("Content-Type", "text/plain"),
        ]));
    }
    if !place.edits.is_empty() || place.late {
        forgiven.broken();
    }
    let mut part = Part { dice, own, role: Role::Caller, world, script: Script::new(), forgiven };
    let moments = [When::Start, When::Status(100), When::Status(180), When::Status(183), When::Answered];
    if part.dice.chance(30) {
        let moment = part.dice.pick(&moments);
        part.step(moment, Act::Cancel);
    }
    if part.dice.chance(5) {
        part.step(When::Status(180), Act::Bye);
    }
    verbs::draw(&mut part);
    if place.uri.contains(":tone@") {
        // Fifty packets a second, which teach nothing after the first few.
        let soon = part.dice.below(1_000);
        part.step_after(When::Confirmed, soon, Act::Bye);
    } else if part.dice.chance(60) {
        part.step(When::Confirmed, Act::Bye);
    }
    place.script = part.finish();
    place
}

/// How a phone treats whoever calls it from now on.
pub(crate) fn callee(dice: &mut Dice, own: SocketAddr, world: World, forgiven: &mut Forgiven) -> Script {
    let mut part = Part { dice, own, role: Role::Callee, world, script: Script::new(), forgiven };
    replies(&mut part);
    verbs::draw(&mut part);
    if world == World::Meddling {
        meddle::habits(part.dice, &mut part.script.habits);
    }
    if part.dice.chance(40) {
        part.step(When::Confirmed, Act::Bye);
    }
    part.forgiven.slowness(&part.script);
    part.finish()
}

fn replies(part: &mut Part<'_>) {
    let (dice, mut script) = (&mut *part.dice, std::mem::take(&mut part.script));
    let mut at = 0;
    if dice.chance(30) {
        script = script.reply(at, 100);
    }
    for _ in 0..dice.below(3) {
        at += dice.pause();
        let mut reply = Reply::new(dice.pick(&[180, 180, 181, 183]));
        if dice.chance(30) {
            reply.body = Body::Sdp;
        }
        if dice.chance(10) {
            reply.fork = 1;
        }
        script = script.reply_with(at, reply);
    }
    at += dice.pause();
    let status = if dice.chance(75) { 200 } else { dice.pick(&[302, 404, 408, 480, 486, 487, 488, 500, 503, 600, 603]) };
    let mut last = Reply::new(status);
    last.contact = dice.chance(10).then(|| moved(part.own));
    if part.world == World::Demanding && dice.chance(25) {
        last = elsewhere(dice);
    }
    if part.world == World::Meddling && dice.chance(10) {
        last = elsewhere(dice);
    }
    if dice.chance(10) {
        last.fork = 1;
    }
    if dice.chance(95) {
        script = script.reply_with(at, last);
    }
    part.script = script;
}

/// Another port of the same phone.
pub(crate) fn moved(own: SocketAddr) -> String {
    format!("sip:moved@{}", SocketAddr::new(own.ip(), 5099))
}

/// Calls somebody else, or nobody, or the core itself.
fn elsewhere(dice: &mut Dice) -> Reply {
    let places =
        ["sip:one@10.0.3.1", "sip:two@10.0.3.1;q=0.3", "sip:three@10.0.2.1", "sip:x@10.0.99.1", "sip:bob@10.0.0.1", "sips:s@10.0.3.1"];
    let odd =
        ["tel:+4930", "sip:tcp@10.0.3.1;transport=tcp", "sip:six@[fd00:0:0:4::1]", "sip:@", "sip:ports@10.0.3.1:0", "sip:a@name.example"];
    let count = 1 + dice.below(12);
    let contacts: Vec<_> = (0..count)
        .map(|_| format!("<{}>;q=0.{}", if dice.chance(80) { dice.pick(&places) } else { dice.pick(&odd) }, dice.below(10)))
        .collect();
    Reply::new(dice.pick(&[300, 301, 302, 302, 399])).edit(Edit::set("Contact", &contacts.join(", ")))
}
