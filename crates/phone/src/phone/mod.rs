//! The phone: what goes in, what comes out, and when it wants to be woken.

mod call;
mod callee;
mod caller;
mod challenges;
mod check;
mod io;
mod refer;
mod register;
mod registrar;
mod reliable;
mod replaces;
mod restart;
mod session;
mod setup;
mod steps;
mod target_dialog;
mod timer;
mod update;
mod wake;
mod write;

pub use call::{Call, CallIndex, Outcome, Role};
pub use io::{Input, Output, Reason};
pub use refer::{Refer, Referral};
pub use register::Register;
pub use registrar::{Binding, Registrar};
pub use setup::Setup;
pub use timer::{Agreed, Timer};

use call::MAX_DATAGRAMS;

use crate::{
    Message, Place, Reply, Script, When,
    dialog::Stage,
    media::Stream,
    message::NotSip,
    script::Act,
    transaction::{ClientTransaction, LIFETIME, Purpose, ServerTransaction},
};
use std::{collections::VecDeque, net::SocketAddr};
use tandem_model::{Random, Timestamp, Transport};

/// Calls that one phone may hold over its life. The INVITE of one more is answered 486.
pub const MAX_CALLS: usize = 4096;

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
    bindings: Vec<Binding>,
    registrations: register::Registrations,
}

/// Something to do at a time.
#[derive(Clone, Debug)]
enum Todo {
    Act(Act),
    /// Acknowledge the reliable response of this RSeq in that dialog, with that body.
    Prack(usize, u32, Option<Vec<u8>>),
    /// Send the ACK that this dialog keeps of that number.
    Ack(usize, u32),
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
            bindings: Vec::new(),
            registrations: register::Registrations::default(),
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
        let moot =
            matches!(client.purpose, Purpose::Reinvite(_) | Purpose::Update(_)) && dialog.is_some_and(|dialog| dialog.stage == Stage::Over);
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
        let mut call = self.calls.iter_mut().find(|call| call.call_id == message.call_id());
        let habits = match &mut call {
            Some(call) => &mut call.script.habits,
            None => &mut self.plans.front_mut().unwrap_or(&mut self.plan).habits,
        };
        let deaf = habits.deaf > 0;
        habits.deaf = habits.deaf.saturating_sub(1);
        if let (true, true, Some(call)) = (deaf, message.is_request(), call) {
            call.miss(message);
        }
        deaf
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
        if self.calls[call].outcome.is_some() {
            return;
        }
        self.calls[call].outcome = Some(outcome);
        if let Some(stream) = &mut self.calls[call].stream {
            stream.stop(now);
        }
        // Its final response may have gone down with a connection, and BYE or 481 ended the early dialog.
        for client in self.clients.iter_mut().filter(|client| client.call == Some(call) && client.purpose == Purpose::Invite) {
            if client.is_open() && client.timer.deadline.is_none() {
                client.timer.deadline = Some(now + LIFETIME);
            }
        }
    }
}
