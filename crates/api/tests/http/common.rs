//! A running node with its HTTP interface, and a client that says exactly what it is told to.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

#[path = "../../../runtime/tests/all/common/mod.rs"]
pub mod node;

use node::{Peer, TestNode, answered_call};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};
use tandem_api::{Idempotency, Interface, MemoryIdempotency, MemoryRecords, Parts, Server, WebexDialer};
use tandem_config::{Api as Config, Config as Whole};
use tandem_model::{CallId, LegId};
use tandem_runtime::background::{self, BackgroundThread};

/// How long a client waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One key of each scope, and one of all.
pub const KEYS: &str = "keys = [\
    { name = 'ops', key = 'ops-0123456789abcdef' }, \
    { name = 'reader', key = 'reader-0123456789', scopes = ['read'] }, \
    { name = 'caller', key = 'caller-0123456789', scopes = ['call'] }, \
    { name = 'admin', key = 'admin-0123456789', scopes = ['admin'] }]";

/// A node and its interface.
pub struct Served {
    pub address: SocketAddr,
    pub node: TestNode,
    pub interface: Arc<Interface>,
    pub records: Arc<MemoryRecords>,
    /// What a reload is answered with, and how often there was one.
    pub reloads: Arc<Mutex<Reloads>>,
    _background: BackgroundThread,
}

/// How often the configuration was read again, and what came of it.
pub struct Reloads {
    pub count: u32,
    pub answer: Result<Vec<String>, String>,
}

/// What is kept, as `/metrics` tells of it.
fn keeping() -> tandem_api::Keeping {
    let store = tandem_api::StoreFigures { is_database_up: true, lag: Duration::from_millis(1_500), ..Default::default() };
    let webhook = tandem_api::WebhookFigures { waiting: Some(7), taken: 3, ..Default::default() };
    tandem_api::Keeping { store: Some(store), webhook: Some(webhook) }
}

/// `[api]` with these lines.
pub fn config(lines: &str) -> Config {
    let text = format!(
        "[[listen]]\nname = 'l'\nbind = '127.0.0.1:0'\n[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-20999'\n\
         [api]\nbind = '127.0.0.1:0'\n{lines}"
    );
    let whole: Whole = tandem_config::load(&text, "test.toml", &|_| None).unwrap_or_else(|problems| panic!("{problems}"));
    whole.api.unwrap()
}

impl Served {
    /// A node that bridges calls of this machine to `callee`, and its interface with these lines in `[api]`.
    pub fn start(callee: SocketAddr, lines: &str) -> Served {
        Served::of(TestNode::bridging_to(callee), lines, Arc::<MemoryIdempotency>::default())
    }

    /// Nobody calls.
    pub fn alone(lines: &str) -> Served {
        Served::start("127.0.0.1:9".parse().unwrap(), lines)
    }

    pub fn of(node: TestNode, lines: &str, idempotency: Arc<dyn Idempotency>) -> Served {
        Served::secured(node, lines, idempotency, None)
    }

    /// One that joins meetings of Webex.
    pub fn with_webex(node: TestNode, lines: &str, webex: WebexDialer) -> Served {
        Served::whole(node, lines, Arc::<MemoryIdempotency>::default(), None, Some(webex))
    }

    pub fn secured(
        node: TestNode,
        lines: &str,
        idempotency: Arc<dyn Idempotency>,
        tls: Option<tandem_runtime::tls::TlsSettings>,
    ) -> Served {
        Served::whole(node, lines, idempotency, tls, None)
    }

    fn whole(
        node: TestNode,
        lines: &str,
        idempotency: Arc<dyn Idempotency>,
        tls: Option<tandem_runtime::tls::TlsSettings>,
        webex: Option<WebexDialer>,
    ) -> Served {
        let (background, thread) = background::start().unwrap();
        let config = config(lines);
        let server = Server::bind(&config).unwrap();
        let address = server.address().unwrap();
        let records = Arc::<MemoryRecords>::default();
        let reloads = Arc::new(Mutex::new(Reloads { count: 0, answer: Ok(vec!["[[trunk]] carrier changed".to_owned()]) }));
        let again = reloads.clone();
        let reload = Box::new(move || {
            let mut reloads = again.lock().unwrap();
            reloads.count += 1;
            reloads.answer.clone()
        });
        let keeping: tandem_api::AskKeeping = Box::new(|| Box::pin(async { keeping() }));
        let (node_handle, records_shown) = (node.handle.clone(), records.clone());
        let parts = Parts { config, tls, webex, node: node_handle, records: records_shown, idempotency, keeping, reload };
        let interface = Server::interface(parts);
        background.run(server.serve(interface.clone()));
        Served { address, node, interface, records, reloads, _background: thread }
    }

    /// Asks, and hears the answer.
    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        ask(self.address, method, path, headers, body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, "", body)
    }

    /// Keeps the records of so many calls that have ended.
    pub fn keep_records(&mut self, count: usize) {
        for _ in 0..count {
            let told = self.node.records.blocking_recv().unwrap();
            let tandem_model::EventKind::CallEnded(record) = &told.event.kind else { panic!("{told:?}") };
            self.records.keep(tandem_api::Record::of(record, self.node.handle.epoch()));
        }
    }

    /// An answered call between two peers: its id and those of its legs, and the 200 that the caller got.
    pub fn talking(&self, caller: &Peer, callee: &Peer, id: &str) -> (CallId, [LegId; 2], node::Heard) {
        let (ok, _) = answered_call(&self.node, caller, callee, id);
        let call = self.node.calls.recv().unwrap();
        (call, [call.leg(0).unwrap(), call.leg(1).unwrap()], ok)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The problem that it is: status, field and detail.
    pub fn problem(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let json = self.json();
        assert!(json["type"].as_str().unwrap().starts_with("/docs#problem-") && json["title"].is_string(), "{self:?}");
        assert_eq!(json["status"], self.status);
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        (self.status, text("field"), text("detail"))
    }
}

/// A request as text: `headers` with their line ends; a body is JSON unless `headers` say otherwise.
pub fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let kind =
        if body.is_empty() || headers.to_ascii_lowercase().contains("content-type:") { "" } else { "Content-Type: application/json\r\n" };
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{kind}{length}\r\n{body}")
}

pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    say(address, request(method, path, headers, body).as_bytes())
}

/// Sends these bytes, and hears an answer to its end.
pub fn say(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = connect(address);
    // The other side may have answered and gone before it has read all.
    let _ = stream.write_all(bytes);
    hear(stream)
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One answer, by its length.
pub fn hear(stream: impl Read) -> Answer {
    let mut reader = BufReader::new(stream);
    let (status, head) = hear_head(&mut reader);
    let mut answer = Answer { status, head, body: String::new() };
    let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    answer.body = String::from_utf8(body).unwrap();
    answer
}

/// Status and headers of an answer.
pub fn hear_head(reader: &mut impl BufRead) -> (u16, String) {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the connection was closed after {head:?}");
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {head:?}"));
    (status, head.replace("\r\n", "\n"))
}
