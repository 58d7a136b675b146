//! What one side says of itself does not reach the other, but for what the audio needs.

use crate::negotiation_support::*;

const TALKATIVE: &str = "v=0\r\no=alice 53655765 2353687637 IN IP4 192.168.1.20\r\ns=Alice's phone\r\ni=secret plans\r\n\
    u=http://alice.example.com\r\ne=alice@example.com\r\np=+1 617 555-6011\r\nc=IN IP4 192.0.2.10\r\nb=AS:64\r\nt=0 0\r\n\
    k=clear:hunter2\r\na=tool:softphone 1.2\r\na=ice-ufrag:abcd\r\na=group:BUNDLE 0\r\n\
    m=audio 4000 RTP/AVP 0 111\r\ni=kitchen\r\nb=AS:32\r\nk=prompt\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
    a=candidate:1 1 UDP 2130706431 192.168.1.20 8998 typ host\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n\
    a=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=mid:0\r\na=ssrc:1 cname:alice\r\na=extmap:1 urn:x\r\na=X-secret:1\r\na=sendrecv\r\n";

#[test]
fn only_what_we_write_ourselves_goes_on() {
    let (mut a, mut b) = legs();
    let answered = TALKATIVE.replace("192.0.2.10", "198.51.100.7");
    let (ours, settled) = exchange(TALKATIVE, &answered, &mut a, &mut b);
    for sdp in [&*ours, text(&settled.answer)] {
        let names = |line: &str| line.split([':', ' ', '\r']).next().unwrap_or_default().to_owned();
        let seen: Vec<_> = sdp.split("\r\n").filter(|line| !line.is_empty()).map(names).collect();
        assert_eq!(seen, ["v=0", "o=-", "s=-", "c=IN", "t=0", "m=audio", "a=rtpmap", "a=rtpmap", "a=sendrecv"], "{sdp}");
        for secret in ["192.168", "192.0.2", "198.51", "alice", "Alice", "hunter2", "53655765"] {
            assert!(!sdp.contains(secret), "{secret} in {sdp}");
        }
    }
}

#[test]
fn parameters_that_are_not_plain_text_do_not_go_on() {
    let media = |parameters: &str| {
        let (mut a, mut b) = legs();
        let offered = sdp("192.0.2.10", &format!("m=audio 4000 RTP/AVP 111\na=rtpmap:111 opus/48000/2\na=fmtp:111 {parameters}\n"));
        lines(text(offer(&offered, &mut a, &mut b).sdp()), "a=fmtp").len()
    };
    assert_eq!(media("stereo=1; useinbandfec=1"), 1);
    assert_eq!(media("stereo=\u{1b}[2J"), 0);
    assert_eq!(media("stereo=\u{fc}"), 0);
    assert_eq!(media(""), 0);
    assert_eq!(media(&"x".repeat(10_000)), 0);
}
