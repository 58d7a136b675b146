//! Where RTCP goes: RFC 3605, and RFC 5761 where it was offered.

use crate::negotiation_support::*;
use tandem_model::Codec;
use tandem_signalling::negotiation::LegMedia;

fn with(offered: &str, answered: &str) -> (String, tandem_signalling::negotiation::Settled) {
    let (mut a, mut b) = legs();
    exchange(&(caller() + offered), &(called() + answered), &mut a, &mut b)
}

#[test]
fn it_goes_to_the_next_port_unless_the_leg_says_otherwise() {
    let (_, settled) = with("a=rtcp:4999\r\n", "a=rtcp:53020 IN IP4 198.51.100.8\r\n");
    assert_eq!(settled.describe_from.unwrap().rtcp, Some("192.0.2.10:4999".parse().unwrap()));
    assert_eq!(settled.describe_to.unwrap().rtcp, Some("198.51.100.8:53020".parse().unwrap()));
}

#[test]
fn an_address_that_cannot_be_sent_to_is_read_over() {
    for address in ["IN IP4 phone.example.com", "IN IP6 2001:db8::1", "IN IP4 0.0.0.0", "IN IP4 224.0.0.1", "junk"] {
        let (_, settled) = with(&format!("a=rtcp:4999 {address}\r\n"), "");
        assert_eq!(settled.describe_from.unwrap().rtcp, Some("192.0.2.10:4999".parse().unwrap()), "{address}");
    }
    assert_eq!(with("a=rtcp:0\r\n", "").1.describe_from.unwrap().rtcp, None);
}

#[test]
fn the_last_port_has_no_next_one() {
    let (mut a, mut b) = legs();
    let (_, settled) = exchange(&caller().replace("4000", "65535"), &called(), &mut a, &mut b);
    assert_eq!(settled.describe_from.unwrap().rtcp, None);
}

#[test]
fn a_leg_that_gives_it_no_bandwidth_gets_none() {
    let none = "b=RS:0\r\nb=RR:0\r\n";
    let (_, settled) = with(&format!("{none}a=rtcp-mux\r\n"), &format!("b=AS:80\r\n{none}a=rtcp:53020\r\n"));
    assert_eq!((settled.describe_from.unwrap().rtcp, settled.describe_to.unwrap().rtcp), (None, None));
    // Only together are they a wish for none.
    for some in ["b=RS:0\r\n", "b=RR:0\r\n", "b=RS:0\r\nb=RR:600\r\n"] {
        assert_eq!(with(some, "").1.describe_from.unwrap().rtcp, Some("192.0.2.10:4001".parse().unwrap()), "{some}");
    }
    let (mut a, mut b) = legs();
    let of_session = caller().replace("t=0 0\r\n", &format!("{none}t=0 0\r\n"));
    assert_ne!(of_session, caller());
    let (_, settled) = exchange(&of_session, &called(), &mut a, &mut b);
    assert_eq!(settled.describe_from.unwrap().rtcp, None);
}

#[test]
fn sharing_is_agreed_per_leg_and_only_where_it_was_offered() {
    // Offered and answered.
    let (ours, settled) = with("a=rtcp-mux\r\n", "a=rtcp-mux\r\n");
    assert_eq!((lines(&ours, "a=rtcp-mux").len(), lines(text(&settled.answer), "a=rtcp-mux").len()), (1, 1));
    let to = settled.describe_to.unwrap();
    assert_eq!((to.rtcp_mux, to.rtcp), (true, to.rtp));
    // Offered, and the other side will not.
    let (_, settled) = with("a=rtcp-mux\r\n", "");
    let (from, to) = (settled.describe_from.unwrap(), settled.describe_to.unwrap());
    assert_eq!((from.rtcp_mux, from.rtcp), (true, from.rtp));
    assert_eq!((to.rtcp_mux, to.rtcp), (false, Some("198.51.100.7:6001".parse().unwrap())));
    // Not offered: an answer that has it all the same does not count.
    let (ours, settled) = with("", "a=rtcp-mux\r\n");
    assert!(lines(&ours, "a=rtcp-mux").is_empty() && lines(text(&settled.answer), "a=rtcp-mux").is_empty());
    assert!(!settled.describe_to.unwrap().rtcp_mux);
}

#[test]
fn what_is_shared_stays_shared_when_the_other_side_offers() {
    let (mut a, mut b) = legs();
    exchange(&(caller() + "a=rtcp-mux\r\n"), &called(), &mut a, &mut b);
    let (ours, settled) = exchange(&called(), &(caller() + "a=rtcp-mux\r\n"), &mut b, &mut a);
    assert_eq!(lines(&ours, "a=rtcp-mux").len(), 1);
    assert!(settled.describe_to.unwrap().rtcp_mux && !settled.describe_from.unwrap().rtcp_mux);
}

#[test]
fn a_port_of_ours_that_is_not_the_next_is_stated() {
    let mut local = endpoint("10.0.0.2", 20004);
    local.rtcp.set_port(30001);
    let (mut a, mut b) = (leg(1, 20000, &Codec::ALL), LegMedia::new(&Codec::ALL, true, None, 1));
    b.set_local(local);
    let pending = offer(&caller(), &mut a, &mut b);
    assert_eq!(lines(text(pending.sdp()), "a=rtcp:"), ["a=rtcp:30001 IN IP4 10.0.0.2"]);
}
