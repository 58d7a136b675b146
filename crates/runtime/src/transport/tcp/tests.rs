//! Real connections on loopback: what comes, what goes, and what is cut.

use super::*;
use crate::{tls::Host, transport::test_runtime};
use std::{cell::Cell, rc::Weak, time::Duration};
use tandem_policy::Offence;
use tandem_signalling::message::FrameError;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::LocalSet,
    time::timeout,
};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

const SHORT: Duration = Duration::from_millis(60);

const ANSWER: &[u8] = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Who asks for this gets so many bytes.
const LONG: &[u8] = b"OPTIONS sip:long";
const LONG_ANSWER: usize = 20_000;

/// Remembers what it is told.
struct Witness {
    seen: RefCell<Vec<String>>,
    /// What everybody is.
    standing: Cell<Standing>,
    /// Strangers get nothing.
    silent: Cell<bool>,
    /// Somebody is reached over every connection.
    needs: Cell<bool>,
    news: Notify,
    /// Answers each message with this.
    answers: RefCell<Weak<TcpTransport>>,
}

impl Witness {
    fn new() -> Rc<Witness> {
        Rc::new(Witness {
            seen: RefCell::default(),
            standing: Cell::new(Standing::Stranger),
            silent: Cell::new(false),
            needs: Cell::new(false),
            news: Notify::new(),
            answers: RefCell::default(),
        })
    }

    fn note(&self, what: String) {
        self.seen.borrow_mut().push(what);
        self.news.notify_one();
    }

    async fn hears(&self, what: &str) {
        let heard = async {
            while !self.seen.borrow().iter().any(|seen| seen.contains(what)) {
                self.news.notified().await;
            }
        };
        timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("{what} never came: {:?}", self.seen.borrow()));
    }
}

impl StreamUser for Witness {
    fn on_message(self: &Rc<Self>, flow: Flow, _: &[Box<str>], message: Bytes) {
        self.note(String::from_utf8_lossy(&message).into_owned());
        if let Some(transport) = self.answers.borrow().upgrade() {
            let answer = if message.starts_with(LONG) { Bytes::from(vec![b'x'; LONG_ANSWER]) } else { Bytes::from_static(ANSWER) };
            transport.send(flow.remote, &answer, false, self);
        }
    }

    fn on_broken(self: &Rc<Self>, _: Flow, _: &[Box<str>], error: &FrameError) -> Option<Bytes> {
        self.note(format!("broken: {error}"));
        Some(Bytes::from_static(b"SIP/2.0 400 Bad Request\r\n\r\n"))
    }

    fn is_needed(&self, _: &Flow) -> bool {
        self.note("asked whether it is needed".to_owned());
        self.needs.get()
    }

    fn answers_keep_alives(&self, _: &Flow, _: &[Box<str>]) -> bool {
        !self.silent.get()
    }

    fn standing(&self, _: SocketAddr) -> Standing {
        self.standing.get()
    }

    fn on_offence_there(&self, _: SocketAddr, offence: Offence) {
        self.note(format!("offence: {offence}"));
    }

    fn on_over(self: &Rc<Self>, _: ListenerId, _: SocketAddr, _: Option<&[Host]>, end: &End) {
        self.note(format!("over: {end}"));
    }
}

fn with(limits: StreamLimits, test: impl AsyncFnOnce(Rc<TcpTransport>, Rc<Witness>)) {
    LocalSet::new().block_on(&test_runtime(), async {
        let transport = Rc::new(TcpTransport::bind(ListenerId(3), "127.0.0.1:0".parse().unwrap(), limits).unwrap());
        let witness = Witness::new();
        tokio::task::spawn_local(transport.clone().accept(witness.clone()));
        test(transport, witness).await;
    });
}

fn message(name: &str) -> Bytes {
    format!("OPTIONS sip:{name} SIP/2.0\r\nContent-Length: 4\r\n\r\nbody").into()
}

#[test]
fn messages_come_whole_however_they_are_cut_and_answers_go_back_over_their_connection() {
    with(StreamLimits::USUAL, async |transport, witness| {
        *witness.answers.borrow_mut() = Rc::downgrade(&transport);
        let mut peer = TcpStream::connect(transport.local()).await.unwrap();
        let two = [message("one"), message("two")].concat();
        for piece in two.chunks(7) {
            peer.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        witness.hears("sip:two").await;
        peer.write_all(b"\r\n\r\n").await.unwrap();
        let expected = [ANSWER, ANSWER, b"\r\n"].concat();
        let mut answers = vec![0; expected.len()];
        timeout(PATIENCE, peer.read_exact(&mut answers)).await.unwrap().unwrap();
        assert_eq!(String::from_utf8(answers).unwrap(), String::from_utf8(expected).unwrap());
        assert!(transport.is_connected(peer.local_addr().unwrap()));
        drop(peer);
        witness.hears("over: closed by the other end").await;
    });
}

#[test]
fn a_connection_is_made_once_and_used_again() {
    with(StreamLimits::USUAL, async |transport, witness| {
        let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = far.local_addr().unwrap();
        assert_eq!(transport.send(there, &message("one"), false, &witness), Sent::Now);
        assert_eq!(transport.send(there, &message("two"), false, &witness), Sent::Now);
        let (peer, from) = timeout(PATIENCE, far.accept()).await.unwrap().unwrap();
        assert_eq!(from.ip(), transport.local().ip());
        let mut lines = tokio::io::BufReader::new(peer).lines();
        let mut got = Vec::new();
        while got.len() < 2 {
            let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
            got.extend(line.contains("OPTIONS").then_some(line));
        }
        assert!(got[0].contains("sip:one") && got[1].contains("sip:two"), "{got:?}");
    });
}

#[test]
fn who_refuses_is_told_at_once() {
    with(StreamLimits::USUAL, async |transport, witness| {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(transport.send(nobody, &message("one"), false, &witness), Sent::Now);
        witness.hears("over: not made: Connection refused").await;
        assert!(!transport.is_connected(nobody));
    });
}

#[test]
fn what_has_no_length_is_answered_and_cut() {
    with(StreamLimits::USUAL, async |transport, witness| {
        let mut peer = TcpStream::connect(transport.local()).await.unwrap();
        peer.write_all(b"OPTIONS sip:a SIP/2.0\r\n\r\nx").await.unwrap();
        let mut all = Vec::new();
        timeout(PATIENCE, peer.read_to_end(&mut all)).await.unwrap().unwrap();
        assert!(all.starts_with(b"SIP/2.0 400"));
        witness.hears("over: no Content-Length").await;
    });
}

#[test]
fn slow_and_idle_ones_are_cut() {
    let cut = |limits: StreamLimits, bytes: &'static [u8], why: &'static str| {
        with(limits, async |transport, witness| {
            let mut peer = TcpStream::connect(transport.local()).await.unwrap();
            peer.write_all(bytes).await.unwrap();
            witness.hears(why).await;
        });
    };
    let usual = StreamLimits::USUAL;
    cut(StreamLimits { first_message: SHORT, ..usual }, b"", "nothing came");
    cut(StreamLimits { message: SHORT, ..usual }, b"OPTIONS sip:a", "a message took too long");
    cut(StreamLimits { somebody: SHORT, ..usual }, b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n", "nothing came that is anybody's");
    cut(StreamLimits { somebody: SHORT, ..usual }, b"\r\n\r\n\r\n\r\n", "nothing came that is anybody's");
    cut(StreamLimits { idle: SHORT, ..usual }, b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n", "idle");
}

#[test]
fn a_connection_that_a_phone_is_reached_over_may_be_silent() {
    with(StreamLimits { idle: SHORT, ..StreamLimits::USUAL }, async |transport, witness| {
        witness.needs.set(true);
        let mut peer = TcpStream::connect(transport.local()).await.unwrap();
        peer.write_all(&message("one")).await.unwrap();
        witness.hears("asked whether it is needed").await;
        assert!(transport.is_connected(peer.local_addr().unwrap()));
        witness.needs.set(false);
        witness.hears("over: idle").await;
    });
}

#[test]
fn who_never_pauses_is_cut_in_time() {
    for limits in [
        StreamLimits { first_message: SHORT, ..StreamLimits::USUAL },
        StreamLimits { somebody: SHORT, first_message: SHORT * 100, ..StreamLimits::USUAL },
    ] {
        with(limits, async |transport, witness| {
            let mut peer = TcpStream::connect(transport.local()).await.unwrap();
            let writing = tokio::task::spawn_local(async move {
                let line_ends = b"\r\n".repeat(32_768);
                while peer.write_all(&line_ends).await.is_ok() {}
            });
            witness.hears("nothing came").await;
            timeout(PATIENCE, writing).await.unwrap().unwrap();
        });
    }
}

#[test]
fn a_stranger_to_a_silent_listener_is_not_told_that_it_lives() {
    with(StreamLimits { first_message: SHORT, ..StreamLimits::USUAL }, async |transport, witness| {
        witness.silent.set(true);
        let mut peer = TcpStream::connect(transport.local()).await.unwrap();
        peer.write_all(b"\r\n\r\n").await.unwrap();
        let mut got = Vec::new();
        timeout(PATIENCE, peer.read_to_end(&mut got)).await.unwrap().unwrap();
        assert!(got.is_empty(), "{got:?}");
    });
}

#[test]
fn what_strangers_do_is_told_and_what_the_known_do_is_not() {
    let told = |standing: Standing, limits: StreamLimits, bytes: &'static [u8]| {
        let mut offences = Vec::new();
        with(limits, async |transport, witness| {
            witness.standing.set(standing);
            let mut peer = TcpStream::connect(transport.local()).await.unwrap();
            peer.write_all(bytes).await.unwrap();
            peer.shutdown().await.unwrap();
            witness.hears("over: ").await;
            offences = witness.seen.borrow().iter().filter(|seen| seen.starts_with("offence: ")).cloned().collect();
        });
        offences
    };
    let garbage = b"GET / HTTP/1.1\r\nContent-Length: none\r\n\r\n";
    assert_eq!(told(Standing::Stranger, StreamLimits::USUAL, garbage), ["offence: no SIP"]);
    assert!(told(Standing::Known, StreamLimits::USUAL, garbage).is_empty());
    assert!(told(Standing::Stranger, StreamLimits::USUAL, b"").is_empty(), "who looks whether the port is open does no harm");
    let stays = StreamLimits { glance: Duration::ZERO, ..StreamLimits::USUAL };
    let nobodys = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";
    for bytes in [&b""[..], b"\r\n\r\n", b"OPTIONS sip:a", nobodys] {
        assert_eq!(told(Standing::Stranger, stays, bytes), ["offence: idle connections"], "who leaves just before being cut");
        assert!(told(Standing::Known, stays, bytes).is_empty());
    }
    let crowd = StreamLimits { glances: 0, ..StreamLimits::USUAL };
    assert_eq!(told(Standing::Stranger, crowd, b""), ["offence: idle connections"], "nobody looks so often at once");
}

#[test]
fn who_brings_nothing_of_anybodys_has_done_wrong() {
    with(StreamLimits { somebody: SHORT, ..StreamLimits::USUAL }, async |transport, witness| {
        let mut peer = TcpStream::connect(transport.local()).await.unwrap();
        peer.write_all(&message("one")).await.unwrap();
        witness.hears("over: nothing came that is anybody's").await;
        witness.hears("offence: idle connections").await;
    });
}

#[test]
fn who_says_nothing_has_done_wrong_and_who_is_banned_is_not_let_in() {
    with(StreamLimits { first_message: SHORT, ..StreamLimits::USUAL }, async |transport, witness| {
        let _peer = TcpStream::connect(transport.local()).await.unwrap();
        witness.hears("offence: idle connections").await;
        witness.standing.set(Standing::Banned);
        let mut peer = TcpStream::connect(transport.local()).await.unwrap();
        let mut nothing = [0; 1];
        assert_eq!(timeout(PATIENCE, peer.read(&mut nothing)).await.unwrap().unwrap(), 0);
        assert!(transport.connections.borrow().is_empty());
    });
}

#[test]
fn a_connection_is_cut_as_soon_as_its_address_is_banned() {
    with(StreamLimits::USUAL, async |transport, witness| {
        let mut peer = TcpStream::connect(transport.local()).await.unwrap();
        peer.write_all(&message("one")).await.unwrap();
        witness.hears("sip:one").await;
        witness.standing.set(Standing::Banned);
        peer.write_all(&[message("two"), message("three")].concat()).await.unwrap();
        witness.hears("over: its address is banned").await;
        assert!(!witness.seen.borrow().iter().any(|seen| seen.contains("sip:three")));
    });
}

#[test]
fn the_other_end_is_gone_when_it_has_closed_its_half() {
    with(StreamLimits::USUAL, async |transport, witness| {
        let mut peer = TcpStream::connect(transport.local()).await.unwrap();
        peer.write_all(&message("one")).await.unwrap();
        peer.shutdown().await.unwrap();
        witness.hears("over: closed by the other end").await;
        assert_eq!(transport.places.taken(), 0);
    });
}

#[test]
fn the_known_find_a_place_when_strangers_have_all_that_they_may() {
    with(StreamLimits { connections: 16, ..StreamLimits::USUAL }, async |transport, witness| {
        let mut peers = Vec::new();
        for _ in 0..12 {
            peers.push(TcpStream::connect(transport.local()).await.unwrap());
        }
        let mut nothing = [0; 1];
        assert_eq!(timeout(PATIENCE, peers[8].read(&mut nothing)).await.unwrap().unwrap(), 0, "half of sixteen are for strangers");
        witness.standing.set(Standing::Known);
        let mut known = TcpStream::connect(transport.local()).await.unwrap();
        known.write_all(&message("known")).await.unwrap();
        witness.hears("sip:known").await;
        assert_eq!(transport.places.taken(), 9);
    });
}

#[test]
fn who_does_not_read_is_cut_and_what_waits_is_bounded() {
    let limits = StreamLimits { unread: SHORT, unwritten: 100_000, ..StreamLimits::USUAL };
    with(limits, async |transport, witness| {
        let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = far.local_addr().unwrap();
        let large = Bytes::from(vec![b'x'; 60_000]);
        assert_eq!(transport.send(there, &large, false, &witness), Sent::Now);
        assert_eq!(transport.send(there, &large, false, &witness), Sent::Unreachable);
        let _peer = timeout(PATIENCE, far.accept()).await.unwrap().unwrap();
        // As much as the system keeps for both ends, and more.
        while transport.is_connected(there) {
            transport.send(there, &large, false, &witness);
            tokio::task::yield_now().await;
        }
        witness.hears("over: the other end does not read").await;
    });
}

#[test]
fn connections_are_bounded() {
    with(StreamLimits { connections: 3, of_one_address: 2, ..StreamLimits::USUAL }, async |transport, witness| {
        witness.standing.set(Standing::Known);
        let mut peers = Vec::new();
        for _ in 0..3 {
            peers.push(TcpStream::connect(transport.local()).await.unwrap());
        }
        // The third is closed without a word.
        let mut nothing = [0; 1];
        assert_eq!(timeout(PATIENCE, peers[2].read(&mut nothing)).await.unwrap().unwrap(), 0);
        let far = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(transport.send(far, &message("third"), false, &witness), Sent::Now);
        let further: SocketAddr = "127.0.0.9:5060".parse().unwrap();
        assert_eq!(transport.send(further, &message("fourth"), false, &witness), Sent::Unreachable);
    });
}

#[test]
fn who_reads_late_is_not_served_meanwhile_and_misses_no_answer() {
    let limits = StreamLimits { unwritten: 100_000, unanswered: 50_000, ..StreamLimits::USUAL };
    with(limits, async |transport, witness| {
        *witness.answers.borrow_mut() = Rc::downgrade(&transport);
        let mut peer = TcpStream::connect(transport.local()).await.unwrap();
        let questions = 1_000;
        peer.write_all(&message("long").repeat(questions)).await.unwrap();
        // More than the system keeps for both ends: by now most of it waits to be read.
        while witness.seen.borrow().len() < 5 {
            tokio::task::yield_now().await;
        }
        let mut answers = vec![0; questions * LONG_ANSWER];
        timeout(PATIENCE, peer.read_exact(&mut answers)).await.unwrap().unwrap();
        assert_eq!(witness.seen.borrow().len(), questions);
    });
}

#[test]
fn keep_alives_without_end_cost_few_answers() {
    with(StreamLimits::USUAL, async |transport, witness| {
        *witness.answers.borrow_mut() = Rc::downgrade(&transport);
        let (mut reader, mut writer) = TcpStream::connect(transport.local()).await.unwrap().into_split();
        let pings = 100_000;
        let all = [b"\r\n\r\n".repeat(pings), message("last").to_vec()].concat();
        let writing = tokio::task::spawn_local(async move { writer.write_all(&all).await.map(|()| writer) });
        let (mut got, mut piece) = (Vec::new(), [0; 4_096]);
        let hear = async {
            while !got.ends_with(ANSWER) {
                let length = reader.read(&mut piece).await.unwrap();
                got.extend_from_slice(&piece[..length]);
            }
        };
        timeout(PATIENCE, hear).await.unwrap();
        writing.await.unwrap().unwrap();
        let pongs = (got.len() - ANSWER.len()) / 2;
        assert!((1..pings / 10).contains(&pongs), "{pongs} answers to {pings} keep-alives");
    });
}

#[test]
fn a_place_is_kept_for_a_connection_of_our_own() {
    with(StreamLimits { connections: 8, ..StreamLimits::USUAL }, async |transport, witness| {
        let mut peers = Vec::new();
        for _ in 0..8 {
            peers.push(TcpStream::connect(transport.local()).await.unwrap());
        }
        let mut nothing = [0; 1];
        assert_eq!(timeout(PATIENCE, peers[7].read(&mut nothing)).await.unwrap().unwrap(), 0);
        let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(transport.send(far.local_addr().unwrap(), &message("ours"), false, &witness), Sent::Now);
        timeout(PATIENCE, far.accept()).await.unwrap().unwrap();
    });
}

#[test]
fn a_network_of_ipv6_counts_as_one_address() {
    let whom = |text: &str| tandem_model::neighbourhood(text.parse().unwrap());
    assert_eq!(whom("2001:db8:0:1::1"), whom("2001:db8:0:1:ffff::2"));
    assert_ne!(whom("2001:db8:0:1::1"), whom("2001:db8:0:2::1"));
    assert_eq!(whom("::ffff:192.0.2.1"), whom("192.0.2.1"));
    assert_ne!(whom("192.0.2.1"), whom("192.0.2.2"));
}
