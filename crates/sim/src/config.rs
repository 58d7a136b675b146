//! The house that scenarios live in: addresses, and a configuration in the words that users write.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const fn v4(c: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, c, 1)), 5060)
}

const fn v6(c: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, c, 0, 0, 0, 1)), 5060)
}

/// Where the core listens.
pub const CORE: SocketAddr = v4(0);
/// Where the core listens, IPv6.
pub const CORE_V6: SocketAddr = v6(0);
/// Usually the caller.
pub const ALICE: SocketAddr = v4(1);
/// Usually the callee.
pub const BOB: SocketAddr = v4(2);
/// The second target of calls to `two`.
pub const CAROL: SocketAddr = v4(3);
/// A phone on IPv6.
pub const DORA: SocketAddr = v6(4);
/// Another phone on IPv6.
pub const ERIN: SocketAddr = v6(5);

/// Everybody calls everybody by name; `two` tries bob, then carol; `direct` is bob without anchored media; `echo` and
/// `tone` are answered by the core; `all` rings bob, carol and dora at once, `hunt` one after the other, `turns` in turn; `law` is bob with A-law alone. Fax passes between carol, dora and erin.
pub const STANDARD: &str = r#"
[node]
name = "sim"

[[listen]]
name = "main"
bind = "10.0.0.1:5060"

[[listen]]
name = "six"
bind = "[fd00::1]:5060"

[[media]]
name = "main"
bind = "10.0.0.1"
ports = "20000-20999"

[[media]]
name = "six"
bind = "fd00::1"
ports = "20000-20999"

[calls]
max = 50
max_cps = 20
max_duration = "6h"
inactivity_timeout = "5m"
hold_timeout = "1h"

[[trunk]]
name = "alice"
match = { sources = ["10.0.1.0/24"] }
targets = [{ uri = "sip:10.0.1.1" }]
codecs = ["g722", "pcmu", "pcma"]

[[trunk]]
name = "bob"
match = { sources = ["10.0.2.0/24"] }
targets = [{ uri = "sip:10.0.2.1" }]
codecs = ["g722", "pcmu", "pcma"]
ring_timeout = "60s"

[[trunk]]
name = "carol"
match = { sources = ["10.0.3.0/24"] }
targets = [{ uri = "sip:10.0.3.1" }]
codecs = ["pcma", "pcmu"]
t38 = true

[[trunk]]
name = "dora"
t38 = true
match = { sources = ["fd00:0:0:4::/64"] }
targets = [{ uri = "sip:[fd00:0:0:4::1]" }]
listen = "six"
media = "six"

[[trunk]]
name = "erin"
t38 = true
match = { sources = ["fd00:0:0:5::/64"] }
targets = [{ uri = "sip:[fd00:0:0:5::1]" }]
listen = "six"
media = "six"

[[trunk]]
name = "bob-law"
match = { sources = ["10.0.6.0/24"] }
targets = [{ uri = "sip:10.0.2.1" }]
codecs = ["pcma"]

[[trunk]]
name = "narrow"
match = { sources = ["10.0.7.0/24"] }
targets = [{ uri = "sip:10.0.2.1" }]
limits = { calls = 1, cps = 10, status = 480 }

[[trunk]]
name = "natted"
match = { sources = ["10.0.8.0/24"] }
targets = [{ uri = "sip:10.0.8.1" }]
nat = true

[[route]]
name = "to alice"
to = '^alice$'
do = { bridge = ["trunk:alice"] }

[[route]]
name = "to bob"
to = '^bob$'
do = { bridge = ["trunk:bob"], timeout = "90s" }

[[route]]
name = "to carol"
to = '^carol$'
do = { bridge = ["trunk:carol"] }

[[route]]
name = "to dora"
to = '^dora$'
do = { bridge = ["trunk:dora"] }

[[route]]
name = "to erin"
to = '^erin$'
do = { bridge = ["trunk:erin"] }

[[route]]
name = "to two"
to = '^two$'
do = { bridge = ["trunk:bob", "trunk:carol"] }

[[route]]
name = "all at once"
to = '^all$'
do = { ring = ["trunk:bob", "trunk:carol", "trunk:dora"], timeout = "40s" }

[[route]]
name = "all at once, unheard"
to = '^all-unheard$'
do = { ring = ["trunk:bob", "trunk:carol"], hears = "ringing", ends_on_6xx = false }

[[route]]
name = "all at once, directly"
to = '^all-direct$'
do = { ring = ["trunk:bob", "trunk:carol"] }
anchor = false

[[route]]
name = "one after the other"
to = '^hunt$'
do = { ring = ["trunk:bob", "trunk:carol", "trunk:dora"], strategy = "sequential", timeout = "25s", target_timeout = "10s" }

[[route]]
name = "in turn"
to = '^turns$'
do = { ring = ["trunk:bob", "trunk:carol"], strategy = "round-robin" }

[[route]]
name = "to bob at once"
to = '^brief$'
do = { bridge = ["trunk:bob"], timeout = "10s" }

[[route]]
name = "to bob directly"
to = '^direct$'
do = { bridge = ["trunk:bob"] }
anchor = false

[[route]]
name = "to bob in A-law"
to = '^law$'
do = { bridge = ["trunk:bob-law"] }

[[route]]
name = "to the narrow trunk"
to = '^narrow$'
do = { bridge = ["trunk:narrow"] }

[[route]]
name = "to the phone behind NAT"
to = '^natted$'
do = { bridge = ["trunk:natted"] }

[[route]]
name = "to nobody's address"
to = '^nowhere$'
do = { bridge = ["sip:nowhere@10.0.99.1"] }

[[route]]
name = "echo"
to = '^echo$'
do = { answer = "echo" }

[[route]]
name = "tone"
to = '^tone$'
do = { answer = "tone" }

[[route]]
name = "barred"
to = '^barred$'
do = { reject = 403, reason = "not here" }
"#;

/// The same house with listeners for TCP beside those for UDP, over which these phones are called.
pub fn standard_over_tcp(phones: &[SocketAddr]) -> String {
    let uris = phones.iter().map(|phone| match phone.ip() {
        IpAddr::V4(address) => format!("\"sip:{address}"),
        IpAddr::V6(address) => format!("\"sip:[{address}]"),
    });
    let uris: Vec<String> = uris.collect();
    let trunks = STANDARD.split("[[trunk]]").map(|trunk| match uris.iter().find(|uri| trunk.contains(&format!("{uri}\""))) {
        Some(uri) => trunk.replace(uri, &format!("{uri};transport=tcp")).replace("listen = \"six\"", "listen = \"six-tcp\""),
        None => trunk.to_owned(),
    });
    let mut text = trunks.collect::<Vec<_>>().join("[[trunk]]");
    for (name, bind) in [("main-tcp", "10.0.0.1:5060"), ("six-tcp", "[fd00::1]:5060")] {
        text.push_str(&format!("\n[[listen]]\nname = \"{name}\"\ntransport = \"tcp\"\nbind = \"{bind}\"\n"));
    }
    text
}
