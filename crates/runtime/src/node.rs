//! One node: everything that its calls share on the signalling thread.

use crate::{
    background::Background,
    bus::Bus,
    clock::Clock,
    commands::Replies,
    consult::Consultations,
    figures::Counted,
    flight_recorder::{Dump, FlightRecorder, Trail, write_to_folder},
    flows::Flows,
    hops::Hops,
    log::Escaped,
    masked,
    media_port::MediaPort,
    report,
    route_table::RouteTable,
    transport::Wire,
    trunks::TrunkNotes,
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    path::PathBuf,
    rc::Rc,
    sync::Arc,
};
use tandem_model::{
    CallId, Decision, Event, EventKind, HealthNews, MediaCommand, MediaEvent, MediaFailure, Place, PlayEnd, PlayFailure, Question, Random,
    RecordingEnd, RecordingFailure, Timestamp,
};
use tandem_policy::{AbuseBook, CallView, HealthBook, LimitBook, NodeLimits, Places, Ruleset};
use tandem_signalling::{CallSetup, Dispatcher, Lines, NodeFacts, Registrar, Roster};
use tokio::sync::{Notify, mpsc};

/// What calls share. One thread has it: a borrow never outlives the statement that makes it, so none meets another.
pub(crate) struct Node {
    pub(crate) clock: Clock,
    pub(crate) facts: RefCell<Arc<NodeFacts>>,
    pub(crate) dispatcher: RefCell<Dispatcher>,
    pub(crate) rules: RefCell<Ruleset>,
    pub(crate) routes: RouteTable,
    pub(crate) recorder: RefCell<FlightRecorder>,
    /// By [`tandem_model::ListenerId`].
    pub(crate) transports: Box<[Wire]>,
    pub(crate) flows: Flows,
    /// Who waits to hear what came of commands.
    pub(crate) replies: RefCell<Replies>,
    pub(crate) media: Box<dyn MediaPort>,
    pub(crate) hops: Hops,
    pub(crate) background: Background,
    pub(crate) dump_dir: PathBuf,
    /// Decides the calls' seeds.
    pub(crate) random: RefCell<Random>,
    /// Numbers the calls.
    pub(crate) counter: Cell<u16>,
    /// `[calls]`: how many, how fast.
    pub(crate) limits: RefCell<NodeLimits>,
    /// The same of each trunk.
    pub(crate) trunks: RefCell<LimitBook>,
    /// What strangers have had of us.
    pub(crate) abuse: RefCell<AbuseBook>,
    /// Which of their targets can be called.
    pub(crate) health: RefCell<HealthBook>,
    /// Who registers for them, and pings them.
    pub(crate) agents: RefCell<Roster>,
    /// What their registrations are called at.
    pub(crate) lines: RefCell<Lines>,
    /// Where the users are.
    pub(crate) registrar: RefCell<Registrar>,
    /// Where questions leave that somebody else is asked.
    pub(crate) consultations: Option<Consultations>,
    /// How often nobody had anything to say.
    pub(crate) silences: Cell<u64>,
    pub(crate) draining: Cell<bool>,
    /// How often it was told to stop.
    pub(crate) stops: Cell<u8>,
    /// Something changed that the node's end may wait for.
    pub(crate) changed: Notify,
    /// Who listens to what happens.
    pub(crate) bus: Bus,
    /// The calls that have ended last, and where the recorder has them.
    pub(crate) past: RefCell<VecDeque<(CallSetup, Trail)>>,
    /// What was told of trunks.
    pub(crate) trunk_notes: RefCell<TrunkNotes>,
    pub(crate) counted: RefCell<Counted>,
    /// Legs of calls in progress. Of one that goes to another call both count for a moment, or neither.
    pub(crate) legs: Cell<i64>,
    /// The names of the media sides.
    pub(crate) sides: Box<[Box<str>]>,
    /// Where the media threads put what they tell.
    pub(crate) media_events: mpsc::WeakSender<(CallId, MediaEvent)>,
}

impl Node {
    /// Policy's answer. `draw` decides its random choices.
    pub(crate) fn decide(&self, now: Timestamp, draw: u64, question: &Question) -> Decision {
        let (load, health, registrar) = (self.trunks.borrow(), self.health.borrow(), self.registrar.borrow());
        let view = CallView { load: &load, health: &health, bindings: registrar.bindings(), now, draw };
        tandem_policy::decide(&self.rules.borrow(), &view, question)
    }

    /// Takes note of how a trunk is.
    pub(crate) fn take_health(&self, news: &HealthNews) {
        if let HealthNews::Closed { endpoint, span, .. } = news {
            tracing::debug!(%endpoint, seconds = span.as_secs(), "a target wants to be left alone");
        }
        self.health.borrow_mut().take(self.clock.now(), news);
    }

    /// A trunk no longer counts a call for that.
    pub(crate) fn free_place(&self, places: &mut Places, place: Place) {
        places.free(&mut self.trunks.borrow_mut(), place);
    }

    /// Passes a command on; what the call is to be told at once.
    pub(crate) fn command_media(&self, command: MediaCommand) -> Option<MediaEvent> {
        match self.media.command(command) {
            Ok(answer) => answer,
            Err(MediaCommand::Open { .. }) => Some(MediaEvent::Refused(MediaFailure::Overloaded)),
            Err(MediaCommand::Play { leg, play, .. }) => {
                Some(MediaEvent::Played { leg, play, end: PlayEnd::Failed(PlayFailure::Overloaded) })
            }
            Err(MediaCommand::Add { endpoint, .. }) => Some(MediaEvent::NotAdded { leg: endpoint.leg, failure: MediaFailure::Overloaded }),
            Err(MediaCommand::Record { recording, .. }) => {
                let end = RecordingEnd::Failed(RecordingFailure::Overloaded);
                Some(MediaEvent::Recorded { recording, file: "".into(), ms: 0, end })
            }
            Err(refused) => {
                tracing::error!(?refused, "the media threads have as much queued as they may");
                None
            }
        }
    }

    /// Something happened to a call.
    pub(crate) fn notify(&self, mut event: Event) {
        match &event.kind {
            EventKind::CallEnded(record) => report::call_ended(record),
            EventKind::Exchanged(record) => report::message_ended(record),
            EventKind::TrunkUp(state)
            | EventKind::TrunkDown(state)
            | EventKind::Registered(state)
            | EventKind::RefreshFailed(state)
            | EventKind::Unregistered(state)
            | EventKind::TargetUp(state)
            | EventKind::TargetDown(state) => report::trunk(&event.kind, state),
            EventKind::RegistrationChanged(change) => report::registration_changed(change),
            EventKind::LimitReached(state) | EventKind::LimitOver(state) | EventKind::TollTripped(state) | EventKind::TollOver(state) => {
                report::limit(&event.kind, state);
            }
            EventKind::RecordingReady(done) => report::recording(&event, done),
            kind => report::event(&event, kind),
        }
        self.trunk_notes.borrow_mut().note(&event);
        self.counted.borrow_mut().event(&event);
        masked::mask_event(&mut event.kind);
        self.bus.tell(event);
    }

    /// Tells of limits that were reached, or are no longer.
    pub(crate) fn sweep_limits(&self, now: Timestamp) {
        let told = self.trunks.borrow_mut().sweep(now);
        told.into_iter().for_each(|kind| self.notify(Event { time: now, call: CallId::from_bits(0), leg: None, kind }));
    }

    /// A call has ended, and no longer counts. Its last transactions may go on for as long as 32 s: no more than
    /// [`NodeLimits`] lets in during that time.
    pub(crate) fn on_call_ended(&self, places: &mut Places) {
        self.limits.borrow_mut().end();
        places.give_back(&mut self.trunks.borrow_mut(), self.clock.now());
        self.tell_of_change();
    }

    /// A call has left: nothing leads to it any more.
    pub(crate) fn on_call_over(self: &Rc<Self>, call: CallId) {
        let left: Vec<_> = self.routes.remove(call).collect();
        self.return_letters(call, left);
        self.end_commands(call);
        self.dispatcher.borrow_mut().call_removed(call);
        self.tell_of_change();
    }

    fn tell_of_change(&self) {
        if self.draining.get() {
            self.changed.notify_one();
        }
    }

    /// Writes the dump of a call that failed, elsewhere.
    pub(crate) fn write_dump(&self, call: CallId, dump: Option<Dump>) {
        let Some(dump) = dump else {
            tracing::error!(%call, "no dump: the flight recorder no longer holds the beginning of the call");
            return;
        };
        let folder = self.dump_dir.clone();
        // Nobody waits for it; the log says how it went.
        let accepted = self.background.run_blocking(move || {
            match write_to_folder(&folder, call, &dump.to_text()) {
                Ok(path) => tracing::error!(%call, dump = %Escaped(&path.display().to_string()), "the failed call was written out: tandem replay runs it again"),
                Err(error) => tracing::error!(%call, %error, "the failed call could not be written out"),
            }
        });
        if accepted.is_none() {
            tracing::error!(%call, "no dump: as many wait to be written as may");
        }
    }
}
