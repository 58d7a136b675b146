//! What phones try that know each other's dialogs: to refer them, from inside and from outside, to take their places, to subscribe to what
//! there is not; while everybody changes sessions and hangs up.

use crate::{dice::Dice, forgiven::Forgiven, world::PHONES};
use std::net::SocketAddr;
use tandem_phone::{Act, Body, Call, Edit, Habits, Offer, Place, Refer, Reply, Request, Script, sdp::Direction};
use tandem_sim::{Sim, ms};

type Trick = fn(&mut Dice, &mut Sim, (SocketAddr, usize)) -> Option<()>;

const TRICKS: &[Trick] = &[
    refer_blind,
    refer_blind,
    refer_attended,
    refer_attended,
    refer_attended,
    take_place,
    take_place,
    subscribe,
    subscribe,
    hold,
    hang_up,
    call_more,
];

/// Whom a call is sent to.
const TARGETS: [&str; 12] = ["alice", "bob", "carol", "dora", "erin", "two", "all", "all", "hunt", "turns", "echo", "barred"];

/// A few of them, close together.
pub(crate) fn draw(dice: &mut Dice, sim: &mut Sim, forgiven: &mut Forgiven) {
    for _ in 0..dice.below(8) {
        let all = live(sim);
        if all.is_empty() {
            return;
        }
        let (who, trick) = (dice.pick(&all), dice.pick(TRICKS));
        trick(dice, sim, who);
        let pause = if dice.chance(70) { ms(dice.below(150)) } else { dice.span() };
        sim.run_for(pause);
    }
    if dice.chance(5) {
        sim.core_mut().letters_lost = vec![dice.pick(&["who-faces", "faces", "replace"])];
        forgiven.unpredictable = true;
    }
}

/// What re-INVITEs and UPDATEs get that answers nothing, once or more often; who carries REFERs out, and who wants no NOTIFY.
pub(crate) fn habits(dice: &mut Dice, habits: &mut Habits) {
    if dice.chance(15) {
        let nothing = Reply { body: Body::None, ..Reply::new(200) };
        let odd = Reply::new(200).edit(Edit::Body("application/sdp".into(), b"v=0\r\n".to_vec()));
        let replies = [nothing, odd, Reply::new(488), Reply::new(491), Reply::new(500), Reply::new(200)];
        let after = dice.span();
        habits.reoffers = (0..1 + dice.below(4)).map(|_| (after, dice.pick(&replies))).collect();
    }
    habits.obeys_refer |= dice.chance(30);
    if dice.chance(5) {
        habits.notify_status = dice.pick(&[481, 500, 408, 489]);
    }
}

/// Everybody's calls that go on.
fn live(sim: &Sim) -> Vec<(SocketAddr, usize)> {
    let calls = PHONES.into_iter().flat_map(|phone| (0..sim.phone(phone).calls().len()).map(move |call| (phone, call)));
    calls.filter(|(phone, call)| sim.phone(*phone).call(*call).outcome.is_none()).collect()
}

/// Somebody's call, of whoever it is, ended or not.
fn any<'s>(dice: &mut Dice, sim: &'s Sim, own: SocketAddr) -> Option<&'s Call> {
    let phone = if dice.chance(60) { own } else { dice.pick(&PHONES) };
    let calls = sim.phone(phone).calls();
    (!calls.is_empty()).then(|| &calls[dice.below(calls.len() as u64) as usize])
}

fn uri(own: SocketAddr, user: &str) -> String {
    format!("sip:{user}@{}", if own.is_ipv4() { "10.0.0.1" } else { "[fd00::1]" })
}

/// The name of a dialog, as the phone tells it to us, or as we would to it.
fn name(dice: &mut Dice, call: &Call) -> Option<String> {
    let mut named = call.replaces()?;
    if dice.chance(30) {
        named = named.replace("to-tag", "x").replace("from-tag", "to-tag").replace(";x=", ";from-tag=");
    }
    if dice.chance(20) {
        named.push_str(";early-only");
    }
    Some(named)
}

fn escaped(value: &str) -> String {
    value.replace(';', "%3B").replace('=', "%3D").replace('@', "%40")
}

fn send_refer(dice: &mut Dice, sim: &mut Sim, (phone, call): (SocketAddr, usize), mut refer: Refer) -> Option<()> {
    if dice.chance(15) {
        refer.edits.push(Edit::add("Refer-Sub", "false"));
    }
    if dice.chance(50) {
        sim.act_in(phone, call, Act::Refer(refer));
        return Some(());
    }
    let called = sim.phone(phone).call(call).call_id.clone();
    let another = any(dice, sim, phone)?.target_dialog()?;
    let other_id = another.split(';').next()?.to_owned();
    if dice.chance(30) {
        let edit = dice.pick(&[
            Edit::set("Target-Dialog", &another),
            Edit::set("Call-ID", &called),
            Edit::set("Call-ID", &other_id),
            Edit::set("Contact", "<sip:carol@10.0.3.1>"),
            Edit::set("Contact", "<sip:bob@10.0.0.1>"),
            Edit::set("Contact", "<sips:bob@10.0.2.1>"),
            Edit::set("Contact", "<tel:+4930>"),
            Edit::remove("Contact"),
            Edit::set("CSeq", "1 REFER"),
            Edit::set("CSeq", "2147483648 REFER"),
            Edit::set("CSeq", "4294967295 REFER"),
            Edit::add("Record-Route", "<sip:10.0.0.1;lr>"),
            Edit::add("Record-Route", "<sip:nobody@10.0.99.1;lr>"),
            Edit::add("Require", "tdialog"),
            Edit::set("Max-Forwards", "0"),
            Edit::set("From", "<sip:x@10.0.0.1>"),
            Edit::Uri(uri(phone, "nobody")),
        ]);
        refer.edits.push(edit);
    }
    let copies = if dice.chance(10) { 12 } else { 1 };
    for _ in 0..copies {
        sim.act_in(phone, call, Act::ReferOutside(refer.clone()));
    }
    Some(())
}

fn refer_blind(dice: &mut Dice, sim: &mut Sim, who: (SocketAddr, usize)) -> Option<()> {
    let refer = Refer::to(&uri(who.0, dice.pick(&TARGETS)));
    send_refer(dice, sim, who, refer)
}

fn refer_attended(dice: &mut Dice, sim: &mut Sim, who: (SocketAddr, usize)) -> Option<()> {
    let named = any(dice, sim, who.0)?;
    let named = name(dice, named)?;
    let user = dice.pick(&TARGETS);
    let refer = Refer::to(&format!("{}?Replaces={}", uri(who.0, user), escaped(&named)));
    send_refer(dice, sim, who, refer)
}

fn take_place(dice: &mut Dice, sim: &mut Sim, (phone, _): (SocketAddr, usize)) -> Option<()> {
    let named = any(dice, sim, phone)?;
    let named = name(dice, named)?;
    let from = dice.pick(&PHONES);
    let mut place = Place::new(&uri(from, dice.pick(&TARGETS))).edit(Edit::add("Replaces", &named));
    if dice.chance(30) {
        place = place.edit(Edit::add("Require", "replaces"));
    }
    place.late = dice.chance(30);
    sim.place_with(from, place.script(Script::new()));
    Some(())
}

fn subscribe(dice: &mut Dice, sim: &mut Sim, (phone, call): (SocketAddr, usize)) -> Option<()> {
    let calls = sim.phone(phone).calls();
    let asides: Vec<usize> = (0..calls.len()).filter(|call| calls[*call].is_aside()).collect();
    let place = if asides.is_empty() { call } else { dice.pick(&asides) };
    for _ in 0..1 + dice.below(4) {
        let event = dice.pick(&["refer", "refer", "refer;id=1", "refer;id=2", "dialog"]);
        let mut edits = vec![Edit::set("Event", event), Edit::set("Contact", &format!("<sip:x@{phone}>"))];
        if dice.chance(50) {
            edits.push(Edit::set("Expires", dice.pick(&["0", "1", "60", "4294967295", "x"])));
        }
        let method = dice.pick(&["SUBSCRIBE", "SUBSCRIBE", "SUBSCRIBE", "BYE", "REFER", "INFO"]).to_owned();
        sim.act_in(phone, place, Act::Request(Request { method, edits }));
    }
    Some(())
}

fn hold(dice: &mut Dice, sim: &mut Sim, (phone, call): (SocketAddr, usize)) -> Option<()> {
    let offer = Offer::direction(dice.pick(&[Direction::SendOnly, Direction::SendRecv, Direction::Inactive]));
    let act = if dice.chance(50) { Act::Reinvite(offer) } else { Act::Update(offer) };
    sim.act_in(phone, call, act);
    if dice.chance(20) {
        sim.act_in(phone, call, Act::Cancel);
    }
    Some(())
}

fn hang_up(dice: &mut Dice, sim: &mut Sim, (phone, call): (SocketAddr, usize)) -> Option<()> {
    sim.act_in(phone, call, dice.pick(&[Act::Bye, Act::Cancel]));
    Some(())
}

fn call_more(dice: &mut Dice, sim: &mut Sim, (phone, _): (SocketAddr, usize)) -> Option<()> {
    let place = Place::new(&uri(phone, dice.pick(&TARGETS)));
    sim.place_with(phone, place.script(Script::new()));
    Some(())
}
