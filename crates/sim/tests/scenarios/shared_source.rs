//! Several trunks behind one source: an SBC that carries two customers' calls, told apart by what the request says or where it comes in.

use std::net::SocketAddr;
use tandem_phone::{Edit, Place, Script, Setup};
use tandem_sim::{ALICE, BOB, CAROL, CORE, Sim};

/// `red` is called at bob's, `blue` at carol's; alice's address is both trunks' source.
fn house(red: &str, blue: &str) -> Sim {
    let text = format!(
        r#"
[[listen]]
name = "main"
bind = "10.0.0.1:5060"
[[listen]]
name = "side"
bind = "10.0.0.1:5070"
[[media]]
name = "main"
bind = "10.0.0.1"
ports = "20000-20999"
[calls]
max_cps = 20
[[trunk]]
name = "red"
match = {{ sources = ["10.0.1.1"], {red} }}
[[trunk]]
name = "blue"
match = {{ sources = ["10.0.1.1"], {blue} }}
limits = {{ calls = 1, status = 486 }}
[[route]]
from = ["red"]
do = {{ bridge = ["sip:10.0.2.1"] }}
[[route]]
from = ["blue"]
do = {{ bridge = ["sip:10.0.3.1"] }}
"#
    );
    Sim::with_config(1, &text)
}

/// Who is called by this INVITE, which comes in at `listener`.
fn called(mut sim: Sim, listener: SocketAddr, uri: &str, to: Option<&str>) -> Option<SocketAddr> {
    sim.expect(BOB, Script::answers(100)).expect(CAROL, Script::answers(100));
    let mut setup = Setup::new("sbc", ALICE, listener, 9);
    setup.rport = true;
    sim.add_phone(ALICE, setup);
    let edits = to.map(|to| Edit::set("To", to)).into_iter().collect();
    sim.place_with(ALICE, Place { edits, ..Place::new(uri).script(Script::new().bye(500)) });
    sim.finish();
    [BOB, CAROL].into_iter().find(|phone| !sim.phone(*phone).calls().is_empty())
}

fn side() -> SocketAddr {
    ([10, 0, 0, 1], 5070).into()
}

#[test]
fn told_apart_by_the_called_number() {
    let house = || house("to = '^\\+49'", "to = '^\\+43'");
    assert_eq!(called(house(), CORE, "sip:1@10.0.0.1", Some("<sip:+49301@10.0.0.1>")), Some(BOB));
    assert_eq!(called(house(), CORE, "sip:1@10.0.0.1", Some("<sip:+43301@10.0.0.1>")), Some(CAROL));
    assert_eq!(called(house(), CORE, "sip:1@10.0.0.1", Some("<sip:+41301@10.0.0.1>")), None);
}

#[test]
fn told_apart_by_the_domain() {
    let house = || house("domain = 'red.example'", "domain = 'blue.example'");
    assert_eq!(called(house(), CORE, "sip:1@Red.example", None), Some(BOB));
    assert_eq!(called(house(), CORE, "sip:1@blue.example", None), Some(CAROL));
    assert_eq!(called(house(), CORE, "sip:1@10.0.0.1", None), None);
}

#[test]
fn told_apart_by_where_it_comes_in() {
    let house = || house("listen = 'main'", "listen = 'side'");
    assert_eq!(called(house(), CORE, "sip:1@10.0.0.1", None), Some(BOB));
    assert_eq!(called(house(), side(), "sip:1@10.0.0.1:5070", None), Some(CAROL));
}

#[test]
fn each_has_limits_of_its_own() {
    let mut sim = house("to = '^\\+49'", "to = '^\\+43'");
    sim.expect(BOB, Script::answers(100)).expect(BOB, Script::answers(100)).expect(CAROL, Script::answers(100));
    for (number, status) in [("+491", 200), ("+431", 200), ("+492", 200), ("+432", 486)] {
        let call = sim.place(ALICE, number, Script::new().bye(2000));
        sim.run_for(tandem_sim::ms(300));
        assert_eq!(sim.phone(ALICE).call(call).final_status(), Some(status), "{number}");
    }
    sim.finish();
}
