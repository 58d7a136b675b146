//! Thousands of calls that nobody thought of: each seed draws phones with habits, a network with troubles and what
//! everybody does when. Whatever happens, both legs end, there is one record a call, and nothing is left.
//!
//! `TANDEM_SCRIPTS=1000000` plays more of them than CI has time for. A failure names its seed; `TANDEM_SEED=N cargo test -p tandem-sim --test random_scripts` plays just that one and
//! prints its ladder.

use std::{net::SocketAddr, panic::AssertUnwindSafe, time::Duration};
use tandem_model::{EndReason, Random};
use tandem_phone::{
    Act, Body, Demand, Edit, Fax, Habits, Offer, OnCancel, Place, Reply, Request, Role, Script, When,
    sdp::{Direction, Format},
};
use tandem_sim::{ALICE, BOB, CAROL, CORE, CORE_V6, DORA, ERIN, Link, STANDARD, Sim, ms, seed_from_environment, standard_over_tcp};

/// Scripts in one run of CI.
const SCRIPTS: u64 = 3000;

/// How many of a thousand datagrams to the core are changed, where some are.
const GARBLED: u16 = 100;

const PHONES: [SocketAddr; 5] = [ALICE, BOB, CAROL, DORA, ERIN];

/// Processor time that one script may take on average.
const BUDGET: Duration = Duration::from_millis(5);

/// How many times the budget is a failure: caches are shared and clocks go slower on a machine that is busy.
const TOLERANCE: u32 = 4;

/// Draws from a seed with words instead of numbers.
struct Dice(Random);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    /// Milliseconds: mostly short, sometimes long enough for every timer to run out.
    fn pause(&mut self) -> u64 {
        match self.below(10) {
            0 => 0,
            1..5 => self.below(50),
            5..8 => self.below(2_000),
            8 => self.below(10_000),
            _ => self.below(50_000),
        }
    }

    fn span(&mut self) -> Duration {
        ms(self.pause())
    }
}

#[test]
fn random_scripts_leave_nothing_behind() {
    if let Some(seed) = seed_from_environment() {
        let mut sim = play(seed, World::Plain);
        return sim.tell();
    }
    play_all(SCRIPTS, World::Plain);
}

/// Some of what reaches the core has bytes changed on the way: it may misunderstand, but must not fail nor keep anything.
#[test]
fn garbled_messages_leave_nothing_behind() {
    if let Some(seed) = seed_from_environment() {
        let mut sim = play(seed, World::Garbled);
        return sim.tell();
    }
    play_all(SCRIPTS / 3, World::Garbled);
}

/// Phones that ask for passwords, send calls elsewhere and refuse them, and trunks that put up with it.
#[test]
fn demanding_phones_leave_nothing_behind() {
    if let Some(seed) = seed_from_environment() {
        let mut sim = play(seed, World::Demanding);
        return sim.tell();
    }
    play_all(SCRIPTS, World::Demanding);
}

/// What kind of worlds are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    /// The standard house.
    Plain,
    /// The same, and some of what reaches the core is changed.
    Garbled,
    /// Digest both ways, redirections, failover.
    Demanding,
}

impl World {
    fn garbled(self) -> u16 {
        if self == World::Garbled { GARBLED } else { 0 }
    }
}

fn play_all(count: u64, world: World) {
    let began = processor_time();
    let mut failed = Vec::new();
    let scripts = std::env::var("TANDEM_SCRIPTS").ok().and_then(|text| text.parse().ok()).unwrap_or(count);
    for seed in 0..scripts {
        if std::panic::catch_unwind(AssertUnwindSafe(|| drop(play(seed, world)))).is_err() {
            failed.push(seed);
            if failed.len() == 12 {
                break;
            }
        }
    }
    assert!(failed.is_empty(), "TANDEM_SEED={} cargo test -p tandem-sim --test random_scripts replays the first of {failed:?}", failed[0]);
    let spent = processor_time().saturating_sub(began);
    let each = spent / u32::try_from(scripts).unwrap_or(u32::MAX).max(1);
    #[expect(clippy::print_stdout, reason = "a run of the tests tells what scripts cost")]
    {
        println!("{scripts} scripts in {spent:.1?} of processor time, {each:.2?} each; the budget is {BUDGET:?}");
    }
    assert!(each < BUDGET * TOLERANCE, "a script takes {each:.2?} of processor time on average, the budget is {BUDGET:?}");
}

/// What this thread has cost so far: others on the machine do not count. Zero where the system does not say.
fn processor_time() -> Duration {
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(figures.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// One world from one seed.
fn play(seed: u64, world: World) -> Sim {
    let mut dice = Dice(Random::new(seed.wrapping_mul(0x9e37_79b9) ^ 0x7461_6e64_656d));
    let garbled = world.garbled();
    let mut sim = house(&mut dice, seed, world);
    let mut trouble = network(&mut dice, &mut sim, garbled);
    if garbled > 0 {
        // A Contact that lost a digit is another phone's address.
        sim.may_tell_addresses();
    }
    if dice.chance(20) {
        sim.core_mut().policy_delay = dice.span();
    }
    if dice.chance(20) {
        sim.core_mut().shard.delay = dice.span();
    }
    if dice.chance(5) {
        sim.core_mut().shard.refuse = 1;
    }
    if dice.chance(3) {
        let lost = dice.pick(&PHONES);
        sim.core_mut().unreachable.push(lost);
        sim.refuse_connections(lost, true);
        trouble = true;
    }
    let sound = dice.chance(1);
    for (index, phone) in PHONES.into_iter().enumerate() {
        sim.phone_mut(phone).setup_mut().tone = sound.then_some(400.0 + 100.0 * index as f64);
        if dice.chance(10) {
            let (address, kind) = (phone, dice.pick(&[";lr", ""]));
            let setup = sim.phone_mut(phone).setup_mut();
            (setup.record_route, setup.sticky) = (vec![format!("<sip:{address}{kind}>")], true);
        }
    }
    let callers = [ALICE, ALICE, BOB, CAROL, DORA];
    let mut bad = Expected::default();
    for _ in 0..1 + dice.below(3) {
        let caller = dice.pick(&callers);
        for callee in PHONES {
            let script = callee_script(&mut dice, callee, world);
            bad.note(&script.habits);
            bad.silent |= is_slow(&script);
            sim.phone_mut(callee).always(script);
        }
        let place = placed(&mut dice, &sim, caller);
        bad.note(&place.script.habits);
        bad.demanding |= world == World::Demanding;
        bad.broken |= !place.edits.is_empty() || place.late;
        if place.uri.contains(":direct@") {
            sim.may_tell_addresses();
        }
        sim.place_with(caller, place);
        sim.run_for(dice.span());
        if dice.chance(10) {
            sim.break_connections(dice.pick(&PHONES));
            trouble = true;
            sim.run_for(dice.span());
        }
    }
    if dice.chance(5) {
        sim.run_for(dice.span());
        sim.end_all(EndReason::Shutdown);
    }
    end_everything(&mut sim, garbled);
    forgive(&mut sim, &bad, trouble, garbled);
    sim.finish();
    if !trouble && world == World::Plain {
        assert_both_sides_agree(&sim);
    }
    sim
}

/// Half of the worlds are of UDP alone; in the others each phone has TCP or not.
fn house(dice: &mut Dice, seed: u64, world: World) -> Sim {
    let phones: Vec<SocketAddr> = if dice.chance(50) { Vec::new() } else { PHONES.into_iter().filter(|_| dice.chance(50)).collect() };
    let mut sim = match world {
        World::Demanding => demanding_house(dice, seed, &phones),
        _ if phones.is_empty() => Sim::new(seed),
        _ => Sim::over_tcp(seed, &phones),
    };
    for phone in PHONES {
        sim.phone_mut(phone).setup_mut().fax = dice.chance(70);
    }
    sim
}

/// The house in which alice must prove who she is, and everybody's trunk has a login, follows redirections and turns to carol last.
fn demanding_house(dice: &mut Dice, seed: u64, over_tcp: &[SocketAddr]) -> Sim {
    let standard = if over_tcp.is_empty() { STANDARD.to_owned() } else { standard_over_tcp(over_tcp) };
    let text = standard.replace(
        "[[trunk]]\n",
        "[[trunk]]\nlogin = { username = \"acme\", password = \"s3cret\" }\nredirect = \"follow\"\n\
         failover = [\"4xx\", \"5xx\", \"timeout\", \"unreachable\"]\n",
    );
    let guarded = "name = \"alice\"\n";
    let text = text.replacen(guarded, &format!("{guarded}challenge = {{ username = \"alice\", password = \"s3cret\" }}\n"), 1);
    let text = text.replacen("bridge = [\"trunk:bob\"]", "bridge = [\"trunk:bob\", \"trunk:carol\"]", 1);
    let mut sim = Sim::with_config(seed, &text);
    for phone in over_tcp {
        sim.phone_mut(*phone).setup_mut().transport = tandem_model::Transport::Tcp;
    }
    // A redirection that is passed on names another phone.
    sim.may_tell_addresses();
    for phone in PHONES {
        let login = if dice.chance(90) { "s3cret" } else { "guess" };
        let demands = (0..dice.below(3)).map(|place| demand(dice, place)).collect();
        let setup = sim.phone_mut(phone).setup_mut();
        setup.login = Some(("alice".into(), login.into()));
        setup.demands = demands;
    }
    sim
}

fn demand(dice: &mut Dice, place: u64) -> Demand {
    Demand {
        status: dice.pick(&[401, 407]),
        realm: format!("realm {place}"),
        algorithms: dice
            .pick(&[vec!["MD5"], vec!["SHA-256", "MD5"], vec!["FUTURE", "MD5"], vec!["FUTURE"]])
            .into_iter()
            .map(Into::into)
            .collect(),
        methods: dice
            .pick(&[vec!["INVITE"], vec!["INVITE", "BYE"], vec!["BYE"], vec!["INFO", "UPDATE", "MESSAGE", "INVITE"]])
            .into_iter()
            .map(Into::into)
            .collect(),
        qop: dice.chance(80),
        uses: dice.pick(&[0, 0, 1, 2]),
        never: dice.chance(10),
        ..Demand::new("acme", if dice.chance(90) { "s3cret" } else { "other" })
    }
}

/// Draws the paths. True if messages may be lost, doubled or overtake each other.
fn network(dice: &mut Dice, sim: &mut Sim, garbled: u16) -> bool {
    let delay = ms(1 + dice.below(60));
    let (link, trouble) = match dice.below(4) {
        0 => (Link { delay, ..Link::CLEAN }, false),
        1 => (Link { delay, jitter: ms(dice.below(80)), duplicates: dice.below(100) as u16, ..Link::CLEAN }, true),
        _ => {
            let (loss, duplicates) = (dice.below(150) as u16, dice.below(100) as u16);
            let breaks = if dice.chance(50) { dice.below(60) as u16 } else { 0 };
            (Link { delay, jitter: ms(dice.below(80)), loss, duplicates, breaks, ..Link::CLEAN }, true)
        }
    };
    sim.links(link);
    for phone in PHONES {
        sim.link(phone, CORE, Link { garbled, ..link });
        sim.link(phone, CORE_V6, Link { garbled, ..link });
    }
    trouble
}

/// What a script's bad habits make other phones see.
#[derive(Default)]
struct Expected {
    broken: bool,
    silent: bool,
    demanding: bool,
}

impl Expected {
    fn note(&mut self, habits: &Habits) {
        self.silent |= habits.never_ack || habits.ignore_bye || habits.ignore_cancel || habits.deaf > 3 || habits.leaves_invite_open;
        self.silent |= habits.on_cancel == OnCancel::Nothing || habits.cancel_delay > ms(30_000);
        self.broken |= habits.bye_early || !habits.reoffers.is_empty();
    }
}

/// Whether a callee may say its first word when nobody waits for it any more.
fn is_slow(script: &Script) -> bool {
    let replies = script.steps.iter().filter(|step| matches!(step.act, Act::Reply(_)));
    replies.map(|step| step.after).min().is_none_or(|first| first > ms(3000))
}

fn placed(dice: &mut Dice, sim: &Sim, caller: SocketAddr) -> Place {
    let user = dice.pick(&[
        "bob", "bob", "bob", "alice", "carol", "dora", "erin", "two", "two", "brief", "law", "echo", "tone", "barred", "nowhere", "nobody",
    ]);
    let mut place = Place::new(&sim.uri(caller, user));
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
            Edit::set("Require", "100rel"),
            Edit::remove("Contact"),
            Edit::set("Content-Type", "text/plain"),
        ]));
    }
    place.script = caller_script(dice, caller);
    place
}

fn caller_script(dice: &mut Dice, own: SocketAddr) -> Script {
    let mut script = Script::new();
    let moments = [When::Start, When::Status(100), When::Status(180), When::Status(183), When::Answered];
    if dice.chance(30) {
        script = script.cancel(dice.pick(&moments), dice.pause());
    }
    if dice.chance(5) {
        script = script.step(When::Status(180), dice.pause(), Act::Bye);
    }
    script = in_dialog(dice, own, script);
    if dice.chance(60) {
        script = script.bye(dice.pause());
    }
    script.habits = habits(dice);
    script
}

fn callee_script(dice: &mut Dice, own: SocketAddr, world: World) -> Script {
    let mut script = Script::new();
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
    last.contact = dice.chance(10).then(|| moved(own));
    if world == World::Demanding && dice.chance(25) {
        last = elsewhere(dice);
    }
    if dice.chance(10) {
        last.fork = 1;
    }
    if dice.chance(95) {
        script = script.reply_with(at, last);
    }
    script = in_dialog(dice, own, script);
    if dice.chance(40) {
        script = script.bye(dice.pause());
    }
    script.habits = habits(dice);
    script
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

/// Another port of the same phone.
fn moved(own: SocketAddr) -> String {
    format!("sip:moved@{}", SocketAddr::new(own.ip(), 5099))
}

/// Holds, changes and odd requests during the call.
fn in_dialog(dice: &mut Dice, own: SocketAddr, mut script: Script) -> Script {
    for _ in 0..dice.below(3) {
        let offer = Offer {
            direction: Some(dice.pick(&[Direction::SendOnly, Direction::SendRecv, Direction::RecvOnly, Direction::Inactive])),
            late: dice.chance(20),
            fax: dice.chance(20).then(|| dice.pick(&[Fax::InPlace, Fax::Beside])),
            formats: dice.chance(20).then(|| vec![Format::pcma(), Format::events(101)]),
            contact: dice.chance(10).then(|| moved(own)),
            ..Offer::default()
        };
        let at = dice.pause();
        script = script.step(When::Confirmed, at, Act::Reinvite(offer));
        if dice.chance(20) {
            script = script.step(When::Confirmed, at + dice.below(400), Act::Cancel);
        }
    }
    if dice.chance(10) {
        let method = dice.pick(&["OPTIONS", "INFO", "UPDATE", "MESSAGE", "STRANGE"]).to_owned();
        script = script.step(When::Confirmed, dice.pause(), Act::Request(Request { method, edits: Vec::new() }));
    }
    script
}

fn habits(dice: &mut Dice) -> Habits {
    let mut habits = Habits::default();
    if dice.chance(70) {
        return habits;
    }
    match dice.below(12) {
        0 => habits.never_ack = true,
        1 => habits.lose_acks = dice.below(5) as u32,
        2 => habits.ack_delay = dice.span(),
        3 => habits.ignore_bye = true,
        4 => habits.ignore_cancel = true,
        5 => habits.cancel_delay = dice.span(),
        6 => habits.on_cancel = dice.pick(&[OnCancel::Answer, OnCancel::Nothing]),
        7 => habits.deaf = dice.below(6) as u32,
        8 => habits.twice = true,
        9 => habits.cancel_early = true,
        10 => habits.bye_status = dice.pick(&[481, 408, 500]),
        _ => habits.reoffers = vec![(dice.span(), Reply::new(dice.pick(&[488, 491, 500, 481, 200, 200])))],
    }
    habits
}

/// Everybody hangs up who has not, as often as it takes: scripts do not always say how a call ends.
fn end_everything(sim: &mut Sim, garbled: u16) {
    sim.run_for(ms(150_000));
    for _ in 0..4 {
        for phone in PHONES {
            for call in 0..sim.phone(phone).calls().len() {
                if sim.phone(phone).call(call).outcome.is_none() {
                    sim.act_in(phone, call, Act::Bye);
                    sim.act_in(phone, call, Act::Reply(Reply::new(480)));
                }
            }
        }
        sim.run_for(ms(100_000));
    }
    if garbled > 0 || sim.broken_connections() > 0 {
        // A BYE that was refused as malformed, or that went down with its connection, leaves a call that only media or time would end.
        sim.end_all(EndReason::Shutdown);
    }
    sim.settle();
}

/// What a phone may see of the bad habits of others, of a lossy network or of broken requests, and hold against nobody.
fn forgive(sim: &mut Sim, bad: &Expected, trouble: bool, garbled: u16) {
    for phone in PHONES {
        let phone = sim.phone_mut(phone);
        if bad.silent || trouble || bad.broken {
            for rule in ["ack-missing", "no-answer", "sdp-missing", "bye-early", "cseq-order", "ack-stray", "cancel-stray", "sdp-version"] {
                phone.forgive(rule);
            }
        }
        if bad.demanding {
            // A phone does not look at an offer that comes without credentials, and misses its version.
            phone.forgive("sdp-version");
        }
        if bad.demanding && (bad.silent || trouble) {
            // A request that is not answered looks like one with old credentials when it comes again; and the ACK of a 2xx that comes
            // when the call is over has none, as its INVITE is forgotten.
            phone.forgive("nonce-count");
            phone.forgive("credentials");
        }
        if trouble {
            // A CANCEL that overtook its INVITE is refused; its twin is not.
            phone.forgive("second-final");
        }
        if garbled > 0 {
            // The node answers what it was told, not what was said.
            let rules: Vec<&str> = phone.violations().iter().map(|violation| violation.rule).collect();
            for rule in rules {
                phone.forgive(rule);
            }
        }
    }
}

/// Where every message arrives, the callers' view and the records are the same.
fn assert_both_sides_agree(sim: &Sim) {
    let callers = || PHONES.into_iter().flat_map(|phone| sim.phone(phone).calls()).filter(|call| call.role == Role::Caller);
    let heard = |wanted: fn(u16) -> bool| callers().filter(|call| call.final_status().is_some_and(wanted)).count();
    let records = |wanted: fn(u16) -> bool| sim.core().records().filter(|record| wanted(record.legs[0].sip_status)).count();
    assert_eq!(heard(|status| status / 100 == 2), records(|status| status / 100 == 2), "answered calls");
    assert_eq!(heard(|status| status == 487), records(|status| status == 487), "cancelled calls");
    let answered = sim.core().records().filter(|record| record.answered.is_some()).count();
    assert_eq!(answered, records(|status| status / 100 == 2), "a call is answered if its caller is");
}
