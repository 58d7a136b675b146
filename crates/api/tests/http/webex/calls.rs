//! Both are called, one after the other, and are joined or left alone.

use super::{Bench, Webex, assert_began_and_fails, inside, said};
use crate::common::{hear, request, say};
use serde_json::json;

#[test]
fn the_meeting_is_called_then_the_other_and_they_are_one_call() {
    let mut bench = Bench::with(Webex::of_people(), "from = '+15557654321'");
    let waiting = bench.begin(&json!({}));
    let invite = bench.meeting.hear_starting("INVITE");
    assert!(bench.endpoint.hears_nothing(), "it is called when the meeting has answered");
    let caller = "sip:+15557654321@";
    assert!(invite.start().contains("sip:42@") && invite.header("From").contains(caller), "{}", invite.0);
    let contact = format!("Contact: <sip:b@{}>\r\n", bench.meeting.address);
    bench.meeting.send(bench.served.node.address, &invite.answer("200 OK", "m", &contact, &bench.meeting.sdp()));
    bench.meeting.hear_starting("ACK");
    let other = bench.accept(&bench.endpoint, "e");
    assert!(other.start().contains("sip:desk@") && other.header("From").contains(caller), "{}", other.0);
    let answer = hear(waiting);
    assert_eq!(said(&answer), (true, "Bridge established.".to_owned()));
    let calls = bench.served.get("/v1/calls").json();
    let call = &calls["items"][0];
    assert_eq!((calls["items"].as_array().unwrap().len(), call["legs"].as_array().unwrap().len()), (1, 2), "{calls}");
    assert_eq!((&call["metadata"]["trackingId"], &call["route"]), (&answer.json()["trackingId"], &json!("api:webex")));
    bench.endpoint.send(bench.served.node.address, &inside(&bench.endpoint, "BYE", &other, "e"));
    bench.meeting.hear_starting("BYE");
    bench.nothing_is_left();
}

#[test]
fn a_meeting_that_ends_takes_the_other_along() {
    let mut bench = Bench::new();
    let waiting = bench.begin(&json!({"endpointSIP": "100"}));
    let invite = bench.accept(&bench.meeting, "m");
    assert!(bench.accept(&bench.endpoint, "e").start().contains("sip:100@"), "a number goes to the trunk");
    assert!(said(&hear(waiting)).0);
    bench.meeting.send(bench.served.node.address, &inside(&bench.meeting, "BYE", &invite, "m"));
    bench.endpoint.hear_starting("BYE");
    bench.nothing_is_left();
}

#[test]
fn a_form_that_says_it_does_not_wait_waits() {
    let bench = Bench::new();
    let form = format!(
        "initialToken=a&endpointToken=b&meeting=42%40{}&endpointSIP=desk%40{}&wait=false",
        bench.meeting.address, bench.endpoint.address
    );
    let (address, kind) = (bench.served.address, "Content-Type: application/x-www-form-urlencoded\r\n");
    let waiting = std::thread::spawn(move || say(address, request("POST", "/bridge", kind, &form).as_bytes()));
    bench.accept(&bench.meeting, "m");
    bench.accept(&bench.endpoint, "e");
    assert_eq!(said(&waiting.join().unwrap()), (true, "Bridge established.".to_owned()));
}

#[test]
fn who_does_not_wait_or_goes_away_gets_the_call_all_the_same() {
    let bench = Bench::new();
    assert!(said(&bench.bridge(&json!({}))).0);
    bench.accept(&bench.meeting, "m");
    bench.accept(&bench.endpoint, "e");
    let waiting = bench.begin(&json!({}));
    bench.accept(&bench.meeting, "n");
    drop(waiting);
    bench.accept(&bench.endpoint, "f");
}

#[test]
fn a_meeting_that_refuses_is_told_and_nobody_else_called() {
    let mut bench = Bench::new();
    let waiting = bench.begin(&json!({}));
    let invite = bench.meeting.hear_starting("INVITE");
    bench.meeting.send(bench.served.node.address, &invite.answer("603 Decline", "m", "", ""));
    let meeting = format!("sip:42@{}", bench.meeting.address);
    assert_began_and_fails(waiting, &format!("{meeting} could not be joined: Decline (603)"));
    assert!(bench.endpoint.hears_nothing());
    bench.nothing_is_left();
}

#[test]
fn a_side_that_refuses_is_told_and_the_meeting_left() {
    let mut bench = Bench::new();
    let waiting = bench.begin(&json!({}));
    bench.accept(&bench.meeting, "m");
    let invite = bench.endpoint.hear_starting("INVITE");
    bench.endpoint.send(bench.served.node.address, &invite.answer("486 Busy Here", "e", "", ""));
    let endpoint = format!("desk@{}", bench.endpoint.address);
    assert_began_and_fails(waiting, &format!("{endpoint} could not be joined because Busy Here (486)"));
    bench.meeting.hear_starting("BYE");
    bench.nothing_is_left();
}

#[test]
fn a_meeting_that_puts_us_out_is_told_and_the_other_rings_no_more() {
    let mut bench = Bench::new();
    let waiting = bench.begin(&json!({}));
    let invite = bench.accept(&bench.meeting, "m");
    let other = bench.endpoint.hear_starting("INVITE");
    bench.endpoint.send(bench.served.node.address, &other.answer("180 Ringing", "e", "", ""));
    bench.meeting.send(bench.served.node.address, &inside(&bench.meeting, "BYE", &invite, "m"));
    let cancel = bench.endpoint.hear_starting("CANCEL");
    bench.endpoint.send(bench.served.node.address, &cancel.answer("200 OK", "e", "", ""));
    bench.endpoint.send(bench.served.node.address, &other.answer("487 Request Terminated", "e", "", ""));
    assert_began_and_fails(waiting, &format!("sip:42@{} could not be joined: it hung up", bench.meeting.address));
    bench.nothing_is_left();
}

#[test]
fn a_meeting_that_does_not_answer_is_given_up() {
    let bench = Bench::with(Webex::of_people(), "bridge_timeout = '300ms'");
    let waiting = bench.begin(&json!({}));
    let invite = bench.meeting.hear_starting("INVITE");
    bench.meeting.send(bench.served.node.address, &invite.answer("180 Ringing", "m", "", ""));
    assert_began_and_fails(waiting, "Timeout waiting for initialToken user to be let into meetingSIP.");
    bench.meeting.hear_starting("CANCEL");
    assert!(bench.endpoint.hears_nothing());
}

#[test]
fn a_side_that_does_not_answer_is_given_up_and_the_meeting_left() {
    let bench = Bench::with(Webex::of_people(), "bridge_timeout = '2s'");
    let waiting = bench.begin(&json!({}));
    bench.accept(&bench.meeting, "m");
    let invite = bench.endpoint.hear_starting("INVITE");
    bench.endpoint.send(bench.served.node.address, &invite.answer("180 Ringing", "e", "", ""));
    assert_began_and_fails(waiting, "Timeout waiting for endpointToken to dial endpointSIP");
    bench.endpoint.hear_starting("CANCEL");
    bench.meeting.hear_starting("BYE");
}

#[test]
fn a_node_that_drains_calls_nobody() {
    let bench = Bench::new();
    let waiting = bench.begin(&json!({}));
    bench.accept(&bench.meeting, "m");
    bench.accept(&bench.endpoint, "e");
    assert!(said(&hear(waiting)).0);
    bench.served.post("/v1/admin/drain", "");
    let answer = bench.bridge(&json!({"wait": true}));
    let (done, message) = said(&answer);
    assert!(!done && message.ends_with("could not be joined: the node takes no new calls: it is about to stop"), "{message}");
}
