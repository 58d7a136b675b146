//! The media threads. Each has its own sockets, ports and sessions and shares none of them: a packet is received, handled
//! and sent on by one thread, without a lock, an allocation or another thread being woken.
//!
//! A session lives where its `Open` was sent, the thread with the fewest sessions then; all its legs do, and one that comes from another session
//! takes its sockets along.

mod inbox;
mod poller;
mod sockets;
mod stock;
#[cfg(test)]
mod tests;
mod worker;

use crate::{
    background::Background,
    clock::Clock,
    figures::MediaFigures,
    media_port::MediaPort,
    prompts::{PromptReader, PromptStore, Wanted},
    recorder::{self, RecorderThread},
};
use inbox::{Inbox, Item, Leaving, MAX_WAITING, Outlet, inbox};
use sockets::Sockets;
use std::{
    collections::{HashMap, hash_map::Entry},
    fmt, io,
    net::IpAddr,
    num::NonZero,
    ops::RangeInclusive,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};
use stock::{Stock, Stocked};
use tandem_media::{Clip, Playable};
use tandem_model::{
    CallId, EndpointRequest, LegId, LocalEndpoint, MediaCommand, MediaEvent, MediaFailure, MediaSide, NetworkTone, PlayFailure,
    RecordingEnd, RecordingFailure, Sound,
};
use worker::Worker;

/// One `[[media]]` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideConfig {
    /// Address of our sockets.
    pub bind: IpAddr,
    /// Address that SDP states.
    pub advertise: IpAddr,
    /// Where their ports lie. Each thread has an equal part.
    pub ports: RangeInclusive<u16>,
    /// Differentiated services code point of their packets (RFC 2474).
    pub dscp: u8,
}

/// What the media threads are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardConfig {
    /// By [`MediaSide`].
    pub sides: Vec<SideConfig>,
    /// How many threads; 0: one for each processor but one, which signalling has.
    pub threads: usize,
    /// Sockets that may be open at a time, resting ones included. What ports would allow beyond that is refused.
    pub max_sockets: usize,
    /// The folder that recordings go to. It is made when there is one.
    pub recordings: PathBuf,
}

/// Told what media sessions tell their calls, on the thread of the session: it must not wait.
pub type Sink = Arc<dyn Fn(CallId, MediaEvent) + Send + Sync>;

/// The running media threads. They stop when this is dropped.
pub struct Shards {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    prompts: Option<PromptReader>,
    sink: Sink,
    /// Dropped when the threads have ended: their recordings are finished then.
    _recorder: RecorderThread,
}

/// What is shared between the threads and whoever commands them. None of it is touched for a packet.
#[derive(Debug)]
struct Shared {
    /// Which thread has a call's session. Entered by `Open`; removed by `Close`, or when the session ends by itself.
    routes: Mutex<HashMap<CallId, usize>>,
    /// Sessions by thread, those still waiting to be opened included.
    sessions: Box<[AtomicUsize]>,
    /// The way to each thread.
    outlets: Box<[Outlet]>,
    /// Ports for calls to take, by thread.
    stocks: Box<[Stock]>,
    gauges: Box<[SideGauges]>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct SideGauges {
    pairs: AtomicUsize,
    in_use: AtomicUsize,
    foreign: AtomicUsize,
}

#[derive(Debug, Default)]
struct Counters {
    refused: AtomicU64,
    failed: AtomicU64,
    strays: AtomicU64,
    unsent: AtomicU64,
    sockets: AtomicUsize,
}

/// Port pairs of one side, over all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SidePorts {
    /// In the range.
    pub pairs: usize,
    /// With a session.
    pub in_use: usize,
    /// Found to be in use by others.
    pub foreign: usize,
}

impl SidePorts {
    /// Pairs that no session has, those that rest included.
    pub fn free(&self) -> usize {
        self.pairs.saturating_sub(self.in_use + self.foreign)
    }
}

/// What the media threads have counted since they started, and what they have open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardCounts {
    /// Sessions, those about to be opened included.
    pub sessions: usize,
    /// Sessions that got no ports.
    pub refused: u64,
    /// Sessions that failed inside.
    pub failed: u64,
    /// Packets at ports that no session has.
    pub strays: u64,
    /// Packets that the system did not take.
    pub unsent: u64,
    /// Sockets that are open, resting ones included.
    pub sockets: usize,
}

impl Shards {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system's error where it gives no thread, event queue or random bytes.
    pub fn start(config: &ShardConfig, clock: Clock, sink: Sink) -> io::Result<Shards> {
        let count = match config.threads {
            0 => thread::available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1),
            threads => threads,
        };
        let (outlets, inboxes): (Vec<Outlet>, Vec<Inbox>) =
            (0..count).map(|_| inbox()).collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
        let shared = Arc::new(Shared {
            routes: Mutex::default(),
            outlets: outlets.into(),
            sessions: (0..count).map(|_| AtomicUsize::new(0)).collect(),
            stocks: (0..count).map(|_| Stock::new(config.sides.len())).collect(),
            gauges: config.sides.iter().map(|_| SideGauges::default()).collect(),
            counters: Counters::default(),
        });
        let (recorder, thread) = recorder::start(config.recordings.clone(), sink.clone())?;
        let mut shards = Shards { shared: shared.clone(), threads: Vec::new(), prompts: None, sink: sink.clone(), _recorder: thread };
        for (index, inbox) in inboxes.into_iter().enumerate() {
            let sockets = Sockets::new(config, (index, count), shared.clone())?;
            let seed = getrandom::u64().map_err(io::Error::other)?;
            let worker = Worker::new(index, inbox, sockets, shared.clone(), (sink.clone(), recorder.clone()), clock, seed)?;
            shards.threads.push(thread::Builder::new().name(format!("media-{index}")).spawn(move || worker.run())?);
        }
        Ok(shards)
    }

    /// Plays prompts of that store, which are read in the background. Without one there are none.
    #[must_use]
    pub fn with_prompts(mut self, store: Arc<PromptStore>, background: Background) -> Shards {
        self.prompts = Some(PromptReader::new(store, background));
        self
    }

    /// Passes a command on to the thread that has the call's session, without waiting. What is for a session that is
    /// gone is ignored. An `Open` or `Add` is answered at once where ports are in stock.
    ///
    /// # Errors
    /// The command itself, when its thread has as many waiting as may. That never happens to `Close`.
    pub fn send(&self, command: MediaCommand) -> Result<Option<MediaEvent>, MediaCommand> {
        match command {
            MediaCommand::Open { call, .. } => self.open(call, command),
            MediaCommand::Add { call, endpoint } => self.add(call, endpoint, command),
            MediaCommand::Adopt { call, leg, from } => Ok(self.adopt(call, leg, from)),
            MediaCommand::Describe { .. }
            | MediaCommand::Stop { .. }
            | MediaCommand::Hear { .. }
            | MediaCommand::Remove { .. }
            | MediaCommand::Press { .. }
            | MediaCommand::StopRecording { .. } => {
                let call = command.call();
                let pass_on = |shard: usize| self.shared.outlets[shard].push(Item::Command(command));
                self.shared.route(call).map_or(Ok(()), pass_on).map(|()| None)
            }
            MediaCommand::Play { call, .. } => self.play(call, command),
            MediaCommand::Prepare { call, file } => Ok(self.prepare(call, file)),
            MediaCommand::Record { call, recording, .. } => match self.shared.route(call) {
                Some(shard) => self.shared.outlets[shard].push(Item::Command(command)).map(|()| None),
                None => {
                    let end = RecordingEnd::Failed(RecordingFailure::NoLeg);
                    Ok(Some(MediaEvent::Recorded { recording, file: "".into(), ms: 0, end }))
                }
            },
            MediaCommand::Close { call } => {
                if let Some(shard) = self.shared.forget(call) {
                    self.shared.outlets[shard].push_reserved(Item::Command(command));
                }
                Ok(None)
            }
        }
    }

    fn open(&self, call: CallId, command: MediaCommand) -> Result<Option<MediaEvent>, MediaCommand> {
        let shard = self.least_loaded();
        if !self.shared.enter(call, shard) {
            tracing::error!(%call, "a call opened its media twice");
            return Ok(None);
        }
        let MediaCommand::Open { endpoints, .. } = &command else { return Ok(None) };
        let Some(taken) = self.shared.stocks[shard].take_all(endpoints) else {
            return self.shared.outlets[shard].push(Item::Command(command)).map(|()| None).inspect_err(|_| self.shared.leave(call, shard));
        };
        let locals = endpoints.iter().zip(&taken).map(|(request, stocked)| stocked.local(request.leg)).collect();
        self.open_at(shard, command, taken, locals).inspect_err(|_| self.shared.leave(call, shard))
    }

    /// Something is to be played. A prompt follows its command when it was read, so that what else is said of it meanwhile finds it there.
    fn play(&self, call: CallId, command: MediaCommand) -> Result<Option<MediaEvent>, MediaCommand> {
        let Some(shard) = self.shared.route(call) else { return Ok(None) };
        let prompt = match &command {
            MediaCommand::Play { play, sound: Sound::Prompt(name), instead, .. } => Some((*play, name.clone(), *instead)),
            _ => None,
        };
        self.shared.outlets[shard].push(Item::Command(command))?;
        let Some((play, file, instead)) = prompt else { return Ok(None) };
        let shared = self.shared.clone();
        let done = move |clip: Result<Clip, PlayFailure>| {
            let ringing = instead.map(|country| Playable::Tone { country, tone: NetworkTone::Ringing });
            let sound = clip.map(Playable::Clip).or_else(|failure| ringing.ok_or(failure));
            shared.outlets[shard].push_reserved(Item::Loaded(call, play, sound));
        };
        match &self.prompts {
            Some(reader) => reader.read(Wanted { call, file, instead }, done),
            None => done(Err(PlayFailure::Missing)),
        }
        Ok(None)
    }

    /// A prompt is to be played once it is known that it can be.
    fn prepare(&self, call: CallId, file: Box<str>) -> Option<MediaEvent> {
        let Some(reader) = &self.prompts else { return Some(MediaEvent::Prepared { file, length: Err(PlayFailure::Missing) }) };
        let (sink, wanted) = (self.sink.clone(), Wanted { call, file: file.clone(), instead: None });
        reader.read(wanted, move |clip| sink(call, MediaEvent::Prepared { file, length: clip.map(|clip| clip.ms()) }));
        None
    }

    fn add(&self, call: CallId, endpoint: EndpointRequest, command: MediaCommand) -> Result<Option<MediaEvent>, MediaCommand> {
        let Some(shard) = self.shared.route(call) else { return Ok(None) };
        match self.shared.stocks[shard].take_all(&[endpoint]) {
            None => self.shared.outlets[shard].push(Item::Command(command)).map(|()| None),
            Some(taken) => {
                let locals = taken.iter().map(|stocked| stocked.local(endpoint.leg)).collect();
                self.open_at(shard, command, taken, locals)
            }
        }
    }

    /// A leg goes from one session to another, where that is another thread's too.
    fn adopt(&self, call: CallId, leg: LegId, from: CallId) -> Option<MediaEvent> {
        let shard = self.shared.route(call)?;
        let Some(giver) = self.shared.route(from) else {
            return Some(MediaEvent::NotAdded { leg, failure: MediaFailure::Gone });
        };
        if call == from {
            return None;
        }
        // It cannot be there before it is known to come.
        self.shared.outlets[shard].push_reserved(Item::Comes(call, leg));
        self.shared.outlets[giver].push_reserved(Item::Leaves(Leaving { leg, from, call, shard }));
        None
    }

    /// Passes on a command whose ports are known.
    fn open_at(
        &self,
        shard: usize,
        command: MediaCommand,
        taken: Box<[Stocked]>,
        locals: Box<[LocalEndpoint]>,
    ) -> Result<Option<MediaEvent>, MediaCommand> {
        let ports = taken.iter().map(|stocked| stocked.port).collect();
        // The endpoints must be there when they are described or meet a packet; they need not be there before.
        match self.shared.outlets[shard].push_quietly(Item::At(command, ports)) {
            Ok(()) => Ok(Some(MediaEvent::Opened(locals))),
            Err(command) => {
                self.shared.stocks[shard].put_back(taken);
                Err(command)
            }
        }
    }

    fn least_loaded(&self) -> usize {
        let load = |shard: &usize| self.shared.sessions[*shard].load(Relaxed);
        (0..self.shared.outlets.len()).min_by_key(load).unwrap_or(0)
    }

    /// The ports of one side.
    pub fn ports(&self, side: MediaSide) -> SidePorts {
        self.shared.gauges.get(usize::from(side.0)).map_or_else(SidePorts::default, |gauges| SidePorts {
            pairs: gauges.pairs.load(Relaxed),
            in_use: gauges.in_use.load(Relaxed),
            foreign: gauges.foreign.load(Relaxed),
        })
    }

    /// What has been counted.
    pub fn counts(&self) -> ShardCounts {
        let counters = &self.shared.counters;
        ShardCounts {
            sessions: self.shared.sessions.iter().map(|sessions| sessions.load(Relaxed)).sum(),
            refused: counters.refused.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            strays: counters.strays.load(Relaxed),
            unsent: counters.unsent.load(Relaxed),
            sockets: counters.sockets.load(Relaxed),
        }
    }

    /// Ends all sessions without a word and waits for the threads to end.
    pub fn stop(self) {
        drop(self);
    }
}

impl MediaPort for Shards {
    fn command(&self, command: MediaCommand) -> Result<Option<MediaEvent>, MediaCommand> {
        self.send(command)
    }

    fn figures(&self) -> MediaFigures {
        let sides = (0..).zip(&self.shared.gauges).map(|(side, _)| self.ports(MediaSide(side))).collect();
        let fullest = self.shared.outlets.iter().map(Outlet::waiting).max();
        MediaFigures { sides, counts: self.counts(), queue: fullest.map(|waiting| (waiting, MAX_WAITING)) }
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.shared.outlets.iter().for_each(|outlet| outlet.push_reserved(Item::Stop));
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media thread had panicked");
            }
        }
    }
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl Shared {
    fn routes(&self) -> MutexGuard<'_, HashMap<CallId, usize>> {
        // The map is whole whatever its last user did.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the call is new.
    fn enter(&self, call: CallId, shard: usize) -> bool {
        match self.routes().entry(call) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(shard);
                self.sessions[shard].fetch_add(1, Relaxed);
                true
            }
        }
    }

    fn route(&self, call: CallId) -> Option<usize> {
        self.routes().get(&call).copied()
    }

    fn forget(&self, call: CallId) -> Option<usize> {
        self.routes().remove(&call)
    }

    /// The session of a call that was entered is gone, or never came to be.
    fn leave(&self, call: CallId, shard: usize) {
        self.sessions[shard].fetch_sub(1, Relaxed);
        self.forget(call);
    }
}
