//! A program that is told of events, over HTTP.

use crate::program::{PATIENCE, Program, configured, folder, nobody};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

const CALL: &str = r#"{"legs": [{"to": "trunk:gone/42"}], "then": {"answer": "echo"}, "wait": true, "metadata": {"ticket": "7"}}"#;

/// One that answers with this status; 0: never.
struct Receiver {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    got: mpsc::Receiver<Got>,
}

struct Got {
    signature: String,
    body: String,
    /// It was answered with 200.
    is_taken: bool,
}

impl Got {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Receiver {
    fn start(status: u16) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, status) = (listener.local_addr().unwrap(), Arc::new(AtomicU16::new(status)));
        let (told, got) = mpsc::channel();
        let answers = status.clone();
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let (told, answers) = (told.clone(), answers.clone());
                held.push(stream.try_clone().unwrap());
                thread::spawn(move || serve(stream, &answers, &told));
            }
        });
        Receiver { address, status, got }
    }

    fn next(&self) -> Got {
        self.got.recv_timeout(PATIENCE).unwrap()
    }
}

/// Request after request of one connection; until it ends.
fn serve(stream: TcpStream, status: &AtomicU16, told: &mpsc::Sender<Got>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let (mut signature, mut length, mut line) = (String::new(), 0, String::new());
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            let lower = line.to_ascii_lowercase();
            match lower.split_once(": ") {
                Some(("tandem-signature", value)) => signature = value.trim().to_owned(),
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                _ => {}
            }
            line.clear();
        }
        let mut body = vec![0; length];
        if length == 0 || reader.read_exact(&mut body).is_err() {
            return;
        }
        let answer = status.load(Ordering::SeqCst);
        let _ = told.send(Got { signature, body: String::from_utf8(body).unwrap(), is_taken: answer == 200 });
        if answer == 0 || write!(stream, "HTTP/1.1 {answer} x\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// A node that tells that receiver, with these lines in `[node]`; its trunk leads nowhere.
fn telling(folder: &Path, node: &str, receiver: &Receiver, allow: &str) -> PathBuf {
    let api = format!("rate = 100000\nwebhook = {{ url = 'http://{}/hook', secret = 'whsec' }}", receiver.address);
    let trunk = format!("[[trunk]]\nname = 'gone'\ntargets = [{{ uri = 'sip:{}' }}]\n{allow}", nobody());
    configured(folder, node, &api, &trunk)
}

const ALLOW: &str = "[webhooks]\nallow = ['127.0.0.1']";

/// The value of a metric, once it is so.
fn metric(program: &Program, name: &str, is_right: impl Fn(u64, &str) -> bool) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = program.get("/metrics").body;
        let value = value_of(&page, name);
        if is_right(value, &page) || Instant::now() > deadline {
            assert!(is_right(value, &page), "{name} is {value} in\n{page}");
            return value;
        }
    }
}

fn value_of(page: &str, name: &str) -> u64 {
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap().parse().unwrap()
}

#[test]
fn each_event_is_told_once_and_signed() {
    let (folder, receiver) = (folder("told"), Receiver::start(200));
    let program = Program::start(&telling(&folder, "", &receiver, ALLOW));
    let call = program.ask("POST", "/v1/calls", "", CALL).json();
    let (mut kinds, mut ids, mut record) = (Vec::new(), BTreeSet::new(), Value::Null);
    let told = ["call.created", "leg.created", "call.ended"];
    // Several are on the way at a time: they come in any order.
    while !told.iter().all(|kind| kinds.iter().any(|known| known == kind)) {
        let got = receiver.next();
        let time = got.signature.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
        assert_eq!(got.signature, tandem_hooks::sign("whsec", time, got.body.as_bytes()));
        let event = got.event();
        assert!(ids.insert(event["id"].as_str().unwrap().to_owned()), "{event}");
        assert_eq!(event["call"], call["id"]);
        kinds.push(event["type"].as_str().unwrap().to_owned());
        if event["record"].is_object() {
            record = event["record"].clone();
        }
    }
    assert_eq!((&record["id"], &record["metadata"]), (&call["id"], &json!({"ticket": "7"})));
    metric(&program, "tandem_webhook_delivered_total", |delivered, page| delivered == value_of(page, "tandem_events_total"));
    metric(&program, "tandem_webhook_waiting", |waiting, _| waiting == 0);
}

#[test]
fn what_was_not_taken_is_told_by_the_next_process_under_the_same_id() {
    let (folder, receiver) = (folder("told-again"), Receiver::start(503));
    let store = format!("store = 'sqlite:{}/tandem.db'", folder.display());
    let config = telling(&folder, &store, &receiver, ALLOW);
    let first = Program::start(&config);
    first.ask("POST", "/v1/calls", "", CALL);
    let refused = receiver.next();
    first.items_of("/v1/records", 1);
    let told = metric(&first, "tandem_webhook_waiting", |waiting, page| waiting == value_of(page, "tandem_events_total"));
    drop(first);
    receiver.status.store(200, Ordering::SeqCst);
    let second = Program::start(&config);
    let mut taken = Vec::new();
    while taken.len() < usize::try_from(told).unwrap() {
        let got = receiver.next();
        if got.is_taken {
            taken.push(got.event());
        }
    }
    let ids: BTreeSet<&str> = taken.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), taken.len(), "each once");
    assert!(ids.contains(refused.event()["id"].as_str().unwrap()));
    assert!(taken.iter().any(|event| event["type"] == "call.ended" && event["record"]["metadata"]["ticket"] == "7"), "{taken:#?}");
    metric(&second, "tandem_webhook_waiting", |waiting, _| waiting == 0);
}

#[test]
fn a_receiver_that_never_answers_holds_up_no_call() {
    let (folder, receiver) = (folder("told-nobody"), Receiver::start(0));
    let store = format!("store = 'sqlite:{}/tandem.db'", folder.display());
    let program = Program::start(&telling(&folder, &store, &receiver, ALLOW));
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        let began = Instant::now();
        assert_eq!(program.ask("POST", "/v1/calls", "", CALL).json()["state"], "failed");
        longest = longest.max(began.elapsed());
    }
    assert!(longest < Duration::from_secs(5), "a call took {longest:?}: no less than an answer is waited for");
    let waiting = metric(&program, "tandem_webhook_waiting", |waiting, page| waiting == value_of(page, "tandem_events_total"));
    assert!(waiting >= 800, "{waiting}");
    metric(&program, "tandem_webhook_lost_total", |lost, _| lost == 0);
    metric(&program, "tandem_webhook_delivered_total", |delivered, _| delivered == 0);
}

#[test]
fn an_address_that_is_not_public_is_not_called_unless_it_is_allowed() {
    let (folder, receiver) = (folder("told-inside"), Receiver::start(200));
    let program = Program::start(&telling(&folder, "", &receiver, ""));
    program.ask("POST", "/v1/calls", "", CALL);
    metric(&program, "tandem_webhook_failed_total", |failed, _| failed > 0);
    assert!(receiver.got.try_recv().is_err());
}
