//! `anchor = false`: media flows between the phones, but no description names who made it.

use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{Act, Body, Offer, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms, secs};

#[test]
fn the_origin_is_the_nodes_own_address() {
    let mut sim = Sim::new(1);
    sim.may_tell_addresses();
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "direct", Script::new().bye(500));
    sim.finish();
    for phone in [ALICE, BOB] {
        let heard = sim.phone(phone).trace().iter().filter(|traced| !traced.sent && !traced.message.body.is_empty());
        let texts: Vec<String> = heard.map(|traced| String::from_utf8_lossy(&traced.message.body).into_owned()).collect();
        assert_eq!(texts.len(), 1);
        let origin = texts[0].lines().find(|line| line.starts_with("o=")).unwrap_or_default();
        assert!(origin.starts_with("o=- ") && origin.ends_with(" IN IP4 10.0.0.1"), "{origin}");
    }
}

/// Bob brings early media, carol answers.
fn parted(seed: u64, reliable: &[SocketAddr], alice: Script, carol: Script) -> Sim {
    let mut sim = Sim::new(seed);
    sim.may_tell_addresses();
    reliable.iter().for_each(|phone| sim.phone_mut(*phone).setup_mut().reliable = true);
    sim.expect(BOB, Script::new().reply_with(100, Reply::new(183).with_sdp())).expect(CAROL, carol.reply(500, 200));
    sim.place(ALICE, "all-direct", alice);
    sim.run_until_talking(ALICE, CAROL);
    sim
}

/// The bodies of the INVITEs that a phone heard inside its dialog.
fn offers(sim: &Sim, phone: SocketAddr) -> Vec<String> {
    let later = sim.phone(phone).heard("INVITE").filter(|message| message.is_request());
    let later = later.filter(|message| message.header("To").is_some_and(|to| to.contains(";tag=")));
    later.map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect()
}

/// Where a phone was told last to send its audio.
fn remote(sim: &Sim, phone: SocketAddr) -> Option<SocketAddr> {
    sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_address())
}

/// And that is so for both of them.
fn assert_joined(sim: &Sim, pair: [SocketAddr; 2]) {
    assert_eq!(remote(sim, pair[0]), Some(sim.call(pair[1]).media()));
    assert_eq!(remote(sim, pair[1]), Some(sim.call(pair[0]).media()));
}

#[test]
fn a_caller_that_was_told_of_another_phone_is_offered_what_answered() {
    for reliable in [&[][..], &[ALICE], &[ALICE, BOB, CAROL]] {
        let mut sim = parted(2, reliable, Script::new(), Script::new());
        sim.run_for(secs(1));
        let answers: Vec<String> = sim
            .phone(ALICE)
            .heard("INVITE")
            .filter(|message| !message.is_request() && message.has_sdp())
            .map(|message| String::from_utf8_lossy(&message.body).into_owned())
            .collect();
        assert!(answers.iter().all(|answer| answer.contains("c=IN IP4 10.0.2.1")), "bob's alone (RFC 3261 §13.2.1): {answers:?}");
        assert_eq!(answers.len(), if reliable.is_empty() { 2 } else { 1 });
        let offers = (offers(&sim, ALICE), offers(&sim, CAROL));
        assert_eq!((offers.0.len(), offers.1.len()), (1, 0));
        assert!(offers.0[0].contains("c=IN IP4 10.0.3.1") && offers.0[0].contains(" 2 IN IP4 10.0.0.1\r\n"), "{}", offers.0[0]);
        assert_joined(&sim, [ALICE, CAROL]);
        // Versions rise by one: the phones see to it.
        sim.act(CAROL, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(secs(1));
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    }
}

#[test]
fn the_phone_that_was_told_of_answers_itself() {
    let mut sim = Sim::new(3);
    sim.may_tell_addresses();
    sim.phone_mut(ALICE).setup_mut().reliable = true;
    sim.expect(BOB, Script::new().reply_with(100, Reply::new(183).with_sdp()).reply(500, 200)).expect(CAROL, Script::new().reply(50, 180));
    sim.place(ALICE, "all-direct", Script::new().bye(1000));
    sim.finish();
    assert!(offers(&sim, ALICE).is_empty() && offers(&sim, BOB).is_empty());
}

#[test]
fn a_caller_that_moves_meanwhile_is_followed() {
    let moved = "v=0\r\no=alice 9 2 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4444 RTP/AVP 8\r\n";
    let reply = Reply { body: Body::Raw(moved.into()), ..Reply::new(200) };
    let alice = Script::new().habits(|habits| habits.reoffers = vec![(ms(20), reply.clone())]);
    let mut sim = parted(4, &[ALICE], alice, Script::new());
    sim.run_for(secs(1));
    assert_eq!((offers(&sim, ALICE).len(), offers(&sim, CAROL).len()), (1, 1));
    assert_eq!(remote(&sim, CAROL), Some("10.0.1.1:4444".parse().expect("an address")));
    sim.act(CAROL, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
}

#[test]
fn it_is_offered_again_after_glare_and_not_where_the_phones_changed_it_themselves() {
    let busy = || Script::new().habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(491))]);
    let mut sim = parted(5, &[ALICE], busy(), Script::new());
    sim.run_for(secs(6));
    assert_eq!(offers(&sim, ALICE).len(), 2);
    assert_joined(&sim, [ALICE, CAROL]);
    sim.act(ALICE, Act::Bye);
    sim.finish();

    let mut sim = parted(6, &[ALICE], busy(), Script::new());
    sim.run_for(ms(200));
    sim.act(CAROL, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(secs(6));
    assert_eq!(offers(&sim, ALICE).len(), 2, "ours, and carol's");
    assert_joined(&sim, [ALICE, CAROL]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn another_fork_than_the_one_that_was_told_of() {
    for reliable in [&[][..], &[ALICE], &[ALICE, BOB]] {
        let mut sim = Sim::new(7);
        sim.may_tell_addresses();
        reliable.iter().for_each(|phone| sim.phone_mut(*phone).setup_mut().reliable = true);
        let bob = Script::new().reply_with(50, Reply::new(183).with_sdp()).reply_with(90, Reply::new(183).fork(1).with_sdp());
        sim.expect(BOB, bob.reply_with(500, Reply::new(200).fork(2)));
        sim.place(ALICE, "direct", Script::new());
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(secs(1));
        assert_eq!(offers(&sim, ALICE).len(), 1);
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(secs(1));
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    }
}
