//! The phone: what goes in, what comes out, and when it wants to be woken.

mod callee;
mod caller;
mod challenges;
mod check;
mod session;
mod steps;
mod write;

use crate::{
    Message, Place, Reply, Script, When,
    dialog::{Dialog, Stage},
    digest::Demand,
    media::Stream,
    message::NotSip,
    script::Act,
    sdp::Format,
    transaction::{Client, ClientTransaction, Due, Purpose, ServerTransaction},
};
use std::{collections::VecDeque, net::SocketAddr};
use tandem_model::{Random, Timestamp, Transport};

/// Calls that one phone may hold over its life. The INVITE of one more is answered 486.
pub const MAX_CALLS: usize = 4096;

/// What a phone is.
#[derive(Clone, Debug)]
pub struct Setup {
    /// User part of its own addresses.
    pub name: String,
    /// What its Via and Contact say.
    pub address: SocketAddr,
    /// Where requests outside of dialogs go.
    pub outbound: SocketAddr,
    /// What those requests go over, and what its Contact asks for.
    pub transport: Transport,
    /// Where it wants RTP in its first call; the next calls take the even ports after it.
    pub media: SocketAddr,
    /// What it can speak, in order of preference.
    pub formats: Vec<Format>,
    /// It takes fax where it is offered (T.38 over UDPTL).
    pub fax: bool,
    /// Proxies that stand before it: Record-Route values as the far end sees them, top first.
    pub record_route: Vec<String>,
    /// Asks for responses to the port it sends from (RFC 3581).
    pub rport: bool,
    /// Requests inside dialogs go to `outbound` too, whatever Contact says: as a phone behind NAT does.
    pub sticky: bool,
    /// Hertz of the tone it sends while media flows; `None` for a phone without sound.
    pub tone: Option<f64>,
    /// What its tags, branches and timers are drawn from.
    pub seed: u64,
    /// User name and password that it answers challenges with.
    pub login: Option<(String, String)>,
    /// What it asks of others, one after the other.
    pub demands: Vec<Demand>,
}

impl Setup {
    /// A phone of G.711 and telephone events, without sound.
    pub fn new(name: &str, address: SocketAddr, outbound: SocketAddr, seed: u64) -> Setup {
        Setup {
            name: name.into(),
            address,
            outbound,
            transport: Transport::Udp,
            media: SocketAddr::new(address.ip(), 4000),
            formats: vec![Format::pcmu(), Format::pcma(), Format::events(101)],
            fax: false,
            record_route: Vec::new(),
            rport: true,
            sticky: false,
            tone: None,
            seed,
            login: None,
            demands: Vec::new(),
        }
    }
}

/// Something that happens to a phone.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A datagram of signalling.
    Datagram {
        /// From.
        source: SocketAddr,
        /// To which of the phone's addresses.
        local: SocketAddr,
        /// What.
        bytes: &'a [u8],
    },
    /// A message that came over a stream, whole: see [`Splitter`](crate::Splitter).
    Streamed {
        /// The other end of the connection.
        source: SocketAddr,
        /// Our end.
        local: SocketAddr,
        /// What.
        bytes: &'a [u8],
    },
    /// A datagram at a media port.
    Rtp {
        /// From.
        source: SocketAddr,
        /// To which of the phone's ports.
        local: SocketAddr,
        /// What.
        bytes: &'a [u8],
    },
    /// The time that [`Phone::poll_timeout`] named has come.
    Wake,
}

/// Something that a phone wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a message.
    Send {
        /// What its top Via says (RFC 3261 §18.1.1, §18.2.2). Over TCP: on the connection with that other end, or a new one to
        /// `outbound` where that is gone.
        transport: Transport,
        /// To.
        destination: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Send a media packet.
    Rtp {
        /// From which of the phone's ports.
        local: SocketAddr,
        /// To.
        destination: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
}

/// Why a phone wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The next packet of its tone.
    Media,
    /// A step of a script.
    Step,
    /// A message to send again, or to give up.
    Transaction,
}

/// A call of this phone, in the order of their beginning.
pub type CallIndex = usize;

/// Who began a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This phone.
    Caller,
    /// The other side.
    Callee,
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller got, or the callee gave, this final status of 300 and more.
    Failed(u16),
    /// No answer at all.
    TimedOut,
    /// Our BYE ended it.
    WeHungUp,
    /// Their BYE ended it.
    TheyHungUp,
    /// A request in the dialog got 481, 408 or nothing; or a 2xx of ours got no ACK.
    Lost,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    /// Who began it.
    pub role: Role,
    /// Its Call-ID.
    pub call_id: String,
    /// How it went, once it is over.
    pub outcome: Option<Outcome>,
    /// Responses to its first INVITE in the order in which the caller heard or the callee said them.
    pub statuses: Vec<(Timestamp, u16)>,
    local_tag: String,
    local: String,
    remote: String,
    script: Script,
    started: Vec<bool>,
    fired: Vec<When>,
    dialogs: Vec<Dialog>,
    invite_seq: u32,
    cancel: Cancel,
    bye_pending: bool,
    media: SocketAddr,
    session_id: u64,
    acks_lost: u32,
    retries: u32,
    formats: Vec<Format>,
    direction: crate::sdp::Direction,
    stream: Option<Stream>,
    datagrams: Vec<Vec<u8>>,
}

/// Datagrams of fax that a call keeps; more are forgotten.
const MAX_DATAGRAMS: usize = 1024;

/// Whether the caller wants its INVITE back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    /// As soon as a provisional response comes.
    Wanted,
    Sent,
}

impl Call {
    /// Whether a 2xx was exchanged.
    pub fn was_answered(&self) -> bool {
        self.dialogs.iter().any(|dialog| dialog.stage != Stage::Early && dialog.session.is_settled())
            || self.fired.contains(&When::Answered)
    }

    /// Datagrams that came while it faxed, in their order.
    pub fn datagrams(&self) -> &[Vec<u8>] {
        &self.datagrams
    }

    /// Where it has its media.
    pub fn media(&self) -> SocketAddr {
        self.media
    }

    fn is_faxing(&self) -> bool {
        let session = self.current().map(|dialog| &self.dialogs[dialog].session);
        session.and_then(|session| session.local.as_ref()).is_some_and(|local| local.fax_line().is_some())
    }

    /// How many dialogs there have been: one a fork.
    pub fn dialogs(&self) -> usize {
        self.dialogs.len()
    }

    /// Whether something has happened.
    pub fn has(&self, when: When) -> bool {
        self.fired.contains(&when)
    }

    /// The status of the last final response to the first INVITE.
    pub fn final_status(&self) -> Option<u16> {
        self.statuses.iter().map(|(_, status)| *status).rfind(|status| *status >= 200)
    }

    /// The description that the other side stands by, of the call's last dialog.
    pub fn remote_sdp(&self) -> Option<&crate::sdp::Sdp> {
        self.dialogs.iter().rev().find_map(|dialog| dialog.session.remote.as_ref())
    }

    /// The sound of the call, if the phone has any.
    pub fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    fn current(&self) -> Option<usize> {
        let stage = |wanted| self.dialogs.iter().position(|dialog| dialog.stage == wanted);
        stage(Stage::Confirmed).or_else(|| stage(Stage::Early))
    }
}

/// A message that the phone sent or heard.
#[derive(Clone, Debug)]
pub struct Traced {
    /// When.
    pub at: Timestamp,
    /// True for ours.
    pub sent: bool,
    /// The other end.
    pub peer: SocketAddr,
    /// At which of our addresses it was heard.
    pub local: SocketAddr,
    /// What.
    pub message: Message,
}

/// Something that the other side did against the RFCs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Timestamp,
    /// A short name, to be expected by.
    pub rule: &'static str,
    /// What was seen, and which clause is against it.
    pub text: String,
}

/// The machine. Order of calls: `handle`, then `poll_output` until `None`, then `poll_timeout`.
#[derive(Debug)]
pub struct Phone {
    setup: Setup,
    random: Random,
    calls: Vec<Call>,
    clients: Vec<ClientTransaction>,
    servers: Vec<ServerTransaction>,
    scheduled: Vec<(Timestamp, CallIndex, Todo)>,
    plans: VecDeque<Script>,
    plan: Script,
    outputs: VecDeque<Output>,
    trace: Vec<Traced>,
    violations: Vec<Violation>,
    known_branches: Vec<String>,
    asked: Vec<challenges::Asked>,
}

/// Something to do at a time.
#[derive(Clone, Debug)]
enum Todo {
    Act(Act),
    /// Send the ACK that this dialog keeps.
    Ack(usize),
    /// Answer a request other than INVITE.
    Answer(usize, Reply),
    /// Answer the CANCEL of that branch.
    AnswerCancel(Box<Message>, SocketAddr),
}

impl Phone {
    /// A phone that answers every call with `Script::answers(200)` until told otherwise.
    pub fn new(setup: Setup) -> Phone {
        Phone {
            random: Random::new(setup.seed),
            setup,
            calls: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            scheduled: Vec::new(),
            plans: VecDeque::new(),
            plan: Script::answers(200),
            outputs: VecDeque::new(),
            trace: Vec::new(),
            violations: Vec::new(),
            known_branches: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// What it is.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Changes what it is, from the next call on.
    pub fn setup_mut(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// How the next incoming call without a plan of its own is treated.
    pub fn expect(&mut self, script: Script) {
        self.plans.push_back(script);
    }

    /// How all other incoming calls are treated.
    pub fn always(&mut self, script: Script) {
        self.plan = script;
    }

    /// Calls.
    pub fn place(&mut self, now: Timestamp, place: Place) -> CallIndex {
        self.begin(now, place)
    }

    /// Acts at once, outside of the script.
    pub fn act(&mut self, now: Timestamp, call: CallIndex, act: Act) {
        self.perform(now, call, act);
    }

    /// Sends bytes as they are. What comes back is traced and not judged.
    pub fn send_raw(&mut self, destination: SocketAddr, bytes: Vec<u8>) {
        if let Ok(message) = Message::parse(&bytes) {
            self.known_branches.extend(crate::Via::parse(message.header("Via").unwrap_or_default()).map(|via| via.branch().to_owned()));
        }
        self.put(destination, bytes);
    }

    /// Moves the audio of a call to another port without telling anybody, as a NAT does that translates anew.
    pub fn move_media(&mut self, index: CallIndex, port: u16) {
        self.calls[index].media.set_port(port);
    }

    /// The sound of a call, if the phone has any, to let it misbehave.
    pub fn stream_mut(&mut self, index: CallIndex) -> Option<&mut Stream> {
        self.calls[index].stream.as_mut()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>) {
        match input {
            Input::Datagram { source, local, bytes } => self.on_bytes(now, Transport::Udp, source, local, bytes),
            Input::Streamed { source, local, bytes } => self.on_bytes(now, Transport::Tcp, source, local, bytes),
            Input::Rtp { source, local, bytes } => {
                let Some(call) = self.calls.iter_mut().rev().find(|call| call.media == local) else { return };
                if call.is_faxing() && call.datagrams.len() < MAX_DATAGRAMS {
                    call.datagrams.push(bytes.to_vec());
                } else if let Some(stream) = call.stream.as_mut() {
                    stream.on_packet(now, source, bytes);
                }
            }
            Input::Wake => self.on_wake(now),
        }
    }

    /// What is to be done; `None` when all of it has been told.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to wake it and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Reason)> {
        let steps = self.scheduled.iter().map(|(at, ..)| (*at, Reason::Step));
        let clients = self.clients.iter().filter_map(|client| client.timer.timeout());
        let servers = self.servers.iter().filter_map(|server| server.timer.as_ref()?.timeout());
        let dialogs = self.calls.iter().flat_map(|call| &call.dialogs);
        let accepted = dialogs.filter_map(|dialog| dialog.accepted.as_ref()?.timer.timeout());
        let media = self.calls.iter().filter_map(|call| call.stream.as_ref()?.timeout()).map(|at| (at, Reason::Media));
        steps.chain(clients.chain(servers).chain(accepted).map(|at| (at, Reason::Transaction))).chain(media).min()
    }

    /// One of its calls.
    ///
    /// # Panics
    /// If there is no such call: an index comes from this phone or counts its incoming calls.
    pub fn call(&self, index: CallIndex) -> &Call {
        &self.calls[index]
    }

    /// All its calls.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// What it sent and heard.
    pub fn trace(&self) -> &[Traced] {
        &self.trace
    }

    /// The messages that it heard, those of that method: requests, or responses to it.
    pub fn heard<'a>(&'a self, method: &'a str) -> impl Iterator<Item = &'a Message> {
        self.trace.iter().filter(move |traced| !traced.sent && traced.message.method() == method).map(|traced| &traced.message)
    }

    /// What the other side did wrong.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Forgets the violations of a rule that a scenario provokes; says how many there were.
    pub fn forgive(&mut self, rule: &str) -> usize {
        let before = self.violations.len();
        self.violations.retain(|violation| violation.rule != rule);
        before - self.violations.len()
    }

    /// Why it is not idle, in words for a failed scenario; empty if it is.
    pub fn business(&self) -> String {
        let calls = self.calls.iter().enumerate().filter(|(_, call)| call.outcome.is_none());
        let mut text: Vec<String> = calls
            .map(|(index, call)| format!("call {index} in {:?}", call.dialogs.iter().map(|one| one.stage).collect::<Vec<_>>()))
            .collect();
        text.extend(
            self.clients.iter().filter(|client| self.is_pending(client)).map(|client| format!("{} unanswered", client.request.label())),
        );
        text.extend(self.scheduled.iter().map(|(at, call, todo)| format!("call {call} at {at}: {todo:?}")));
        text.join("; ")
    }

    /// Whether all its calls are over and nothing is being sent any more.
    pub fn is_idle(&self) -> bool {
        let over = self.calls.iter().all(|call| call.outcome.is_some());
        over && !self.clients.iter().any(|client| self.is_pending(client)) && self.scheduled.is_empty()
    }

    /// Whether a request still waits for its answer, and the answer still matters: not to a re-INVITE in a dialog that is over.
    fn is_pending(&self, client: &ClientTransaction) -> bool {
        let dialog = client.call.zip(client.dialog).map(|(call, dialog)| &self.calls[call].dialogs[dialog]);
        let moot = matches!(client.purpose, Purpose::Reinvite(_)) && dialog.is_some_and(|dialog| dialog.stage == Stage::Over);
        client.is_open() && !moot
    }

    fn on_bytes(&mut self, now: Timestamp, transport: Transport, source: SocketAddr, local: SocketAddr, bytes: &[u8]) {
        match Message::parse(bytes) {
            Ok(message) => {
                if message.is_request() {
                    self.check_transport(now, transport, &message);
                }
                self.on_message(now, source, local, message);
            }
            // RFC 5626 §3.5.1 keep-alives are no messages.
            Err(_) if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) => {}
            Err(NotSip(text)) => self.violate(now, "syntax", text),
        }
    }

    fn on_message(&mut self, now: Timestamp, source: SocketAddr, local: SocketAddr, message: Message) {
        if self.is_deaf_to(&message) {
            return;
        }
        self.trace.push(Traced { at: now, sent: false, peer: source, local, message: message.clone() });
        self.check_every(now, &message);
        if message.is_request() {
            self.on_request(now, source, message);
        } else {
            self.on_response(now, message);
        }
    }

    /// The habit of not hearing the first messages of a call.
    fn is_deaf_to(&mut self, message: &Message) -> bool {
        let call = self.calls.iter_mut().find(|call| call.call_id == message.call_id());
        let habits = match call {
            Some(call) => &mut call.script.habits,
            None => &mut self.plans.front_mut().unwrap_or(&mut self.plan).habits,
        };
        let deaf = habits.deaf > 0;
        habits.deaf = habits.deaf.saturating_sub(1);
        deaf
    }

    fn on_wake(&mut self, now: Timestamp) {
        while let Some(place) = self.scheduled.iter().position(|(at, ..)| *at <= now) {
            let (_, call, todo) = self.scheduled.remove(place);
            match todo {
                Todo::Act(act) => self.perform(now, call, act),
                Todo::Ack(dialog) => self.send_ack(now, call, dialog),
                Todo::Answer(server, reply) => self.answer_other(now, server, &reply),
                Todo::AnswerCancel(request, source) => self.answer_cancel(now, call, *request, source),
            }
        }
        for index in 0..self.clients.len() {
            match self.clients[index].timer.poll(now) {
                Some(Due::Again) => {
                    let (destination, bytes) = (self.clients[index].destination, self.clients[index].bytes.clone());
                    self.put(destination, bytes);
                }
                Some(Due::TimedOut) if self.clients[index].is_open() => {
                    let matters = self.is_pending(&self.clients[index]);
                    self.clients[index].state = Client::TimedOut;
                    if matters {
                        self.on_client_timeout(now, index);
                    }
                }
                Some(Due::TimedOut) | None => {}
            }
        }
        self.wake_servers(now);
        for call in &mut self.calls {
            let Some((destination, bytes)) = call.stream.as_mut().and_then(|stream| stream.poll(now)) else { continue };
            self.outputs.push_back(Output::Rtp { local: call.media, destination, bytes });
        }
    }

    fn wake_servers(&mut self, now: Timestamp) {
        for index in 0..self.servers.len() {
            match self.servers[index].timer.as_mut().and_then(|timer| timer.poll(now)) {
                Some(Due::Again) => self.repeat_response(index),
                Some(Due::TimedOut) if !self.servers[index].acknowledged => {
                    let text = format!("no ACK for {:?}", self.servers[index].response.as_ref().map(|(status, ..)| *status));
                    self.violate(now, "ack-missing", text);
                }
                Some(Due::TimedOut) | None => {}
            }
        }
        for call in 0..self.calls.len() {
            for dialog in 0..self.calls[call].dialogs.len() {
                let Some(accepted) = &mut self.calls[call].dialogs[dialog].accepted else { continue };
                match accepted.timer.poll(now) {
                    Some(Due::Again) => {
                        let (destination, bytes) = (accepted.destination, accepted.bytes.clone());
                        self.put(destination, bytes);
                    }
                    Some(Due::TimedOut) => self.on_ack_missing(now, call, dialog),
                    None => {}
                }
            }
        }
    }

    fn violate(&mut self, now: Timestamp, rule: &'static str, text: impl Into<String>) {
        self.violations.push(Violation { at: now, rule, text: text.into() });
    }

    /// Starts the steps that wait for this; the first time only.
    fn trigger(&mut self, now: Timestamp, index: CallIndex, when: When) {
        let call = &mut self.calls[index];
        if call.fired.contains(&when) {
            return;
        }
        call.fired.push(when);
        let mut due = Vec::new();
        for (step, started) in call.script.steps.iter().zip(&mut call.started) {
            if step.when == when && !*started {
                *started = true;
                due.push((now + step.after, index, Todo::Act(step.act.clone())));
            }
        }
        self.scheduled.extend(due);
        self.scheduled.sort_by_key(|(at, ..)| *at);
    }

    fn token(&mut self) -> String {
        format!("{:012x}", self.random.next_u64() >> 16)
    }

    fn finish(&mut self, now: Timestamp, call: CallIndex, outcome: Outcome) {
        let call = &mut self.calls[call];
        if call.outcome.is_none() {
            call.outcome = Some(outcome);
            if let Some(stream) = &mut call.stream {
                stream.stop(now);
            }
        }
    }
}
