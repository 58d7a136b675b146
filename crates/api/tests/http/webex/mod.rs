//! `POST /bridge`, with a scripted Webex and scripted peers.

mod access;
mod answers;
mod calls;
mod lookup;
mod sound;

use crate::common::{
    Answer, Served, connect, hear,
    node::{Heard, Options, Peer, TestNode},
    request,
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};
use tandem_api::WebexDialer;
use tandem_hooks::{Client, Guard, Url};

/// What Webex answers to a path and a token; nothing at all where that is `None`.
type Script = dyn Fn(&str, &str) -> Option<(u16, Value)> + Send + Sync;

/// A Webex that does what it is told.
struct Webex {
    address: SocketAddr,
    /// Path and token of each request.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Webex {
    fn start(script: impl Fn(&str, &str) -> Option<(u16, Value)> + Send + Sync + 'static) -> Webex {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let (script, told): (Arc<Script>, _) = (Arc::new(script), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, told) = (script.clone(), told.clone());
                thread::spawn(move || serve(&stream.unwrap(), &*script, &told));
            }
        });
        Webex { address, asked }
    }

    /// Everybody is somebody, and nothing else is there.
    fn of_people() -> Webex {
        Webex::start(|path, _| Some(if path == "/v1/people/me" { (200, json!({"id": "x"})) } else { (404, json!({})) }))
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, script: &Script, told: &Mutex<Vec<(String, String)>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(start) = lines.next() else { return };
    let path = start.split(' ').nth(1).unwrap().to_owned();
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let token = head.iter().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap_or_default().to_owned();
    told.lock().unwrap().push((path.clone(), token.clone()));
    match script(&path, &token) {
        Some((status, body)) => {
            let body = body.to_string();
            let _ = write!(&*stream, "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
        // It says nothing until the other side has gone.
        None => drop(lines.next()),
    }
}

/// A node, Webex, and both sides.
struct Bench {
    served: Served,
    webex: Webex,
    meeting: Peer,
    endpoint: Peer,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(Webex::of_people(), "")
    }

    /// With these lines in `[webex]`.
    fn with(webex: Webex, lines: &str) -> Bench {
        Bench::whole(webex, lines, "", false)
    }

    fn whole(webex: Webex, lines: &str, api: &str, sound: bool) -> Bench {
        let (meeting, endpoint) = (Peer::new(), Peer::new());
        let trunks = trunks(endpoint.address);
        let node = TestNode::start(Options { sections: trunks.clone(), sound, ..Options::default() });
        let config = format!(
            "[[listen]]\nname = 'l'\nbind = '127.0.0.1:0'\n[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-20999'\n\
             [api]\nbind = '127.0.0.1:0'\n{trunks}[webex]\ntrunk = 'internet'\nendpoint_trunk = 'pbx'\nbase = 'http://{}/v1'\n{lines}",
            webex.address
        );
        let config = tandem_config::load(&config, "test.toml", &|_| None).unwrap_or_else(|problems| panic!("{problems}")).webex.unwrap();
        let guard = Guard::default().letting(&Url::parse(&config.base).unwrap());
        let dialer = WebexDialer::new(config, Client::new(guard, None));
        Bench { served: Served::with_webex(node, api, dialer), webex, meeting, endpoint }
    }

    /// A request with all that is needed, and `more`.
    fn body(&self, more: &Value) -> Value {
        let mut body = json!({
            "initialToken": "guest", "endpointToken": "licensed",
            "meeting": format!("sip:42@{}", self.meeting.address), "endpointSIP": format!("desk@{}", self.endpoint.address),
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    fn bridge(&self, more: &Value) -> Answer {
        self.served.post("/bridge", &self.body(more).to_string())
    }

    /// The same with `wait`, whose answer is yet to be heard.
    fn begin(&self, more: &Value) -> TcpStream {
        let mut body = self.body(more);
        body["wait"] = json!(true);
        let mut stream = connect(self.served.address);
        stream.write_all(request("POST", "/bridge", "", &body.to_string()).as_bytes()).unwrap();
        stream
    }

    /// Answers the next INVITE of that peer; it comes back.
    fn accept(&self, peer: &Peer, tag: &str) -> Heard {
        let invite = peer.hear_starting("INVITE");
        let contact = format!("Contact: <sip:b@{}>\r\n", peer.address);
        peer.send(self.served.node.address, &invite.answer("200 OK", tag, &contact, &peer.sdp()));
        peer.hear_starting("ACK");
        invite
    }

    /// A call that was joined has ended, and nothing is left of it.
    fn nothing_is_left(&mut self) {
        let told = self.served.node.records.blocking_recv().unwrap();
        assert!(matches!(told.event.kind, tandem_model::EventKind::CallEnded(_)));
        assert_eq!(self.served.get("/v1/calls").json()["items"], json!([]));
    }
}

/// Two trunks: meetings are called by one, the others by the other.
fn trunks(pbx: SocketAddr) -> String {
    format!(
        "[[trunk]]\nname = 'internet'\ntargets = [{{ uri = 'sip:127.0.0.1:9' }}]\n[[trunk]]\nname = 'pbx'\ntargets = [{{ uri = 'sip:{pbx}' }}]\n"
    )
}

/// What an answer says: each has the status 200.
fn said(answer: &Answer) -> (bool, String) {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
    let json = answer.json();
    let id = json["trackingId"].as_str().unwrap();
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert!(parts == [8, 4, 4, 4, 12] && id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
    assert_eq!(json.as_object().unwrap().len(), 3, "{json}");
    (json["success"].as_bool().unwrap(), json["message"].as_str().unwrap().to_owned())
}

/// It failed, with that message.
#[track_caller]
fn assert_fails(answer: &Answer, message: &str) {
    assert_eq!(said(answer), (false, message.to_owned()));
}

/// A request inside the dialog of this INVITE, by whom it called.
fn inside(peer: &Peer, method: &str, invite: &Heard, tag: &str) -> String {
    let target = invite.header("Contact").trim_start_matches('<').trim_end_matches('>').to_owned();
    let (from, to, id, me) = (invite.header("To"), invite.header("From"), invite.header("Call-ID"), peer.address);
    format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{method}{tag};rport\r\nMax-Forwards: 70\r\nFrom: {from};tag={tag}\r\n\
         To: {to}\r\nCall-ID: {id}\r\nCSeq: 7 {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The answer to what was begun, which failed.
#[track_caller]
fn assert_began_and_fails(waiting: TcpStream, message: &str) {
    assert_fails(&hear(waiting), message);
}
