//! What calls are told to do from outside, whatever their phones are doing: to legs that talk, ring, have gone or never were.

use crate::{dice::Dice, forgiven::Forgiven, world::PHONES};
use std::collections::BTreeMap;
use tandem_model::{
    CallCommand, CallId, CommandId, CommandOutcome, DialLeg, EventKind, HearEntry, Key, KeyPress, Layout, LegId, MAX_PRESSES, NetworkTone,
    PlayId, Recorded, RecordingEnd, RecordingId, Sound, Stopping,
};
use tandem_sim::{Sim, ms};

/// Commands between two calls at most.
const MOST: u64 = 12;

/// In how many of a hundred worlds phones say something.
const SOUND: u64 = 10;

/// Legs of a call that are asked for: the later ones seldom are there.
const LEGS: u64 = 7;

/// Who is dialled into calls.
const DIALLED: [&str; 8] =
    ["trunk:alice", "trunk:bob", "trunk:carol", "trunk:carol", "trunk:dora", "trunk:erin", "trunk:narrow", "user:nobody"];

/// What calls were told.
#[derive(Default)]
pub(crate) struct Told {
    commands: Vec<(CallId, CommandId)>,
}

/// What the node has beside the standard.
pub(crate) fn prepare(dice: &mut Dice, sim: &mut Sim, forgiven: &Forgiven) {
    if dice.chance(SOUND) && !forgiven.patient {
        for (index, phone) in PHONES.into_iter().enumerate() {
            sim.phone_mut(phone).setup_mut().tone = Some(400.0 + 100.0 * index as f64);
        }
    }
    let recordings = &mut sim.core_mut().shard.recordings;
    if dice.chance(10) {
        recordings.room = Some(dice.below(100_000) as usize);
    }
    if dice.chance(20) {
        recordings.delay = ms(dice.below(1_500));
    }
}

impl Told {
    /// A few of them, many in one instant.
    pub(crate) fn draw(&mut self, dice: &mut Dice, sim: &mut Sim) {
        for _ in 0..dice.below(MOST) {
            let Some(call) = some_call(dice, sim) else { return };
            let command = self.command(dice, sim, call);
            let id = sim.command(call, command);
            self.commands.push((call, id));
            let pause = if dice.chance(40) { ms(0) } else { ms(dice.below(400)) };
            sim.run_for(pause);
        }
    }

    fn command(&self, dice: &mut Dice, sim: &Sim, call: CallId) -> CallCommand {
        let leg = some_leg(dice, sim, call);
        match dice.below(28) {
            0 => CallCommand::Mute { leg },
            1 => CallCommand::Unmute { leg },
            2 => CallCommand::Deafen { leg },
            3 => CallCommand::Undeafen { leg },
            4..6 => CallCommand::Hear { entries: (0..dice.below(4)).map(|_| entry(dice, sim, call)).collect() },
            6..9 => CallCommand::Hold { leg, music: dice.chance(50).then(|| sound(dice)) },
            9..11 => CallCommand::Unhold { leg },
            11..14 => {
                let leg = dice.chance(70).then_some(leg);
                CallCommand::Play { leg, sound: sound(dice), times: dice.pick(&[0, 1, 1, 2]), over: dice.chance(50) }
            }
            14 => CallCommand::Stop { what: Stopping::Leg(leg) },
            15 => CallCommand::Stop { what: Stopping::Play(self.play(dice, sim, call)) },
            16 => CallCommand::Press { leg, keys: keys(dice) },
            17 | 18 => {
                let of = if dice.chance(50) { Recorded::Call } else { Recorded::Leg(leg) };
                let file = dice.pick(&["one", "two.wav", "a/b", "../c"]).into();
                CallCommand::Record { of, layout: dice.pick(&[Layout::Mono, Layout::Sides]), file }
            }
            19 => CallCommand::StopRecording { recording: self.recording(dice, sim, call) },
            20..24 => CallCommand::Add { leg: Box::new(somebody(dice)) },
            24 | 25 => CallCommand::HangUp { leg },
            26 if dice.chance(20) && dice.chance(50) => CallCommand::Reject { leg, status: dice.pick(&[480, 603]), reason: None },
            26 if dice.chance(20) => CallCommand::End { reason: dice.chance(50).then(|| "no \"more\"".into()) },
            _ => CallCommand::Transfer { leg, to: Box::new(somebody(dice)) },
        }
    }

    /// What the commands to a call came to so far.
    fn outcomes<'s>(&'s self, sim: &'s Sim, call: CallId) -> impl Iterator<Item = CommandOutcome> + 's {
        let own = self.commands.iter().filter(move |(of, _)| *of == call);
        own.filter_map(|(_, id)| sim.outcome(*id).and_then(|outcome| outcome.as_ref().ok()).copied())
    }

    /// One that was begun, by now over or not; or one that never was.
    fn play(&self, dice: &mut Dice, sim: &Sim, call: CallId) -> PlayId {
        let begun =
            self.outcomes(sim, call).filter_map(|outcome| if let CommandOutcome::Playing(play) = outcome { Some(play) } else { None });
        let all: Vec<PlayId> = begun.chain([PlayId(1)]).collect();
        dice.pick(&all)
    }

    fn recording(&self, dice: &mut Dice, sim: &Sim, call: CallId) -> RecordingId {
        let all: Vec<RecordingId> = self.outcomes(sim, call).filter_map(recording_of).chain([RecordingId(99)]).collect();
        dice.pick(&all)
    }

    /// How many were carried out.
    pub(crate) fn obeyed(&self, sim: &Sim) -> u64 {
        self.commands.iter().filter(|(_, id)| matches!(sim.outcome(*id), Some(Ok(_)))).count() as u64
    }

    /// After the end: every recording that was begun is told of once, and everything that was played ends once at each of its legs.
    pub(crate) fn assert_all_ended(&self, sim: &Sim) {
        let mut ready: BTreeMap<(CallId, RecordingId), Vec<&RecordingEnd>> = BTreeMap::new();
        let mut ends: BTreeMap<(Option<LegId>, PlayId), u32> = BTreeMap::new();
        for event in &sim.core().events {
            match &event.kind {
                EventKind::RecordingReady(done) => ready.entry((event.call, done.recording)).or_default().push(&done.end),
                EventKind::PlayEnded { play, .. } => *ends.entry((event.leg, *play)).or_default() += 1,
                _ => {}
            }
        }
        assert!(ends.values().all(|times| *times == 1), "a play ends once: {ends:?}");
        assert!(ready.values().all(|ends| ends.len() == 1), "a recording ends once: {ready:?}");
        // A call that is over waits for a while, and no longer.
        let late = sim.core().shard.delay + sim.core().shard.recordings.delay >= ms(900);
        for (call, _) in &self.commands {
            for recording in self.outcomes(sim, *call).filter_map(recording_of) {
                assert!(late || ready.contains_key(&(*call, recording)), "nothing was told of {recording:?} of {call}");
            }
            for outcome in self.outcomes(sim, *call) {
                let CommandOutcome::Playing(play) = outcome else { continue };
                let told = sim.core().events.iter().any(|event| event.call == *call && is_end_of(&event.kind, play));
                assert!(told, "nothing was told of {play:?} of {call}");
            }
        }
    }
}

fn recording_of(outcome: CommandOutcome) -> Option<RecordingId> {
    if let CommandOutcome::Recording(recording) = outcome { Some(recording) } else { None }
}

fn is_end_of(kind: &EventKind, wanted: PlayId) -> bool {
    matches!(kind, EventKind::PlayEnded { play, .. } if *play == wanted)
}

/// The call of some phone, over or not; seldom one that never was.
fn some_call(dice: &mut Dice, sim: &Sim) -> Option<CallId> {
    if dice.chance(3) {
        return Some(CallId::new(9, 9));
    }
    let calls = PHONES.into_iter().flat_map(|phone| sim.phone(phone).calls());
    let all: Vec<(CallId, bool)> = calls.filter_map(|call| Some((sim.core().call_of(&call.call_id)?, call.outcome.is_none()))).collect();
    let live: Vec<(CallId, bool)> = all.iter().filter(|(_, goes_on)| *goes_on).copied().collect();
    let from = if live.is_empty() || dice.chance(10) { all } else { live };
    (!from.is_empty()).then(|| dice.pick(&from).0)
}

/// Mostly one of the two that talk if nothing happened, seldom one of another call.
fn some_leg(dice: &mut Dice, sim: &Sim, call: CallId) -> LegId {
    let of = if dice.chance(4) { some_call(dice, sim).unwrap_or(call) } else { call };
    let index = if dice.chance(80) { dice.below(2) } else { dice.below(LEGS) };
    of.leg(index as u8).expect("a call has more legs than these")
}

fn entry(dice: &mut Dice, sim: &Sim, call: CallId) -> HearEntry {
    HearEntry { speaker: some_leg(dice, sim, call), listener: some_leg(dice, sim, call), hears: dice.chance(50) }
}

fn somebody(dice: &mut Dice) -> DialLeg {
    let ring_timeout = dice.chance(30).then(|| ms(dice.below(20_000)));
    DialLeg { ring_timeout, ..DialLeg::new(dice.pick(&DIALLED)) }
}

fn sound(dice: &mut Dice) -> Sound {
    match dice.below(6) {
        0 => Sound::Prompt("no-such-file.wav".into()),
        1 => Sound::Prompt("../secret.wav".into()),
        2 => Sound::Tone { country: "de".parse().expect("a country"), tone: dice.pick(&[NetworkTone::Busy, NetworkTone::Ringing]) },
        _ => Sound::Sine { frequency_hz: dice.pick(&[300, 500, 850]) },
    }
}

fn keys(dice: &mut Dice) -> Box<[KeyPress]> {
    let count = if dice.chance(5) { MAX_PRESSES as u64 + 1 } else { dice.below(5) };
    let press =
        |dice: &mut Dice| KeyPress { key: Key::of_code(dice.below(16) as u8).expect("there are sixteen"), ms: dice.below(200) as u16 };
    (0..count).map(|_| press(dice)).collect()
}
