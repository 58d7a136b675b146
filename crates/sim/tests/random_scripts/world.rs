//! What kind of worlds are played: the node's configuration, the phones' abilities, the network.

use crate::{dice::Dice, forgiven::Forgiven};
use std::net::SocketAddr;
use tandem_phone::{Demand, Setup};
use tandem_sim::{ALICE, BOB, CAROL, CORE, CORE_V6, DORA, ERIN, Link, STANDARD, Sim, ms, standard_over_tcp};

pub(crate) const PHONES: [SocketAddr; 5] = [ALICE, BOB, CAROL, DORA, ERIN];

/// How many of a thousand datagrams to the core are changed, where some are.
const GARBLED: u16 = 100;

/// In how many of a hundred worlds calls are left alone for long, and nobody minds silence.
const PATIENT: u64 = 3;

/// What kind of worlds are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// The standard house.
    Plain,
    /// The same, and some of what reaches the core is changed.
    Garbled,
    /// Digest both ways, redirections, failover.
    Demanding,
    /// Everybody may transfer, by himself or by the other, and some may take places.
    Meddling,
    /// The standard house, and calls are told what to do from outside.
    Commanded,
}

const EXECUTES: &str = "refer = \"execute\"";

/// Who is passed a REFER on is told where others are.
const PASSES: &str = "refer = \"pass\"";

/// Everybody may take places by INVITE.
const REPLACES: &str = "replaces = true";

/// In how many of a hundred worlds two of the ring groups answer their callers at once.
const AT_ONCE: u64 = 8;

/// Lines that every trunk has in a world, a few choices each: a configuration that was read once is kept.
const KEYS: &[fn(&mut Dice) -> &'static str] = &[
    |dice| dice.pick(&["", "", "", "", "", "", "prack = \"off\"", "prack = \"required\""]),
    |dice| dice.pick(&["", "", EXECUTES, EXECUTES, EXECUTES, PASSES]),
    |dice| dice.pick(&["", "", REPLACES]),
    |dice| {
        dice.pick(&[
            "",
            "",
            "session_timer = \"off\"",
            "session_timer = { expires = \"90s\", refresher = \"us\" }",
            "session_timer = { expires = \"90s\", refresher = \"them\" }",
            "session_timer = { expires = \"10m\", min = \"5m\" }",
        ])
    },
];

/// What a phone is able to do.
const ABILITIES: &[fn(&mut Dice, &mut Setup)] = &[
    |dice, setup| setup.fax = dice.chance(70),
    |dice, setup| setup.updates = dice.chance(70),
    |dice, setup| setup.reliable = dice.chance(30),
    |dice, setup| {
        if dice.chance(10) {
            let (address, kind) = (setup.address, dice.pick(&[";lr", ""]));
            (setup.record_route, setup.sticky) = (vec![format!("<sip:{address}{kind}>")], true);
        }
    },
];

/// A world in which nobody has called yet.
pub(crate) fn draw(dice: &mut Dice, seed: u64, world: World, forgiven: &mut Forgiven) -> Sim {
    let mut sim = house(dice, seed, world, forgiven);
    network(dice, &mut sim, world, forgiven);
    if matches!(world, World::Garbled | World::Meddling) {
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
        forgiven.unpredictable = true;
    }
    if dice.chance(3) {
        let lost = dice.pick(&PHONES);
        sim.core_mut().unreachable.push(lost);
        sim.refuse_connections(lost, true);
        forgiven.trouble = true;
    }
    // Fifty packets a second are too many for long.
    let sound = dice.chance(1) && !forgiven.patient;
    for (index, phone) in PHONES.into_iter().enumerate() {
        let setup = sim.phone_mut(phone).setup_mut();
        setup.tone = sound.then_some(400.0 + 100.0 * index as f64);
        ABILITIES.iter().for_each(|ability| ability(dice, setup));
    }
    sim
}

/// Half of the worlds are of UDP alone; in the others each phone has TCP or not.
fn house(dice: &mut Dice, seed: u64, world: World, forgiven: &mut Forgiven) -> Sim {
    let over_tcp: Vec<SocketAddr> = if dice.chance(50) { Vec::new() } else { PHONES.into_iter().filter(|_| dice.chance(50)).collect() };
    let keys: String = KEYS.iter().map(|key| key(dice)).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
    let mut text = if over_tcp.is_empty() { STANDARD.to_owned() } else { standard_over_tcp(&over_tcp) };
    if dice.chance(PATIENT) {
        text = text.replace("inactivity_timeout = \"5m\"", "inactivity_timeout = \"6h\"");
        text = text.replace("hold_timeout = \"1h\"", "hold_timeout = \"6h\"");
        forgiven.patient = true;
    }
    if dice.chance(AT_ONCE) {
        text = text.replacen("], timeout = \"40s\"", "], picks_up = \"at-once\", timeout = \"40s\"", 1);
        text = text.replacen("strategy = \"sequential\"", "picks_up = \"at-once\", strategy = \"sequential\"", 1);
        forgiven.at_once = true;
    }
    if world == World::Meddling {
        text = meddling(dice, text);
    } else if !keys.is_empty() {
        text = text.replace("[[trunk]]\n", &format!("[[trunk]]\n{keys}"));
    }
    let mut sim = if world == World::Demanding { demanding(dice, seed, &text) } else { Sim::with_config(seed, &text) };
    forgiven.places_are_taken = text.contains(REPLACES);
    forgiven.transfers = [EXECUTES, PASSES].iter().any(|key| text.contains(key));
    forgiven.passes_refers = text.contains(PASSES);
    if forgiven.passes_refers {
        sim.may_tell_addresses();
    }
    for phone in over_tcp {
        sim.phone_mut(phone).setup_mut().transport = tandem_model::Transport::Tcp;
    }
    sim
}

/// What each trunk allows.
fn meddling(dice: &mut Dice, mut text: String) -> String {
    for trunk in ["alice", "bob", "carol", "dora", "erin"] {
        let refer = dice.pick(&["refer = \"execute\"\n", "refer = \"execute\"\n", "refer = \"pass\"\n", ""]);
        let replaces = dice.pick(&["", "replaces = true\n"]);
        let other = dice.pick(&[
            "",
            "",
            "",
            "prack = \"required\"\n",
            "prack = \"off\"\n",
            "limits = { calls = 2 }\n",
            "redirect = \"follow\"\n",
            "session_timer = { expires = \"90s\", refresher = \"us\" }\n",
        ]);
        let name = format!("name = \"{trunk}\"\n");
        text = text.replacen(&name, &format!("{name}{refer}{replaces}{other}"), 1);
    }
    text
}

/// The house in which alice must prove who she is, and everybody's trunk has a login, follows redirections and turns to carol last.
fn demanding(dice: &mut Dice, seed: u64, standard: &str) -> Sim {
    let text = standard.replace(
        "[[trunk]]\n",
        "[[trunk]]\nlogin = { username = \"acme\", password = \"s3cret\" }\nredirect = \"follow\"\n\
         failover = [\"4xx\", \"5xx\", \"timeout\", \"unreachable\"]\n",
    );
    let guarded = "name = \"alice\"\n";
    let text = text.replacen(guarded, &format!("{guarded}challenge = {{ username = \"alice\", password = \"s3cret\" }}\n"), 1);
    let text = text.replacen("bridge = [\"trunk:bob\"]", "bridge = [\"trunk:bob\", \"trunk:carol\"]", 1);
    let mut sim = Sim::with_config(seed, &text);
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

/// Draws the paths.
fn network(dice: &mut Dice, sim: &mut Sim, world: World, forgiven: &mut Forgiven) {
    let delay = ms(1 + dice.below(60));
    let garbled = match world {
        World::Garbled => GARBLED,
        World::Meddling if dice.chance(30) => GARBLED,
        _ => 0,
    };
    let (link, trouble) = match dice.below(5) {
        0 | 1 => (Link { delay, ..Link::CLEAN }, false),
        2 => (Link { delay, jitter: ms(dice.below(80)), duplicates: dice.below(100) as u16, ..Link::CLEAN }, true),
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
    (forgiven.delay, forgiven.trouble) = (delay, trouble);
}
