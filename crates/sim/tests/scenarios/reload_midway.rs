//! SIGHUP while a group rings or a call is transferred, and the trunk of whoever is meant is gone: who rings may answer, the next one is
//! still called, and nothing stays counted.

use crate::sound::{assert_hears, tones};
use crate::transfer_blind::{assert_told, house, refer};
use tandem_phone::{Act, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms, secs};

fn text(strategy: &str) -> String {
    let ring = format!("{{ ring = [\"trunk:carol\", \"trunk:dora\"], strategy = \"{strategy}\" }}");
    format!("{}\n[[route]]\nname = \"the team\"\nto = '^team$'\ndo = {ring}\n", house())
}

/// The same where Carol's, Dora's and Alice's trunks have other names: those that there were are gone.
fn without_them(text: &str) -> String {
    ["carol", "dora", "alice"].iter().fold(text.to_owned(), |text, name| {
        let (named, other) = (format!("name = \"{name}\"\n"), format!("name = \"{name}-2\"\n"));
        text.replace(&named, &other).replace(&format!("\"trunk:{name}"), &format!("\"trunk:{name}-2"))
    })
}

fn start(seed: u64, strategy: &str) -> Sim {
    let mut sim = Sim::with_config(seed, &text(strategy));
    tones(&mut sim);
    sim
}

fn reload(sim: &mut Sim, strategy: &str) {
    sim.reload(&without_them(&text(strategy)));
}

#[test]
fn a_group_rings_on() {
    let mut sim = start(1, "parallel");
    sim.expect(CAROL, Script::new().reply(20, 180).reply(800, 486));
    sim.expect(DORA, Script::answers(1200));
    sim.place(ALICE, "team", Script::new());
    sim.run_for(ms(400));
    reload(&mut sim, "parallel");
    sim.run_until_talking(ALICE, DORA);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.core().counted(), (0, 0));
}

#[test]
fn the_next_of_a_group_is_called() {
    let mut sim = start(2, "sequential");
    sim.expect(CAROL, Script::new().reply(20, 180).reply(800, 486));
    sim.expect(DORA, Script::answers(300));
    sim.place(ALICE, "team", Script::new());
    sim.run_for(ms(400));
    reload(&mut sim, "sequential");
    sim.run_until_talking(ALICE, DORA);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.core().counted(), (0, 0));
}

#[test]
fn a_transfer_comes_to_its_end() {
    for (user, strategy, carol, target, tone) in [
        ("carol", "parallel", Script::answers(900), CAROL, 850.0),
        ("team", "parallel", Script::answers(900), CAROL, 850.0),
        ("team", "sequential", Script::new().reply(20, 180).reply(800, 486), DORA, 1000.0),
    ] {
        let mut sim = start(3, strategy);
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_talking(ALICE, BOB);
        sim.expect(CAROL, carol);
        sim.expect(DORA, Script::answers(1500));
        let refer = refer(&sim, BOB, user);
        sim.act(BOB, refer);
        sim.run_for(ms(400));
        reload(&mut sim, strategy);
        sim.run_until("the target talks", |sim| sim.phone(target).calls().last().is_some_and(|call| call.has(When::Confirmed)));
        sim.run_for(secs(4));
        assert_told(&sim, BOB, &[100, 180, 200]);
        assert_hears(&sim, ALICE, tone);
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(sim.core().counted(), (0, 0), "{user}, {strategy}");
    }
}
