//! What both hear: the other, and never themselves.

use super::{Bench, Webex, inside, said};
use crate::common::{hear, node::Heard, node::Peer};
use serde_json::json;
use std::{net::UdpSocket, time::Duration};

/// Packets of 20 ms that each side must hear.
const ENOUGH: usize = 25;

/// A side with sound: all that it says is this one octet of mu-law.
struct Side {
    rtp: UdpSocket,
    says: u8,
    sent: u16,
    heard: Vec<u8>,
}

impl Side {
    fn new(says: u8) -> Side {
        let rtp = UdpSocket::bind("127.0.0.1:0").unwrap();
        rtp.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        Side { rtp, says, sent: 0, heard: Vec::new() }
    }

    fn sdp(&self, peer: &Peer) -> String {
        peer.sdp().replace("30000", &self.rtp.local_addr().unwrap().port().to_string())
    }

    /// Says something to where that offer wants it, and hears what has come.
    fn talk(&mut self, offer: &Heard) {
        let port =
            offer.0.lines().find_map(|line| line.strip_prefix("m=audio ")).unwrap().split(' ').next().unwrap().parse::<u16>().unwrap();
        let mut packet = vec![0x80, 0];
        packet.extend(self.sent.to_be_bytes());
        packet.extend((u32::from(self.sent) * 160).to_be_bytes());
        packet.extend(u32::from(self.says).to_be_bytes());
        packet.extend([self.says; 160]);
        self.sent += 1;
        self.rtp.send_to(&packet, ("127.0.0.1", port)).unwrap();
        let mut buffer = [0; 2048];
        // The wait for it paces what is said.
        while let Ok((length, _)) = self.rtp.recv_from(&mut buffer) {
            if length > 12 && buffer[1] & 0x7f == 0 {
                self.heard.push(buffer[length - 1]);
            }
        }
    }
}

fn accept(bench: &Bench, peer: &Peer, side: &Side, tag: &str) -> Heard {
    let invite = peer.hear_starting("INVITE");
    let contact = format!("Contact: <sip:b@{}>\r\n", peer.address);
    peer.send(bench.served.node.address, &invite.answer("200 OK", tag, &contact, &side.sdp(peer)));
    peer.hear_starting("ACK");
    invite
}

/// Pairs of ports in use.
fn ports_in_use(bench: &Bench) -> String {
    let metrics = bench.served.get("/metrics").body;
    let line = metrics.lines().find(|line| line.contains("media_port_pairs{") && line.contains("in_use")).unwrap();
    line.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn each_hears_the_other_and_nobody_themselves() {
    let mut bench = Bench::whole(Webex::of_people(), "", "", true);
    let (mut meeting, mut endpoint) = (Side::new(0x91), Side::new(0xa4));
    let waiting = bench.begin(&json!({}));
    let first = accept(&bench, &bench.meeting, &meeting, "m");
    for _ in 0..5 {
        meeting.talk(&first);
    }
    assert!(!meeting.heard.contains(&meeting.says), "nobody hears themselves while the other is called");
    let second = accept(&bench, &bench.endpoint, &endpoint, "e");
    assert!(said(&hear(waiting)).0);
    let enough = |side: &Side, other: u8| side.heard.iter().filter(|octet| **octet == other).count() >= ENOUGH;
    for _ in 0..500 {
        meeting.talk(&first);
        endpoint.talk(&second);
        if enough(&meeting, endpoint.says) && enough(&endpoint, meeting.says) {
            break;
        }
    }
    for (side, other) in [(&meeting, endpoint.says), (&endpoint, meeting.says)] {
        assert!(enough(side, other), "{:?}", side.heard);
        assert!(!side.heard.contains(&side.says), "{:?}", side.heard);
    }
    assert_eq!(ports_in_use(&bench), "2");
    bench.endpoint.send(bench.served.node.address, &inside(&bench.endpoint, "BYE", &second, "e"));
    bench.meeting.hear_starting("BYE");
    bench.nothing_is_left();
    assert!((0..500).any(|_| ports_in_use(&bench) == "0"), "{}", ports_in_use(&bench));
}
