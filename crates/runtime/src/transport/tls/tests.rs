//! Real connections on loopback, with certificates made on the spot: who is believed, what comes, what goes, and what is cut.

use super::*;
use crate::{
    background::{self, BackgroundThread},
    tls::testing::{Authority, Issued},
    transport::test_runtime,
};
use rustls::{
    ClientConfig, Connection as Tls, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    cell::Cell,
    future::poll_fn,
    io::Write,
    sync::{Arc, Mutex},
};
use tandem_policy::Offence;
use tandem_signalling::message::FrameError;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::LocalSet,
    time::timeout,
};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

const SHORT: Duration = Duration::from_millis(60);

/// Remembers what it is told.
struct Witness {
    seen: RefCell<Vec<String>>,
    flows: RefCell<Vec<Flow>>,
    /// Everybody.
    knows: Cell<bool>,
    news: Notify,
}

impl Witness {
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

    /// The latest.
    fn flow(&self) -> Flow {
        *self.flows.borrow().last().unwrap()
    }
}

impl StreamUser for Witness {
    fn on_message(self: &Rc<Self>, flow: Flow, names: &[Box<str>], message: Bytes) {
        self.flows.borrow_mut().push(flow);
        self.note(format!("{} from {names:?}", String::from_utf8_lossy(&message)));
    }

    fn on_broken(self: &Rc<Self>, _: Flow, _: &[Box<str>], error: &FrameError) -> Option<Bytes> {
        self.note(format!("broken: {error}"));
        None
    }

    fn is_needed(&self, _: &Flow) -> bool {
        false
    }

    fn answers_keep_alives(&self, _: &Flow, _: &[Box<str>]) -> bool {
        true
    }

    fn standing(&self, _: SocketAddr) -> Standing {
        if self.knows.get() { Standing::Known } else { Standing::Stranger }
    }

    fn on_offence_there(&self, _: SocketAddr, offence: Offence) {
        self.note(format!("offence: {offence}"));
    }

    fn on_over(self: &Rc<Self>, _: ListenerId, _: SocketAddr, hosts: Option<&[Host]>, end: &End) {
        let hosts: Vec<_> = hosts.unwrap_or_default().iter().map(Host::to_string).collect();
        self.note(format!("over for {hosts:?}: {end}"));
    }
}

/// A listener and who works on what comes there.
struct Side {
    transport: Rc<TlsTransport>,
    witness: Rc<Witness>,
    _background: BackgroundThread,
}

impl Side {
    fn open(settings: TlsSettings, limits: TlsLimits) -> Side {
        let (background, thread) = background::start().unwrap();
        let transport = TlsTransport::bind(ListenerId(3), "127.0.0.1:0".parse().unwrap(), limits, settings, background).unwrap();
        let (transport, witness) = (
            Rc::new(transport),
            Rc::new(Witness { seen: RefCell::default(), flows: RefCell::default(), knows: Cell::new(false), news: Notify::new() }),
        );
        tokio::task::spawn_local(transport.clone().accept(witness.clone()));
        Side { transport, witness, _background: thread }
    }

    fn usual(settings: TlsSettings) -> Side {
        Side::open(settings, TlsLimits::USUAL)
    }

    fn send(&self, to: &Side, whom: Whom<'_>, name: &str) -> Sent {
        self.transport.send(to.transport.local(), whom, &message(name), &self.witness)
    }

    /// Has the whole way to the other end gone, and the answer back.
    async fn reaches(&self, to: &Side, whom: Whom<'_>, name: &str) {
        assert_eq!(self.send(to, whom, name), Sent::Now);
        to.witness.hears(&format!("sip:{name} ")).await;
    }

    fn connections(&self) -> usize {
        self.transport.places.taken()
    }
}

fn message(name: &str) -> Bytes {
    format!("OPTIONS sip:{name} SIP/2.0\r\nContent-Length: 0\r\n\r\n").into()
}

fn test(test: impl Future<Output = ()>) {
    LocalSet::new().block_on(&test_runtime(), test);
}

/// Two that trust one authority.
struct Pair {
    authority: Authority,
    a: Issued,
    b: Issued,
}

impl Pair {
    fn new() -> Pair {
        let authority = Authority::new("ca");
        let (a, b) =
            (authority.issue(&["dns a.example.com"]), authority.issue(&["dns b.example.com", "dns c.example.com", "ip 127.0.0.1"]));
        Pair { authority, a, b }
    }

    fn a(&self) -> Side {
        Side::usual(self.a.settings(&self.authority, None))
    }

    fn b(&self) -> Side {
        Side::usual(self.b.settings(&self.authority, Some(&self.authority)))
    }
}

const B: Whom<'static> = Whom::Name("b.example.com");

/// A client by hand, that trusts `authority` and shows nothing.
async fn by_hand(authority: &Authority, to: &Side, versions: &[&'static rustls::SupportedProtocolVersion]) -> TlsStream {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let tls = ClientConnection::new(Arc::new(config), "b.example.com".try_into().unwrap()).unwrap();
    let mut stream = TlsStream::new(TcpStream::connect(to.transport.local()).await.unwrap(), tls.into());
    poll_fn(|context| stream.poll_handshake(context)).await.unwrap();
    stream
}

fn without_client_certificates(pair: &Pair, limits: TlsLimits) -> Side {
    Side::open(pair.b.settings(&pair.authority, None), limits)
}

#[test]
fn both_ends_prove_who_they_are_and_one_connection_carries_both_ways() {
    test(async {
        let pair = Pair::new();
        let (a, b) = (pair.a(), pair.b());
        a.reaches(&b, B, "one").await;
        b.witness.hears("sip:one SIP/2.0\r\nContent-Length: 0\r\n\r\n from [\"a.example.com\"]").await;
        assert_eq!(b.witness.flow().transport, Transport::Tls);
        b.transport.send(b.witness.flow().remote, Whom::Back, &message("back"), &b.witness);
        a.witness.hears("sip:back SIP/2.0\r\nContent-Length: 0\r\n\r\n from [\"b.example.com\", \"c.example.com\"]").await;
        a.reaches(&b, B, "two").await;
        assert_eq!((a.connections(), b.connections()), (1, 1));
    });
}

#[test]
fn who_has_another_name_is_refused_in_words() {
    test(async {
        let pair = Pair::new();
        let (a, b) = (pair.a(), pair.b());
        assert_eq!(a.send(&b, Whom::Name("other.example.com"), "one"), Sent::Now);
        a.witness
            .hears("over for [\"other.example.com\"]: no TLS: its certificate is not for other.example.com: the names that it has are b.example.com, c.example.com")
            .await;
        assert_eq!(a.connections(), 0);
        b.witness.hears("over for []: no TLS: it refuses our certificate").await;
    });
}

#[test]
fn sip_uris_decide_over_dns_names_and_addresses_are_named_as_such() {
    test(async {
        let pair = Pair::new();
        let a = pair.a();
        let uris = pair.authority.issue(&["uri sip:example.com", "dns b.example.com"]);
        let b = Side::usual(uris.settings(&pair.authority, None));
        a.reaches(&b, Whom::Name("EXAMPLE.com."), "domain").await;
        a.send(&b, B, "host");
        a.witness.hears("is not for b.example.com: the names that it has are example.com").await;
        a.send(&b, Whom::Address, "address");
        a.witness.hears("is not for 127.0.0.1: the names that it has are example.com").await;
        a.reaches(&pair.b(), Whom::Address, "address").await;
    });
}

#[test]
fn a_connection_is_used_for_the_names_that_its_certificate_has_and_for_no_others() {
    test(async {
        let pair = Pair::new();
        let (a, b) = (pair.a(), pair.b());
        a.reaches(&b, B, "one").await;
        a.reaches(&b, Whom::Name("c.example.com"), "two").await;
        a.reaches(&b, Whom::Address, "three").await;
        assert_eq!(b.connections(), 1);
        a.send(&b, Whom::Name("other.example.com"), "four");
        a.witness.hears("over for [\"other.example.com\"]: no TLS").await;
        assert!(!b.witness.seen.borrow().iter().any(|seen| seen.contains("sip:four")));
        assert_eq!(a.connections(), 1, "the first one is still good");
    });
}

/// Which name a handshake asks for, and on which thread it is made.
type Shaken = (Option<String>, String);

/// Notes each.
#[derive(Debug)]
struct Recorder {
    certificates: Arc<dyn ResolvesServerCert>,
    asked: Arc<Mutex<Vec<Shaken>>>,
}

impl ResolvesServerCert for Recorder {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push((hello.server_name().map(str::to_owned), thread));
        self.certificates.resolve(hello)
    }
}

#[test]
fn a_name_is_asked_for_and_an_address_is_not_and_the_thread_of_the_calls_makes_no_handshake() {
    test(async {
        let pair = Pair::new();
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let mut settings = pair.b.settings(&pair.authority, Some(&pair.authority));
        let mut server = (*settings.server).clone();
        server.cert_resolver = Arc::new(Recorder { certificates: server.cert_resolver.clone(), asked: asked.clone() });
        settings.server = Arc::new(server);
        let b = Side::usual(settings);
        for (whom, name) in [(B, Some("b.example.com")), (Whom::Address, None)] {
            let a = pair.a();
            a.reaches(&b, whom, "one").await;
            b.witness.seen.borrow_mut().clear();
            let shaken = std::mem::take(&mut *asked.lock().unwrap());
            assert_eq!(shaken, [(name.map(str::to_owned), "tandem-background".to_owned())]);
        }
    });
}

#[test]
fn two_names_whose_handshakes_cross_have_a_connection_each() {
    test(async {
        let pair = Pair::new();
        let (a, b) = (pair.a(), pair.b());
        a.send(&b, B, "one");
        a.send(&b, Whom::Name("c.example.com"), "two");
        assert_eq!(a.connections(), 2);
        b.witness.hears("sip:one").await;
        b.witness.hears("sip:two").await;
    });
}

#[test]
fn who_comes_must_show_a_certificate_where_that_is_asked_for() {
    test(async {
        let pair = Pair::new();
        let b = pair.b();
        let strange = Authority::new("another");
        let a = Side::usual(strange.issue(&["dns a.example.com"]).settings(&pair.authority, None));
        a.send(&b, B, "one");
        b.witness.hears("over for []: no TLS: its certificate comes from an issuer that is not trusted here").await;
        a.witness.hears("over for [\"b.example.com\"]").await;

        let _nobody = by_hand(&pair.authority, &b, rustls::ALL_VERSIONS).await;
        b.witness.hears("over for []: no TLS: it has shown no certificate").await;

        let a = Side::usual(pair.authority.issue_expired(&["dns a.example.com"]).settings(&pair.authority, None));
        a.send(&b, B, "two");
        b.witness.hears("its certificate has expired, on 2002-03-04").await;

        let a = Side::usual(pair.authority.issue_for_servers_only(&["dns a.example.com"]).settings(&pair.authority, None));
        a.reaches(&b, B, "three").await;
        assert!(!b.witness.seen.borrow().iter().any(|seen| seen.contains("sip:one") || seen.contains("sip:two")));
    });
}

#[test]
fn who_is_connected_to_must_be_trusted() {
    test(async {
        let pair = Pair::new();
        let a = pair.a();
        let strange = Authority::new("another");
        let b = Side::usual(strange.issue(&["dns b.example.com"]).settings(&strange, None));
        a.send(&b, B, "one");
        a.witness.hears("no TLS: its certificate comes from an issuer that is not trusted here").await;
        b.witness.hears("no TLS: it does not trust the issuer of our certificate").await;
        let b = Side::usual(pair.authority.issue_expired(&["dns b.example.com"]).settings(&pair.authority, None));
        a.send(&b, B, "two");
        a.witness.hears("no TLS: its certificate has expired, on 2002-03-04").await;
    });
}

#[test]
fn who_begins_no_handshake_is_cut_and_so_is_who_speaks_no_tls() {
    test(async {
        let pair = Pair::new();
        let b = without_client_certificates(&pair, TlsLimits { handshake: SHORT, ..TlsLimits::USUAL });
        let mut silent = TcpStream::connect(b.transport.local()).await.unwrap();
        b.witness.hears("no TLS: the handshake took too long").await;
        assert_eq!(timeout(PATIENCE, silent.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
        let mut plain = TcpStream::connect(b.transport.local()).await.unwrap();
        plain.write_all(b"OPTIONS sip:a SIP/2.0\r\n\r\n").await.unwrap();
        b.witness.hears("no TLS: what it sends is no TLS").await;
        drop(TcpStream::connect(b.transport.local()).await.unwrap());
        b.witness.hears("no TLS: it closed the connection during the handshake").await;
        assert_eq!(b.connections(), 0);
    });
}

#[test]
fn who_stays_and_leaves_before_the_handshake_is_cut_has_done_wrong_and_who_only_looks_has_not() {
    test(async {
        let pair = Pair::new();
        let offences = async |glance: Duration, glances: usize| {
            let stream = StreamLimits { glance, glances, ..StreamLimits::USUAL };
            let b = without_client_certificates(&pair, TlsLimits { stream, ..TlsLimits::USUAL });
            drop(TcpStream::connect(b.transport.local()).await.unwrap());
            b.witness.hears("no TLS: it closed the connection during the handshake").await;
            b.witness.seen.borrow().iter().filter(|seen| seen.starts_with("offence: ")).cloned().collect::<Vec<_>>()
        };
        assert!(offences(PATIENCE, 1).await.is_empty(), "it has looked whether the port is open");
        assert_eq!(offences(Duration::ZERO, 1).await, ["offence: idle connections"], "it has stayed");
        assert_eq!(offences(PATIENCE, 0).await, ["offence: idle connections"], "there are too many at once");
    });
}

#[test]
fn a_server_that_never_answers_the_handshake_is_given_up() {
    test(async {
        let pair = Pair::new();
        let a = Side::open(pair.a.settings(&pair.authority, None), TlsLimits { handshake: SHORT, ..TlsLimits::USUAL });
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(a.transport.send(silent.local_addr().unwrap(), B, &message("one"), &a.witness), Sent::Now);
        a.witness.hears("over for [\"b.example.com\"]: no TLS: the handshake took too long").await;
    });
}

#[test]
fn handshakes_are_bounded() {
    test(async {
        let pair = Pair::new();
        let limits = TlsLimits { handshakes: 2, handshakes_of_one_address: 1, ..TlsLimits::USUAL };
        let b = without_client_certificates(&pair, limits);
        let _stalled = TcpStream::connect(b.transport.local()).await.unwrap();
        let mut second = TcpStream::connect(b.transport.local()).await.unwrap();
        assert_eq!(timeout(PATIENCE, second.read(&mut [0; 1])).await.unwrap().unwrap(), 0, "its address has one");
        let elsewhere = async |address: &str| {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(address.parse().unwrap()).unwrap();
            socket.connect(b.transport.local()).await.unwrap()
        };
        let _stalled_too = elsewhere("127.0.0.2:0").await;
        let mut fourth = elsewhere("127.0.0.3:0").await;
        assert_eq!(timeout(PATIENCE, fourth.read(&mut [0; 1])).await.unwrap().unwrap(), 0, "there are two");

        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = silent.local_addr().unwrap();
        for (name, sent) in [("x", Sent::Now), ("y", Sent::Now), ("z", Sent::Unreachable)] {
            assert_eq!(b.transport.send(there, Whom::Name(name), &message("one"), &b.witness), sent);
        }
    });
}

#[test]
fn messages_come_whole_however_their_records_are_cut() {
    test(async {
        let pair = Pair::new();
        let b = without_client_certificates(&pair, TlsLimits::USUAL);
        let (_, mut half) = by_hand(&pair.authority, &b, rustls::ALL_VERSIONS).await.split();
        for byte in &*message("small") {
            half.write_all(&[*byte]).await.unwrap();
            half.flush().await.unwrap();
        }
        b.witness.hears("sip:small ").await;

        let (mut socket, mut tls) = by_hand(&pair.authority, &b, &[&rustls::version::TLS12]).await.into_parts();
        let mut records = Vec::new();
        tls.writer().write_all(&message("halved")).unwrap();
        tls.writer().write_all(&message("and-another")).unwrap();
        while tls.wants_write() {
            tls.write_tls(&mut records).unwrap();
        }
        for piece in records.chunks(5) {
            socket.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        b.witness.hears("sip:and-another ").await;
        assert!(b.witness.seen.borrow().iter().any(|seen| seen.contains("sip:halved ")));
    });
}

#[test]
fn a_long_message_goes_both_ways() {
    test(async {
        let pair = Pair::new();
        let (a, b) = (pair.a(), pair.b());
        let body = "x".repeat(60_000);
        let long = |name: &str| Bytes::from(format!("MESSAGE sip:{name} SIP/2.0\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        for name in ["one", "two", "three", "four"] {
            a.transport.send(b.transport.local(), B, &long(name), &a.witness);
        }
        b.witness.hears("sip:four").await;
        b.transport.send(b.witness.flow().remote, Whom::Back, &long("back"), &b.witness);
        a.witness.hears("sip:back").await;
    });
}

/// Reads until the end; whether the other end said goodbye.
async fn is_told_goodbye(stream: TlsStream) -> bool {
    let (mut socket, mut tls): (TcpStream, Tls) = stream.into_parts();
    let mut bytes = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let mut left = &*bytes;
    while !left.is_empty() {
        tls.read_tls(&mut left).unwrap();
        if tls.process_new_packets().unwrap().peer_has_closed() {
            return true;
        }
    }
    false
}

#[test]
fn who_is_cut_is_told_goodbye_and_who_says_it_is_over() {
    test(async {
        let pair = Pair::new();
        let stream = StreamLimits { first_message: SHORT, ..StreamLimits::USUAL };
        let b = without_client_certificates(&pair, TlsLimits { stream, ..TlsLimits::USUAL });
        let peer = by_hand(&pair.authority, &b, rustls::ALL_VERSIONS).await;
        b.witness.hears("over for []: nothing came").await;
        assert!(is_told_goodbye(peer).await);

        let b = without_client_certificates(&pair, TlsLimits::USUAL);
        let (mut socket, mut tls) = by_hand(&pair.authority, &b, rustls::ALL_VERSIONS).await.into_parts();
        tls.send_close_notify();
        let mut goodbye = Vec::new();
        tls.write_tls(&mut goodbye).unwrap();
        socket.write_all(&goodbye).await.unwrap();
        b.witness.hears("over for []: closed by the other end").await;
    });
}

#[test]
fn new_settings_are_for_new_connections_and_leave_the_old_ones_alone() {
    test(async {
        let pair = Pair::new();
        let (a, b) = (pair.a(), pair.b());
        a.reaches(&b, B, "before").await;
        let new = Authority::new("new");
        b.transport.renew(new.issue(&["dns b.example.com"]).settings(&new, Some(&new)));
        a.reaches(&b, B, "still").await;

        let late = pair.a();
        late.send(&b, B, "late");
        late.witness.hears("its certificate comes from an issuer that is not trusted here").await;
        late.transport.renew(new.issue(&["dns late.example.com"]).settings(&new, None));
        late.reaches(&b, B, "renewed").await;
        b.witness.hears("from [\"late.example.com\"]").await;
        assert_eq!(a.connections(), 1);
    });
}

#[test]
fn what_has_no_end_breaks_the_connection() {
    test(async {
        let pair = Pair::new();
        let b = without_client_certificates(&pair, TlsLimits::USUAL);
        let (_, mut half) = by_hand(&pair.authority, &b, rustls::ALL_VERSIONS).await.split();
        half.write_all(b"OPTIONS sip:a SIP/2.0\r\n\r\nx").await.unwrap();
        half.flush().await.unwrap();
        b.witness.hears("broken: no Content-Length").await;
        b.witness.hears("over for []: no Content-Length").await;
    });
}
