//! The latch, state by state. Sources: `sdp` the address that the description names, `port` and `port2` other ports of
//! that host, `left` the description's address before it changed, `else` another host.

use super::*;

const SDP: &str = "192.0.2.1:4000";
const PORT: &str = "192.0.2.1:4999";
const PORT2: &str = "192.0.2.1:4998";
const LEFT: &str = "192.0.2.1:3000";
const ELSE: &str = "198.51.100.66:4000";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn described() -> SourceRule {
    SourceRule::Described(address(SDP).ip())
}

fn armed(rule: SourceRule) -> Latch {
    let mut latch = Latch::closed();
    latch.arm(rule, Some(address(SDP)));
    latch
}

/// Moved from LEFT, where packets came from, to SDP.
fn moved() -> Latch {
    let mut latch = Latch::closed();
    latch.arm(described(), Some(address(LEFT)));
    assert!(latch.admit(address(LEFT), Claim::None));
    latch.arm(described(), Some(address(SDP)));
    latch
}

/// Brings a latch into each of its states, then lets one packet of each source come.
#[test]
fn every_state_answers_every_source_as_the_table_says() {
    let after = |mut latch: Latch, source: &str| {
        assert!(latch.admit(address(source), Claim::None), "{source} should bring the latch into its state");
        latch
    };
    let states: [(&str, Latch); 8] = [
        ("closed", Latch::closed()),
        ("armed", armed(described())),
        ("pinned to port", after(armed(described()), PORT)),
        ("pinned to sdp", after(armed(described()), SDP)),
        ("moved", moved()),
        ("moved, pinned to left", after(moved(), LEFT)),
        ("moved, pinned to port", after(moved(), PORT)),
        ("moved, pinned to sdp", after(moved(), SDP)),
    ];
    let mut table = String::new();
    for (name, latch) in states {
        let answers = [("sdp", SDP), ("port", PORT), ("port2", PORT2), ("left", LEFT), ("else", ELSE)].map(|(short, source)| {
            let mut latch = latch;
            let taken = latch.admit(address(source), Claim::None);
            assert_eq!(taken, latch.pinned() == Some(address(source)));
            format!("{short} {}", if taken { "in" } else { "-" })
        });
        table += &format!("{name}: {}\n", answers.join(", "));
    }
    assert_eq!(
        table,
        "closed: sdp -, port -, port2 -, left -, else -\n\
         armed: sdp in, port in, port2 in, left in, else -\n\
         pinned to port: sdp in, port in, port2 -, left -, else -\n\
         pinned to sdp: sdp in, port -, port2 -, left -, else -\n\
         moved: sdp in, port in, port2 in, left in, else -\n\
         moved, pinned to left: sdp in, port in, port2 in, left in, else -\n\
         moved, pinned to port: sdp in, port in, port2 -, left -, else -\n\
         moved, pinned to sdp: sdp in, port -, port2 -, left -, else -\n"
    );
}

#[test]
fn a_description_that_changes_nothing_arms_anew_and_prefers_nobody() {
    let mut latch = armed(described());
    assert!(latch.admit(address(PORT), Claim::None));
    latch.arm(described(), Some(address(SDP)));
    assert!(latch.admit(address(PORT), Claim::None));
    assert!(!latch.admit(address(PORT2), Claim::None));
}

#[test]
fn behind_nat_the_signalling_host_counts_and_packets_go_back_where_they_came_from() {
    let private = address("10.0.0.5:4000");
    let mut latch = Latch::closed();
    latch.arm(SourceRule::Host(address(PORT).ip()), Some(private));
    assert_eq!(latch.target(private), private, "nothing better is known");
    assert!(!latch.admit(private, Claim::None), "what the description says does not count");
    assert!(latch.admit(address(PORT), Claim::None));
    assert!(!latch.admit(address(PORT2), Claim::None));
    assert_eq!(latch.target(private), address(PORT));
    // Held without an address, then resumed as before: the way back is still known, until a packet shows another.
    latch.arm(SourceRule::Host(address(PORT).ip()), None);
    latch.arm(SourceRule::Host(address(PORT).ip()), Some(private));
    assert_eq!(latch.target(private), address(PORT));
    assert!(latch.admit(address(PORT2), Claim::None));
    assert_eq!(latch.target(private), address(PORT2));
    // Moved: the old way back may lead to nobody.
    let elsewhere = address("10.0.0.5:6000");
    latch.arm(SourceRule::Host(address(PORT).ip()), Some(elsewhere));
    assert_eq!(latch.target(elsewhere), elsewhere);
}

#[test]
fn without_nat_packets_go_where_the_description_says() {
    let mut latch = armed(described());
    assert!(latch.admit(address(PORT), Claim::None));
    assert_eq!(latch.target(address(SDP)), address(SDP));
}

#[test]
fn rtcp_may_be_described_at_another_host() {
    let mut latch = Latch::closed();
    latch.arm(described(), Some(address(ELSE)));
    assert!(latch.admit(address(PORT), Claim::None));
    assert!(latch.admit(address(ELSE), Claim::None));
}

/// As the table above, for a packet that something speaks for.
#[test]
fn a_source_that_moves_takes_the_place_of_the_pinned_one_within_its_host() {
    for claim in [Claim::Vacant, Claim::Continues] {
        for first in [SDP, PORT] {
            let mut latch = armed(described());
            assert!(latch.admit(address(first), Claim::None));
            assert!(!latch.admit(address(ELSE), claim), "never another host");
            assert!(latch.admit(address(PORT2), claim));
            assert_eq!(latch.pinned(), Some(address(PORT2)));
            assert!(!latch.admit(address(PORT), Claim::None), "it has taken the place");
            assert!(latch.admit(address(SDP), Claim::None), "and is no better than before");
        }
        assert!(!Latch::closed().admit(address(SDP), claim));
    }
}

#[test]
fn packets_to_a_leg_follow_its_stream_from_the_described_address_only() {
    let moved = |first: &str, claim: Claim| {
        let mut latch = armed(described());
        assert!(latch.admit(address(first), Claim::None));
        assert!(latch.admit(address(PORT2), claim));
        latch
    };
    let target = |latch: &Latch| latch.target(address(SDP));
    assert_eq!(target(&moved(SDP, Claim::Vacant)), address(SDP), "anybody at the host could have waited");
    assert_eq!(target(&moved(PORT, Claim::Continues)), address(SDP), "it never listened where it sends from");
    let mut latch = moved(SDP, Claim::Continues);
    assert_eq!(target(&latch), address(PORT2));
    latch.arm(described(), Some(address(SDP)));
    assert_eq!(target(&latch), address(PORT2), "the same description says nothing new");
    assert!(latch.admit(address(PORT2), Claim::None) && latch.admit(address(PORT), Claim::Continues));
    assert_eq!(target(&latch), address(PORT), "it moved on");
    let mut back = latch;
    assert!(back.admit(address(SDP), Claim::None));
    assert_eq!(target(&back), address(SDP));
    latch.arm(described(), Some(address(LEFT)));
    assert_eq!(latch.target(address(LEFT)), address(LEFT));
}

#[test]
fn behind_nat_packets_follow_wherever_the_source_moves_within_the_host() {
    for claim in [Claim::Vacant, Claim::Continues] {
        let mut latch = Latch::closed();
        latch.arm(SourceRule::Host(address(PORT).ip()), Some(address("10.0.0.5:4000")));
        assert!(latch.admit(address(PORT), Claim::None) && latch.admit(address(PORT2), claim));
        assert!(!latch.admit(address(ELSE), claim));
        assert_eq!(latch.target(address("10.0.0.5:4000")), address(PORT2));
    }
}
