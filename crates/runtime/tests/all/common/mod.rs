//! A node on loopback with ports that nobody listens at in place of media threads, and peers that are plain sockets.
#![allow(unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    cell::Cell,
    net::{IpAddr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use tandem_model::{CallCommand, CallId, LocalEndpoint, MediaCommand, MediaEvent};
use tandem_runtime::{
    Commanded, Handle, MediaEvents, MediaPort, OpenNode, Order, Orders, Records, Rules, Setup, background, orders, records,
    shard::{ShardConfig, Shards, SideConfig},
};
use tokio::sync::oneshot;

/// How long a peer waits for what must come: far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a peer waits to find that nothing comes.
const SILENCE: Duration = Duration::from_millis(150);

/// A node that runs on a thread of its own.
pub struct TestNode {
    pub address: SocketAddr,
    pub addresses: Vec<SocketAddr>,
    pub dumps: PathBuf,
    /// The calls that asked for ports, as they do.
    pub calls: std::sync::mpsc::Receiver<CallId>,
    pub handle: Handle,
    /// Where the records of calls come, if the test wants them.
    pub records: Records,
    orders: Orders,
    thread: Option<thread::JoinHandle<()>>,
    background: Option<background::BackgroundThread>,
}

/// What stands in a test's configuration beside its listener and media.
pub struct Options {
    /// `[calls]`, `[[trunk]]`, `[[route]]`.
    pub sections: String,
    /// Makes the call panic that gets a message with this `X-Tandem-Fault`.
    pub fault: Option<&'static str>,
    /// Address of listener and media.
    pub host: &'static str,
    /// Where routes ask.
    pub consultations: Option<tandem_runtime::Consultations>,
    /// Its ports are real, and carry sound.
    pub sound: bool,
    /// Where users were before, and where it is told where they are.
    pub bindings: Option<tandem_runtime::BindingsKept>,
}

impl Default for Options {
    fn default() -> Options {
        Options { sections: String::new(), fault: None, host: "127.0.0.1", consultations: None, sound: false, bindings: None }
    }
}

impl TestNode {
    /// Starts a node for a caller on 127.0.0.1 whose calls all go to `callee`.
    pub fn bridging_to(callee: SocketAddr) -> TestNode {
        TestNode::start(Options { sections: bridge_to(callee), ..Options::default() })
    }

    /// Starts a node.
    pub fn start(options: Options) -> TestNode {
        let dumps = std::env::temp_dir().join(format!("tandem-test-{}-{:?}", std::process::id(), thread::current().id()));
        let text = configuration(&options, &dumps);
        let (config, rules) = load(&text);
        let (background, background_thread) = background::start().unwrap();
        let (orders, taken) = orders();
        let (told, opened_at) = std::sync::mpsc::channel();
        let (keep, records) = records();
        let given = orders.clone();
        let (opened, calls) = std::sync::mpsc::channel();
        let host: IpAddr = options.host.parse().unwrap();
        let thread = thread::spawn(move || {
            let setup = Setup {
                config,
                rules,
                background,
                records: Some(keep),
                consultations: options.consultations,
                bindings: options.bindings,
                fault: options.fault.map(Into::into),
            };
            let node = OpenNode::open(setup, |events, clock| {
                Ok(if options.sound {
                    real_ports(host, events, clock)?
                } else {
                    Box::new(NobodysPorts { host, events, next: Cell::new(40_000), opened })
                })
            });
            let node = node.unwrap();
            told.send((node.addresses(), node.handle(&given))).unwrap();
            node.run(taken);
        });
        let (addresses, handle) = opened_at.recv().unwrap();
        let addresses: Vec<SocketAddr> = addresses.into_iter().map(|(_, address)| address).collect();
        TestNode {
            address: addresses[0],
            addresses,
            dumps,
            calls,
            handle,
            records,
            orders,
            thread: Some(thread),
            background: Some(background_thread),
        }
    }

    /// Gives an order.
    pub fn order(&self, order: Order) {
        self.orders.blocking_send(order).unwrap();
    }

    /// Tells a call to do something; what comes of it comes there.
    pub fn tell(&self, call: CallId, command: CallCommand) -> oneshot::Receiver<Commanded> {
        let (reply, outcome) = oneshot::channel();
        self.order(Order::Command(call, Box::new(command), reply));
        outcome
    }

    /// Puts other sections in force.
    pub fn reload(&self, sections: &str) {
        let options = Options { sections: sections.to_owned(), ..Options::default() };
        let (_, rules) = load(&configuration(&options, &self.dumps));
        self.order(Order::Reload(Box::new(rules)));
    }

    /// Stops the node and ends its second runtime; the dumps that it wrote.
    pub fn dumps_at_the_end(mut self) -> Vec<String> {
        self.stop();
        self.background = None;
        let Ok(files) = std::fs::read_dir(&self.dumps) else { return Vec::new() };
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }

    fn stop(&mut self) {
        for _ in 0..3 {
            let _ = self.orders.blocking_send(Order::Stop);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// Waits until the node has stopped by itself.
    pub fn join(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.dumps);
    }
}

/// Sections that send every call of this machine to `callee`.
pub fn bridge_to(callee: SocketAddr) -> String {
    format!(
        r#"
        [[trunk]]
        name = "caller"
        match = {{ sources = ["127.0.0.1", "::1"] }}
        [[trunk]]
        name = "callee"
        targets = [{{ uri = "sip:{callee}" }}]
        [[route]]
        name = "all"
        do = {{ bridge = ["trunk:callee"] }}
        "#
    )
}

fn configuration(options: &Options, dumps: &Path) -> String {
    let Options { sections, host, .. } = options;
    let in_brackets = if host.contains(':') { format!("[{host}]") } else { (*host).to_owned() };
    format!(
        r#"
        [node]
        dump_dir = "{}"
        flight_recorder = "1MiB"
        drain_timeout = "1h"
        [[listen]]
        name = "test"
        bind = "{in_brackets}:0"
        [[media]]
        name = "test"
        bind = "{host}"
        ports = "40000-49999"
        {sections}
        "#,
        dumps.display()
    )
}

fn load(text: &str) -> (tandem_config::Config, Rules) {
    let (config, ruleset) = tandem_policy::load(text, "test.toml", &|_| None, None).unwrap_or_else(|problems| panic!("{problems}"));
    let rules = Rules::new(&config, ruleset, None);
    (config, rules)
}

/// Media threads, at ports that are not the test's configuration's.
fn real_ports(host: IpAddr, events: MediaEvents, clock: tandem_runtime::clock::Clock) -> std::io::Result<Box<dyn MediaPort>> {
    let side = SideConfig { bind: host, advertise: host, ports: 50_000..=50_999, dscp: 0 };
    let config = ShardConfig { sides: vec![side], threads: 1, max_sockets: 200, recordings: PathBuf::new() };
    let tell = std::sync::Arc::new(move |call, event| events.send(call, event));
    Ok(Box::new(Shards::start(&config, clock, tell)?))
}

/// Opens every session at once, on ports that nobody has.
struct NobodysPorts {
    host: IpAddr,
    events: MediaEvents,
    next: Cell<u16>,
    opened: std::sync::mpsc::Sender<CallId>,
}

impl MediaPort for NobodysPorts {
    fn command(&self, command: MediaCommand) -> Result<Option<MediaEvent>, MediaCommand> {
        match command {
            MediaCommand::Open { call, endpoints, .. } => {
                let _ = self.opened.send(call);
                let opened = endpoints.iter().map(|endpoint| {
                    let port = self.next.replace(self.next.get() + 2);
                    LocalEndpoint { leg: endpoint.leg, rtp: (self.host, port).into(), rtcp: (self.host, port + 1).into() }
                });
                self.events.send(call, MediaEvent::Opened(opened.collect()));
            }
            MediaCommand::Close { call } => self.events.send(call, MediaEvent::Closed(Box::default())),
            MediaCommand::Add { call, endpoint } => {
                let port = self.next.replace(self.next.get() + 2);
                let local = LocalEndpoint { leg: endpoint.leg, rtp: (self.host, port).into(), rtcp: (self.host, port + 1).into() };
                self.events.send(call, MediaEvent::Opened([local].into()));
            }
            _ => {}
        }
        Ok(None)
    }
}

/// A peer: a socket, and the little SIP that a test needs.
pub struct Peer {
    socket: UdpSocket,
    pub address: SocketAddr,
}

/// A message as a peer sees it.
#[derive(Clone, Debug)]
pub struct Heard(pub String);

impl Heard {
    /// The first line.
    pub fn start(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    /// The first header of that name, whole.
    pub fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        self.0.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_else(|| panic!("no {name} in\n{}", self.0))
    }

    /// All headers of that name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}: ");
        self.0.lines().filter_map(|line| line.strip_prefix(&prefix)).collect()
    }

    /// A response to this request, with `extra` headers (each with its line end) and a body.
    pub fn answer(&self, status: &str, tag: &str, extra: &str, body: &str) -> String {
        let vias: String = self.headers("Via").iter().map(|via| format!("Via: {via}\r\n")).collect();
        let to = self.header("To");
        let to = if to.contains(";tag=") { to.to_owned() } else { format!("{to};tag={tag}") };
        let (from, call_id, cseq) = (self.header("From"), self.header("Call-ID"), self.header("CSeq"));
        format!(
            "SIP/2.0 {status}\r\n{vias}From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n{extra}{}Content-Length: {}\r\n\r\n{body}",
            if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" },
            body.len()
        )
    }
}

impl Peer {
    /// A peer on a port of its own.
    pub fn new() -> Peer {
        Peer::at("127.0.0.1:0")
    }

    /// A peer at this address.
    pub fn at(address: &str) -> Peer {
        let socket = UdpSocket::bind(address).unwrap();
        Peer { address: socket.local_addr().unwrap(), socket }
    }

    /// Sends.
    pub fn send(&self, to: SocketAddr, text: &str) {
        self.socket.send_to(text.as_bytes(), to).unwrap();
    }

    /// The next message; it must come.
    pub fn hear(&self) -> Heard {
        self.wait(PATIENCE).expect("a message within a long time")
    }

    /// The next message whose start line begins with `start`, the ones before it forgotten.
    pub fn hear_starting(&self, start: &str) -> Heard {
        loop {
            let heard = self.hear();
            if heard.start().starts_with(start) {
                return heard;
            }
        }
    }

    /// The failure of INVITE `id`, acknowledged, so that nothing is left of the call.
    pub fn hear_failure(&self, node: SocketAddr, id: &str, status: &str) -> Heard {
        let failure = self.hear_starting(&format!("SIP/2.0 {status}"));
        assert!(failure.header("CSeq").contains("INVITE"), "{}", failure.0);
        let ack = self.request("ACK", node, id, "", "");
        self.send(node, &ack.replace(&format!("To: <sip:100@{node}>"), &format!("To: {}", failure.header("To"))));
        failure
    }

    /// Nothing comes.
    pub fn hears_nothing(&self) -> bool {
        self.wait(SILENCE).is_none()
    }

    fn wait(&self, time: Duration) -> Option<Heard> {
        let mut buffer = [0; 65_535];
        self.socket.set_read_timeout(Some(time)).unwrap();
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        Some(Heard(String::from_utf8(buffer[..length].to_vec()).unwrap()))
    }

    /// The text of a request outside of any dialog, with `extra` headers.
    pub fn request(&self, method: &str, node: SocketAddr, id: &str, extra: &str, body: &str) -> String {
        let me = self.address;
        format!(
            "{method} sip:100@{node} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{id};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:a@{me}>;tag=f{id}\r\nTo: <sip:100@{node}>\r\nCall-ID: {id}@{me}\r\nCSeq: 1 {method}\r\nContact: <sip:a@{me}>\r\n\
             {extra}{}Content-Length: {}\r\n\r\n{body}",
            if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" },
            body.len()
        )
    }

    /// An INVITE with an offer of PCMU.
    pub fn invite(&self, node: SocketAddr, id: &str, extra: &str) -> String {
        self.request("INVITE", node, id, extra, &self.sdp())
    }

    /// Our SDP.
    pub fn sdp(&self) -> String {
        let (host, family) = (self.address.ip(), if self.address.is_ipv4() { "IP4" } else { "IP6" });
        format!(
            "v=0\r\no=- 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
    }

    /// Inside the dialog that `response` (to our INVITE) made.
    pub fn inside(&self, method: &str, cseq: u32, response: &Heard, id: &str) -> String {
        let me = self.address;
        let target = response.header("Contact").trim_start_matches('<').trim_end_matches('>').to_owned();
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{method}{id};rport\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
            response.header("From"),
            response.header("To"),
            response.header("Call-ID")
        )
    }
}

/// Two peers and an answered call between them through the node: (200 that the caller got, INVITE that the callee got).
pub fn answered_call(node: &TestNode, caller: &Peer, callee: &Peer, id: &str) -> (Heard, Heard) {
    answered_call_by(node, caller, callee, id, &caller.invite(node.address, id, ""))
}

/// The same with an INVITE of the test's own.
pub fn answered_call_by(node: &TestNode, caller: &Peer, callee: &Peer, id: &str, invite: &str) -> (Heard, Heard) {
    caller.send(node.address, invite);
    let invite = callee.hear_starting("INVITE");
    let contact = format!("Contact: <sip:b@{}>\r\n", callee.address);
    callee.send(node.address, &invite.answer("200 OK", "callee", &contact, &callee.sdp()));
    let ok = caller.hear_starting("SIP/2.0 200");
    caller.send(node.address, &caller.inside("ACK", 1, &ok, id));
    callee.hear_starting("ACK");
    (ok, invite)
}
