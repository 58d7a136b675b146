//! REFERs that smuggle: line ends in escapes, headers that are none, and places that a failed transfer would keep.

use crate::talking_in;
use crate::transfer_blind::house;
use tandem_model::TrunkId;
use tandem_phone::{Act, Edit, Refer, Request, Script};
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms, secs};

fn talking(text: &str) -> Sim {
    talking_in(Sim::with_config(1, text), ms(200))
}

fn hang_up(mut sim: Sim) {
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

fn told(sim: &Sim) -> (Option<u16>, Vec<u16>) {
    let referral = sim.call(BOB).referrals().last().expect("a REFER");
    (referral.status, referral.progress.clone())
}

#[test]
fn what_is_no_replaces_is_not_carried() {
    let long = "a".repeat(3000);
    let smuggled = [
        "x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2%0D%0AX-Evil:%20yes",
        "x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2%0AX-Evil:%20yes",
        "x%0D%0A%0D%0Abody%3Bto-tag%3D1%3Bfrom-tag%3D2",
        "x%00y%3Bto-tag%3D1%3Bfrom-tag%3D2",
        "x%40y%3Bto-tag%3D1%00%3Bfrom-tag%3D2",
        "x%40y%3Bto-tag%3D%22a%0D%0AX-Evil:%20yes%22%3Bfrom-tag%3D2",
        "x%FFy%3Bto-tag%3D1%3Bfrom-tag%3D2",
        "x%40y",
        "",
        &format!("{long}%3Bto-tag%3D1%3Bfrom-tag%3D2"),
    ];
    for value in smuggled {
        let mut sim = talking(&house());
        sim.phone_mut(CAROL).always(Script::new().reply(20, 486));
        let to = format!("{}?Replaces={value}", sim.uri(BOB, "carol"));
        sim.act(BOB, Act::Refer(Refer::to(&to)));
        sim.run_for(secs(1));
        assert_eq!(told(&sim), (Some(400), vec![]), "{value}");
        assert_eq!(sim.phone(CAROL).calls().len(), 0, "{value}");
        hang_up(sim);
    }
}

#[test]
fn no_line_end_comes_out_of_a_user_part() {
    let all = format!("{}\n[[route]]\nname = \"all to carol\"\ndo = {{ bridge = [\"trunk:carol\"] }}\n", house());
    for user in ["9%0D%0AX-Evil:%20yes", "9%0AX-Evil:%20yes%0A", "9%00", "%0D%0A%0D%0A"] {
        let mut sim = talking(&all);
        sim.phone_mut(CAROL).always(Script::new().reply(20, 486));
        let to = sim.uri(BOB, user);
        let by = format!("<sip:{user}@10.0.2.1>");
        sim.act(BOB, Act::Refer(Refer::to(&to).edit(Edit::add("Referred-By", &by))));
        sim.run_for(secs(1));
        let invites: Vec<_> = sim.phone(CAROL).heard("INVITE").collect();
        assert!(invites.iter().all(|invite| invite.header("X-Evil").is_none() && invite.body.is_empty()), "{user}: {invites:?}");
        hang_up(sim);
    }
}

#[test]
fn a_transfer_that_failed_counts_on_no_trunk() {
    let text = house().replace("name = \"carol\"", "name = \"carol\"\nlimits = { calls = 2 }");
    let mut sim = talking(&text);
    sim.phone_mut(CAROL).always(Script::new().reply(20, 486));
    for _ in 0..4 {
        let to = sim.uri(BOB, "carol");
        sim.act(BOB, Act::Refer(Refer::to(&to)));
        sim.run_for(secs(1));
        assert_eq!(told(&sim), (Some(202), vec![100, 486]));
        assert_eq!(sim.core().carried(TrunkId(2)), 0);
    }
    hang_up(sim);
}

#[test]
fn a_call_of_our_own_answers_what_it_is_told_of_a_refer() {
    let mut sim = Sim::with_config(1, &house());
    sim.place(ALICE, "echo", Script::new());
    sim.run_for(secs(1));
    for _ in 0..20 {
        let edits = vec![
            Edit::add("Event", "refer"),
            Edit::add("Subscription-State", "active;expires=60"),
            Edit::Body("message/sipfrag".into(), b"SIP/2.0 100 Trying\r\n".to_vec()),
        ];
        sim.act(ALICE, Act::Request(Request { method: "NOTIFY".into(), edits }));
        sim.run_for(ms(100));
    }
    let statuses: Vec<_> = sim.phone(ALICE).heard("NOTIFY").filter(|message| !message.is_request()).map(|answer| answer.status()).collect();
    assert_eq!(statuses, [481; 20]);
    hang_up(sim);
}
