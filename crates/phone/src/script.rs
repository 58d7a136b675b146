//! What a phone is told to do: steps that wait for something, and habits, good and bad.

use crate::sdp::{Direction, Format};
use std::time::Duration;

/// One call's part. Steps are independent: each waits for its trigger, then for its delay, and acts once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// What to do.
    pub steps: Vec<Step>,
    /// How to behave otherwise.
    pub habits: Habits,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it waits for.
    pub when: When,
    /// And how long after that.
    pub after: Duration,
    /// What is done.
    pub act: Act,
}

/// What a step waits for: the first time that it happens in the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The INVITE was sent, or came.
    Start,
    /// Caller: a response of this status came.
    Status(u16),
    /// The 2xx came, or was sent.
    Answered,
    /// The ACK of the first 2xx was sent, or came.
    Confirmed,
    /// Callee: a CANCEL came.
    Cancelled,
    /// A re-INVITE came, or an UPDATE with an offer.
    Reoffered,
    /// Our re-INVITE or UPDATE got its final response.
    Reanswered,
    /// A BYE came.
    ByeSeen,
    /// A NOTIFY told this status of our REFER.
    Notified(u16),
}

/// What a step does. Acts that the state of the call does not allow are left out, as a person's finger on a dead
/// button would be.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Answer the INVITE or re-INVITE that waits.
    Reply(Reply),
    /// Take the INVITE or re-INVITE that is open back: the first once a provisional response has come (RFC 3261 §9.1), a later
    /// one if it has come, either at once if that is the habit.
    Cancel,
    /// Hang up. A caller that rings hangs up the early dialog; a callee waits for its ACK (RFC 3261 §15).
    Bye,
    /// A re-INVITE.
    Reinvite(Offer),
    /// An UPDATE: with an offer, or where that is late with none.
    Update(Offer),
    /// A REFER, in the dialog.
    Refer(crate::Refer),
    /// A REFER that joins the other side of this call with that of the phone's latest other call (RFC 5589 §7), if it has one.
    Attended,
    /// A REFER outside of any dialog, which names this one (RFC 4538).
    ReferOutside(crate::Refer),
    /// Any other request, in the dialog if there is one.
    Request(Request),
}

/// A response to an INVITE.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// 100 to 699.
    pub status: u16,
    /// Reason phrase; the usual one where `None`.
    pub reason: Option<String>,
    /// Its body.
    pub body: Body,
    /// Which of several phones behind one proxy speaks: each has its own To tag. 0 for the usual one.
    pub fork: u8,
    /// Contact URI from now on; the phone's own where `None`.
    pub contact: Option<String>,
    /// Changes to the finished message.
    pub edits: Vec<Edit>,
}

impl Reply {
    /// The plain response.
    pub fn new(status: u16) -> Reply {
        Reply { status, reason: None, body: Body::Auto, fork: 0, contact: None, edits: Vec::new() }
    }

    /// With SDP even though it is provisional: early media.
    #[must_use]
    pub fn with_sdp(mut self) -> Reply {
        self.body = Body::Sdp;
        self
    }

    /// From another fork.
    #[must_use]
    pub fn fork(mut self, fork: u8) -> Reply {
        self.fork = fork;
        self
    }

    /// With a change.
    #[must_use]
    pub fn edit(mut self, edit: Edit) -> Reply {
        self.edits.push(edit);
        self
    }
}

/// The body of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// SDP in a 2xx, none otherwise.
    Auto,
    /// None whatever the status.
    None,
    /// SDP whatever the status.
    Sdp,
    /// These bytes as SDP.
    Raw(Vec<u8>),
}

/// What a re-INVITE or an UPDATE proposes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offer {
    /// The direction from now on; as before where `None`.
    pub direction: Option<Direction>,
    /// The formats from now on; as before where `None`.
    pub formats: Option<Vec<Format>>,
    /// Fax instead of audio.
    pub fax: Option<Fax>,
    /// Holds in another way than by its direction, this once.
    pub hold: Option<Hold>,
    /// No offer: the other side makes it in its 2xx (to UPDATE: nobody makes one).
    pub late: bool,
    /// Contact URI from now on.
    pub contact: Option<String>,
    /// Changes to the finished message.
    pub edits: Vec<Edit>,
}

/// Holds that are older than the directions, and still to be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The connection address is all zeros (RFC 2543; RFC 3264 §8.4 wants it understood).
    ZeroAddress,
    /// The stream is switched off by port 0 (RFC 3264 §8.2); the next offer switches it on again.
    ZeroPort,
}

/// How a re-INVITE turns from audio to fax (T.38). One without it turns back likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fax {
    /// The line changes its type (RFC 3264 §8.3.3).
    InPlace,
    /// Another line; that of the audio is switched off.
    Beside,
}

impl Offer {
    /// A re-INVITE that turns to fax.
    pub fn fax(fax: Fax) -> Offer {
        Offer { fax: Some(fax), ..Offer::default() }
    }

    /// A re-INVITE that only changes the direction.
    pub fn direction(direction: Direction) -> Offer {
        Offer { direction: Some(direction), ..Offer::default() }
    }
}

/// Any request but INVITE, ACK and CANCEL.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Changes to the finished message.
    pub edits: Vec<Edit>,
}

/// A change to a message that is otherwise finished, Via and all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// One header of that name, in the place of those that there are.
    Set(String, String),
    /// One more at the end.
    Add(String, String),
    /// One more before all others.
    Prepend(String, String),
    /// None of that name.
    Remove(String),
    /// Another Request-URI.
    Uri(String),
    /// Another method in the start line.
    Method(String),
    /// Another body.
    Body(String, Vec<u8>),
}

impl Edit {
    /// [`Edit::Set`].
    pub fn set(name: &str, value: &str) -> Edit {
        Edit::Set(name.into(), value.into())
    }

    /// [`Edit::Add`].
    pub fn add(name: &str, value: &str) -> Edit {
        Edit::Add(name.into(), value.into())
    }

    /// [`Edit::Remove`].
    pub fn remove(name: &str) -> Edit {
        Edit::Remove(name.into())
    }
}

/// What a callee does with a CANCEL beside answering it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCancel {
    /// 487 to the INVITE, as RFC 3261 §9.2 wants it.
    #[default]
    Terminate,
    /// The 200 of a person who picked up in the same moment.
    Answer,
    /// Neither; only the script goes on.
    Nothing,
}

/// How a caller acknowledges reliable provisional responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrackHabit {
    /// At once.
    #[default]
    Prompt,
    /// Never.
    Never,
    /// So much later.
    Late(Duration),
    /// First with a RAck that names nothing.
    Wrong,
    /// With an offer of its own, where the response has the answer.
    Offers,
}

/// How a phone behaves beyond its steps. The default behaves well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Habits {
    /// Never acknowledges a 2xx.
    pub never_ack: bool,
    /// The first so many ACKs of 2xx are not sent.
    pub lose_acks: u32,
    /// ACKs of 2xx are sent so much later.
    pub ack_delay: Duration,
    /// Never answers a BYE.
    pub ignore_bye: bool,
    /// Never answers a CANCEL nor heeds it.
    pub ignore_cancel: bool,
    /// The 200 to a CANCEL, and what follows, comes so much later.
    pub cancel_delay: Duration,
    /// What a CANCEL does to the INVITE.
    pub on_cancel: OnCancel,
    /// The first so many messages of the call are not heard.
    pub deaf: u32,
    /// Each message is sent twice.
    pub twice: bool,
    /// CANCEL is sent though nothing has come back yet.
    pub cancel_early: bool,
    /// BYE is sent though the ACK has not come.
    pub bye_early: bool,
    /// The status of the answer to a BYE; 0 for 200.
    pub bye_status: u16,
    /// What re-INVITEs and UPDATEs with an offer get, one after the other, and after how long; then 200 at once.
    pub reoffers: Vec<(Duration, Reply)>,
    /// What requests other than INVITE, CANCEL and BYE get, one after the other, and after how long; then 200 for OPTIONS and 405 for
    /// the rest, at once. The body is that of an edit.
    pub others: Vec<(Duration, Reply)>,
    /// The status of the answers to NOTIFYs of our REFER; 0 for 200.
    pub notify_status: u16,
    /// A REFER is obeyed: the phone calls whom it names.
    pub obeys_refer: bool,
    /// How reliable provisional responses are acknowledged.
    pub prack: PrackHabit,
    /// It keeps session timers (RFC 4028).
    pub timer: Option<crate::Timer>,
    /// No 487 to the INVITE that a BYE leaves open.
    pub leaves_invite_open: bool,
}

impl Script {
    /// Nothing but good manners.
    pub fn new() -> Script {
        Script::default()
    }

    /// With one more step.
    #[must_use]
    pub fn step(mut self, when: When, after_ms: u64, act: Act) -> Script {
        self.steps.push(Step { when, after: Duration::from_millis(after_ms), act });
        self
    }

    /// A response so long after the INVITE came.
    #[must_use]
    pub fn reply(self, after_ms: u64, status: u16) -> Script {
        self.step(When::Start, after_ms, Act::Reply(Reply::new(status)))
    }

    /// A response of one's own making so long after the INVITE came.
    #[must_use]
    pub fn reply_with(self, after_ms: u64, reply: Reply) -> Script {
        self.step(When::Start, after_ms, Act::Reply(reply))
    }

    /// Hang up so long after the ACK.
    #[must_use]
    pub fn bye(self, after_ms: u64) -> Script {
        self.step(When::Confirmed, after_ms, Act::Bye)
    }

    /// CANCEL so long after a trigger.
    #[must_use]
    pub fn cancel(self, when: When, after_ms: u64) -> Script {
        self.step(when, after_ms, Act::Cancel)
    }

    /// Other habits.
    #[must_use]
    pub fn habits(mut self, change: impl FnOnce(&mut Habits)) -> Script {
        change(&mut self.habits);
        self
    }

    /// The callee that everybody knows: 180 after 50 ms, 200 after `answer_ms`.
    pub fn answers(answer_ms: u64) -> Script {
        Script::new().reply(50.min(answer_ms), 180).reply(answer_ms, 200)
    }
}

/// An outgoing call.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Request-URI and To.
    pub uri: String,
    /// No offer: the other side makes it in its 2xx.
    pub late: bool,
    /// Another offer than the phone's own formats.
    pub formats: Option<Vec<Format>>,
    /// Changes to the finished INVITE.
    pub edits: Vec<Edit>,
    /// What comes after it.
    pub script: Script,
}

impl Place {
    /// A call with an offer.
    pub fn new(uri: &str) -> Place {
        Place { uri: uri.into(), late: false, formats: None, edits: Vec::new(), script: Script::new() }
    }

    /// Without an offer.
    #[must_use]
    pub fn late(mut self) -> Place {
        self.late = true;
        self
    }

    /// With a script.
    #[must_use]
    pub fn script(mut self, script: Script) -> Place {
        self.script = script;
        self
    }

    /// With a change.
    #[must_use]
    pub fn edit(mut self, edit: Edit) -> Place {
        self.edits.push(edit);
        self
    }
}

impl Edit {
    /// Carries the change out.
    pub fn apply(&self, message: &mut crate::Message) {
        match self {
            Edit::Set(name, value) => message.set(name, value.as_str()),
            Edit::Add(name, value) => message.push(name, value.as_str()),
            Edit::Prepend(name, value) => message.headers.insert(0, (name.clone(), value.clone())),
            Edit::Remove(name) => message.remove(name),
            Edit::Body(kind, bytes) => message.set_body(kind, bytes.clone()),
            Edit::Uri(new) => {
                if let crate::StartLine::Request { uri, .. } = &mut message.start {
                    uri.clone_from(new);
                }
            }
            Edit::Method(new) => {
                if let crate::StartLine::Request { method, .. } = &mut message.start {
                    method.clone_from(new);
                }
            }
        }
    }
}
