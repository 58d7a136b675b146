//! A house with users: alice and carol register, bob is a trunk.

use std::net::SocketAddr;
use tandem_model::Transport;
use tandem_phone::{Register, Setup};
use tandem_sim::{ALICE, CAROL, CORE, Sim};

pub(crate) const HOUSE: &str = r#"
[node]
name = "sim"
domain = "house.example"

[[listen]]
name = "main"
bind = "10.0.0.1:5060"

[[listen]]
name = "main-tcp"
transport = "tcp"
bind = "10.0.0.1:5060"

[[media]]
name = "main"
bind = "10.0.0.1"
ports = "20000-20999"

[calls]
max = 50
max_cps = 20

[registrar]
contacts = 3
max_expires = "30m"

[[user]]
name = "alice"
password = "w0nder"

[[user]]
name = "carol"
password = "s1nger"
number = "+4930333"

[[trunk]]
name = "bob"
match = { sources = ["10.0.2.0/24"] }
targets = [{ uri = "sip:10.0.2.1" }]

[[route]]
to = '^bob$'
do = { bridge = ["trunk:bob"] }

[[route]]
to = '^private$'
from = ["users"]
do = { bridge = ["trunk:bob"] }

[[route]]
to = '^alice$'
do = { bridge = ["user:alice"] }

[[route]]
to = '^carol$'
do = { bridge = ["user:carol"] }

[[route]]
to = '^alice-or-bob$'
do = { bridge = ["user:alice", "trunk:bob"] }

[[route]]
to = '^both$'
do = { ring = ["user:alice", "user:carol"] }

[[route]]
to = '^hunt$'
do = { ring = ["user:alice", "user:carol"], strategy = "sequential", target_timeout = "10s" }
"#;

/// The second phone of alice.
pub(crate) const ALICE_2: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 11, 1)), 5060);

pub(crate) fn house(seed: u64) -> Sim {
    house_of(seed, HOUSE)
}

pub(crate) fn house_of(seed: u64, text: &str) -> Sim {
    let mut sim = Sim::with_config(seed, text);
    sim.add_phone(ALICE_2, Setup::new("alice", ALICE_2, CORE, seed.wrapping_add(77)));
    for (phone, user, password) in [(ALICE, "alice", "w0nder"), (ALICE_2, "alice", "w0nder"), (CAROL, "carol", "s1nger")] {
        sim.phone_mut(phone).setup_mut().login = Some((user.into(), password.into()));
    }
    sim
}

/// The same, where these phones speak TCP.
pub(crate) fn house_over_tcp(seed: u64, phones: &[SocketAddr]) -> Sim {
    let mut sim = house(seed);
    for phone in phones {
        sim.phone_mut(*phone).setup_mut().transport = Transport::Tcp;
    }
    sim
}

/// A REGISTER of a phone's own Contact.
pub(crate) fn own(sim: &Sim, phone: SocketAddr) -> Register {
    Register::query("house.example").contact(&sim.phone(phone).contact())
}

/// Registers phones for an hour, or what they get.
pub(crate) fn registered(sim: &mut Sim, phones: &[SocketAddr]) {
    for phone in phones {
        let register = own(sim, *phone).expires(3600);
        assert_eq!(sim.register(*phone, &register).status(), 200, "{phone}");
    }
}

/// The contacts that an answer tells.
pub(crate) fn contacts(answer: &tandem_phone::Message) -> Vec<String> {
    answer.list("Contact").iter().map(|value| (*value).to_owned()).collect()
}
