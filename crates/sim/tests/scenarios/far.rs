//! The standard house with a trunk `far` whose target is a name, and a zone that knows where that is.

use std::net::SocketAddr;
use tandem_phone::Message;
use tandem_signalling::locate::Kind;
use tandem_sim::{BOB, CAROL, STANDARD, Sim, Zone};

/// It has this target and these keys.
pub(crate) fn house(uri: &str, keys: &str, zone: impl FnOnce(&mut Zone)) -> Sim {
    house_in(STANDARD, uri, keys, zone)
}

/// The same in another house than the standard one.
pub(crate) fn house_in(standard: &str, uri: &str, keys: &str, zone: impl FnOnce(&mut Zone)) -> Sim {
    let text = format!(
        "{standard}
[[listen]]
name = \"main-tcp\"
transport = \"tcp\"
bind = \"10.0.0.1:5060\"

[[trunk]]
name = \"far\"
targets = [{{ uri = \"{uri}\" }}]
{keys}

[[route]]
to = '^far$'
do = {{ bridge = [\"trunk:far\"] }}

[[route]]
to = '^group$'
do = {{ ring = [\"trunk:far\", \"trunk:dora\"] }}

[[route]]
to = '^further$'
do = {{ bridge = [\"trunk:far\", \"trunk:dora\"] }}
"
    );
    let mut sim = Sim::with_config(1, &text);
    zone(&mut sim.core_mut().zone);
    sim
}

/// `carrier.example` is bob over that transport, and if not he carol.
pub(crate) fn bob_then_carol(zone: &mut Zone, transport: &str) {
    let records = [(1, 1, 5060, "bob.carrier.example"), (2, 1, 5060, "carol.carrier.example")];
    zone.set_srv(&format!("_sip._{transport}.carrier.example"), &records);
    zone.add_address("bob.carrier.example", BOB.ip()).add_address("carol.carrier.example", CAROL.ip());
}

/// The requests of that method that somebody heard.
pub(crate) fn heard(sim: &Sim, phone: SocketAddr, method: &str) -> Vec<Message> {
    sim.phone(phone).heard(method).filter(|message| message.is_request()).cloned().collect()
}

/// The names and kinds that DNS was asked for.
pub(crate) fn asked(sim: &Sim) -> Vec<(String, Kind)> {
    sim.core().asked().iter().map(|(_, question)| (question.name.to_string(), question.kind)).collect()
}
