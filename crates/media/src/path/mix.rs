//! Several who hear each other: what each says is decoded once, summed once, and coded once for all who hear the same.
//!
//! [`Mix`] keeps a clock of its own: tick `n` is at its beginning and `n` ticks, however long the work of one takes. At each,
//! [`Mix::pull`] takes a frame from everybody who speaks, and [`Mix::heard_by`] makes of them what one member hears.

mod limiter;
mod mouth;

use crate::{
    jitter::Figures,
    keys::Strokes,
    rtp::sequence::Seen,
    voice::{Carried, Tick},
};
pub(crate) use limiter::Limiter;
use mouth::{Mouth, Terms};
use std::time::Duration;
use tandem_model::{Codec, MAX_ENDPOINTS, Timestamp};

/// One that is this late leaves ticks out rather than say them in a burst.
const MAX_LATE: Duration = Duration::from_millis(100);

/// After so many ticks in which nobody spoke there are no more, until somebody does.
const REST: u32 = 50;

/// Members, those included who have just left. Each is a bit of a mask.
const MAX_MEMBERS: usize = 32;

/// Who waits for a pause to leave the mix does so at the first frame that has no louder sample. After so long all that still waits is heard at once,
/// or not, so that packets follow on what was heard; if any of it had to be made up first, that waits for as long again.
const QUIET: i16 = 400;
const PATIENCE: Duration = Duration::from_secs(2);

/// Those who hear each other, by their names in the session.
#[derive(Debug)]
pub(crate) struct Mix {
    rate_hz: u32,
    tick_ms: u32,
    began: Timestamp,
    ticks: u64,
    /// Ticks in a row in which nobody spoke.
    idle: u32,
    keeps_ticking: bool,
    members: [Option<Member>; MAX_MEMBERS],
    /// Who spoke in this tick.
    sounding: u32,
    /// All who spoke together, once anybody has asked for it in this tick.
    total: (bool, Box<[i32]>),
    sum: Box<[i32]>,
    before: Box<[i32]>,
    frame: Box<[i16]>,
    /// It is over at the next pause, and soon after that at the latest.
    leaves_at: Option<Timestamp>,
    /// Whose packets go on by themselves then.
    passed_on: u32,
    /// What these say has come to its end.
    has_ended: bool,
}

#[derive(Debug)]
struct Member {
    name: u8,
    mouth: Option<Box<Mouth>>,
    /// Whom it hears, and heard until now.
    hears: u32,
    heard: u32,
    limiter: Limiter,
    has_left: bool,
    /// Somebody has heard its packets by themselves until now, in a codec that can be gone on with.
    goes_on: bool,
    /// There may be keys in what it says that others want in another way.
    has_keys: bool,
}

impl Mix {
    /// One whose first tick is at that time.
    pub(crate) fn new(began: Timestamp, rate_hz: u32, tick_ms: u32) -> Mix {
        let mut mix = Mix {
            rate_hz,
            tick_ms,
            began,
            ticks: 0,
            idle: 0,
            keeps_ticking: false,
            members: [const { None }; MAX_MEMBERS],
            sounding: 0,
            total: (false, Box::default()),
            sum: Box::default(),
            before: Box::default(),
            frame: Box::default(),
            leaves_at: None,
            passed_on: 0,
            has_ended: false,
        };
        mix.measure();
        mix
    }

    /// Samples of a tick.
    pub(crate) fn samples(&self) -> usize {
        (self.rate_hz * self.tick_ms / 1_000) as usize
    }

    /// From now on it mixes at that rate, in ticks of so many milliseconds.
    pub(crate) fn retune(&mut self, rate_hz: u32, tick_ms: u32) {
        if (rate_hz, tick_ms) == (self.rate_hz, self.tick_ms) {
            return;
        }
        (self.began, self.ticks) = (self.next_at(), 0);
        (self.rate_hz, self.tick_ms) = (rate_hz, tick_ms);
        self.measure();
        self.members.iter_mut().flatten().filter_map(|member| member.mouth.as_mut()).for_each(|mouth| mouth.retune(rate_hz, tick_ms));
    }

    fn measure(&mut self) {
        let samples = self.samples();
        self.total = (false, vec![0; samples].into());
        (self.sum, self.before, self.frame) = (vec![0; samples].into(), vec![0; samples].into(), vec![0; samples].into());
    }

    /// Samples a second.
    pub(crate) fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Whether it ticks while nobody speaks, for what else there is to be heard.
    pub(crate) fn keep_ticking(&mut self, is_to: bool) {
        self.keeps_ticking = is_to;
    }

    fn rests(&self) -> bool {
        self.idle >= REST && !self.keeps_ticking
    }

    /// What a member says in this tick, if it says anything.
    pub(crate) fn said_by(&self, name: u8) -> Option<&[i16]> {
        let place = self.place(name).filter(|place| self.sounding & 1 << place != 0)?;
        self.members[place].as_ref()?.mouth.as_ref().map(|mouth| mouth.frame())
    }

    /// When the next tick is due; `None` while nobody speaks.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        (!self.rests()).then(|| self.next_at())
    }

    fn next_at(&self) -> Timestamp {
        self.began + Duration::from_millis(u64::from(self.tick_ms)) * u32::try_from(self.ticks).unwrap_or(u32::MAX)
    }

    /// One hears another, whose packets went on by themselves until now, and who is to be heard to go on.
    pub(crate) fn take_over(&mut self, speaker: u8, listener: u8) {
        let Some(place) = self.place(speaker) else { return };
        if let Some(member) = self.member(speaker) {
            member.goes_on = true;
        }
        if let Some(member) = self.member(listener) {
            member.heard |= 1 << place;
        }
    }

    /// It is to end: in the next pause of those who are passed on, or soon; or if there are none, as soon as all hear what they are to hear by then.
    pub(crate) fn leave(&mut self, now: Timestamp, passed_on: &[u8]) {
        let places = passed_on.iter().filter_map(|name| self.place(*name));
        self.passed_on = places.fold(0, |mask, place| mask | 1 << place);
        let until = now + if passed_on.is_empty() { Duration::ZERO } else { PATIENCE };
        self.leaves_at = Some(self.leaves_at.map_or(until, |before| before.min(until)));
    }

    /// It is to go on after all.
    pub(crate) fn stay(&mut self) {
        (self.leaves_at, self.has_ended) = (None, false);
    }

    /// Whether it is to end, and may now.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        let is_quiet = || self.mouths().all(|mouth| mouth.peak() <= QUIET);
        let may_end = |until: Timestamp| self.has_ended || is_quiet() || self.passed_on == 0 && now >= until;
        self.leaves_at.is_some_and(|until| self.idle >= REST || self.is_settled() && may_end(until))
    }

    /// What was heard has come to an end at which those who were mixed can be passed on.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn is_settled(&self) -> bool {
        self.members.iter().flatten().all(|member| member.hears == member.heard)
    }

    fn mouths(&self) -> impl Iterator<Item = &Mouth> {
        self.members.iter().flatten().filter_map(|member| member.mouth.as_deref())
    }

    /// Whether the next tick is to be the last: packets of all are whole with it.
    fn ends_with_next(&self, is_whole: bool) -> bool {
        let Some(until) = self.leaves_at.filter(|until| is_whole && self.passed_on != 0 && *until <= self.next_at()) else { return false };
        self.is_settled() && (self.mouths().all(Mouth::may_end) || until + PATIENCE <= self.next_at())
    }

    /// Which tick is next.
    pub(crate) fn next_number(&self) -> u64 {
        self.ticks
    }

    /// Milliseconds of a tick.
    pub(crate) fn tick_ms(&self) -> u32 {
        self.tick_ms
    }

    /// Sets the whole matrix: the names of all members, and for each the names of whom it hears. Whoever is not there any more is heard
    /// for one tick more, ever softer.
    pub(crate) fn arrange(&mut self, members: &[u8], hears: impl Fn(u8, u8) -> bool) {
        for member in self.members.iter_mut().flatten() {
            member.has_left = !members.contains(&member.name);
        }
        for name in members {
            if self.place(*name).is_none() {
                self.admit(*name);
            }
        }
        let names: [Option<u8>; MAX_MEMBERS] =
            std::array::from_fn(|place| self.members[place].as_ref().filter(|member| !member.has_left).map(|member| member.name));
        for member in self.members.iter_mut().flatten() {
            let listener = member.name;
            let bits = names.iter().enumerate().filter(|(_, speaker)| speaker.is_some_and(|speaker| hears(speaker, listener)));
            member.hears = if member.has_left { 0 } else { bits.fold(0, |mask, (place, _)| mask | 1 << place) };
        }
    }

    fn admit(&mut self, name: u8) {
        if !self.members.iter().any(Option::is_none) {
            self.forget();
        }
        // A session has fewer endpoints than there are bits.
        if let Some(vacant) = self.members.iter_mut().find(|place| place.is_none()) {
            *vacant = Some(Member {
                name,
                mouth: None,
                hears: 0,
                heard: 0,
                limiter: Limiter::new(),
                has_left: false,
                goes_on: false,
                has_keys: false,
            });
        }
    }

    /// Those who have left are heard no more.
    fn forget(&mut self) {
        let mut gone = 0;
        for (place, member) in self.members.iter_mut().enumerate() {
            if member.take_if(|member| member.has_left).is_some() {
                gone |= 1 << place;
            }
        }
        self.members.iter_mut().flatten().for_each(|member| member.heard &= !gone);
        self.sounding &= !gone;
    }

    fn place(&self, name: u8) -> Option<usize> {
        self.members.iter().position(|member| member.as_ref().is_some_and(|member| member.name == name && !member.has_left))
    }

    fn member(&mut self, name: u8) -> Option<&mut Member> {
        self.members.iter_mut().flatten().find(|member| member.name == name && !member.has_left)
    }

    /// Whether there may be keys in what a member says, which are to be told of and not to be heard.
    pub(crate) fn listen_for_keys(&mut self, name: u8, listen: bool) {
        if let Some(member) = self.member(name) {
            member.has_keys = listen;
        }
    }

    /// Keys in what somebody has said.
    pub(crate) fn heard_keys(&mut self) -> Option<(u8, Strokes)> {
        self.members.iter_mut().flatten().find_map(|member| Some((member.name, member.mouth.as_mut()?.heard_keys()?)))
    }

    /// The same once nobody is to be heard by it any more.
    pub(crate) fn last_keys(&mut self) -> Option<(u8, Strokes)> {
        self.members.iter_mut().flatten().find_map(|member| Some((member.name, member.mouth.as_mut()?.last_keys()?)))
    }

    /// A member leaves: a key in what it says is over.
    pub(crate) fn end_keys_of(&mut self, name: u8) {
        if let Some(mouth) = self.member(name).and_then(|member| member.mouth.as_mut()) {
            mouth.end_keys();
        }
    }

    /// Whether there is a key in what a member says.
    pub(crate) fn hears_key(&self, name: u8) -> bool {
        let mut of_name = self.members.iter().flatten().filter(|member| member.name == name);
        of_name.any(|member| member.mouth.as_ref().is_some_and(|mouth| mouth.hears_key()))
    }

    /// Whether anybody hears that member.
    pub(crate) fn is_heard(&self, name: u8) -> bool {
        let mask = self.place(name).map_or(0, |place| 1_u32 << place);
        self.members.iter().flatten().any(|member| member.hears & mask != 0)
    }

    /// Takes a packet of a member. Whether the next tick is earlier than it was said to be.
    pub(crate) fn take(&mut self, now: Timestamp, name: u8, sound: &Sound<'_>, seed: impl FnOnce() -> u64) -> bool {
        let terms = Terms { codec: sound.codec, rate_hz: self.rate_hz, tick_ms: self.tick_ms };
        let Some(member) = self.member(name) else { return false };
        if member.mouth.as_ref().is_none_or(|mouth| mouth.codec() != sound.codec) {
            // Rates that Opus does not know are never asked for.
            let before = member.mouth.take();
            member.mouth = Mouth::new(terms, seed()).ok().map(Box::new);
            member.mouth.iter_mut().zip(Some(before)).for_each(|(mouth, before)| mouth.go_on_from(before));
            if std::mem::take(&mut member.goes_on) {
                member.mouth.iter_mut().for_each(|mouth| mouth.go_on());
            }
        }
        let Some(mouth) = &mut member.mouth else { return false };
        mouth.take(now, sound);
        let begins = mouth.begins_at().unwrap_or(now);
        let rests = self.rests();
        if rests {
            let tick = Duration::from_millis(self.tick_ms.into());
            while self.next_at() < begins {
                let behind = begins.since(self.next_at()).as_micros().div_ceil(tick.as_micros());
                self.ticks += u64::try_from(behind).unwrap_or(u64::MAX).max(1);
            }
        }
        self.idle = 0;
        rests
    }

    /// A packet of a member took this number, and is no sound.
    pub(crate) fn pass_over(&mut self, now: Timestamp, name: u8, seen: Seen) {
        if let Some(mouth) = self.member(name).and_then(|member| member.mouth.as_mut()) {
            mouth.playout().pass_over(now, seen);
        }
    }

    /// What a member spoke last.
    pub(crate) fn spoken_by(&mut self, name: u8) -> Option<Codec> {
        Some(self.member(name)?.mouth.as_ref()?.codec())
    }

    /// What became of the packets of a member.
    pub(crate) fn figures(&mut self, name: u8) -> Option<Figures> {
        Some(self.member(name)?.mouth.as_mut()?.playout().figures())
    }

    /// What a member said so far, for it to be heard in this way from now on.
    pub(crate) fn bring(&mut self, name: u8, codec: Codec, playout: Carried) {
        let terms = Terms { codec, rate_hz: self.rate_hz, tick_ms: self.tick_ms };
        if let Some(member) = self.member(name) {
            member.mouth = Some(Box::new(Mouth::of(terms, playout)));
            self.idle = 0;
        }
    }

    /// The other way round.
    pub(crate) fn release(&mut self, name: u8) -> Option<(Codec, Carried)> {
        self.member(name)?.mouth.take().map(|mouth| mouth.into_carried())
    }

    /// Takes a frame of everybody, if a tick is due; `is_whole` where with it the packets of all are.
    pub(crate) fn pull(&mut self, now: Timestamp, is_whole: bool) -> Option<Tick> {
        let due = self.due_at().filter(|due| *due <= now)?;
        let tick_ms = u64::from(self.tick_ms);
        let late = now.since(due);
        if late > MAX_LATE {
            self.ticks += late.as_millis() as u64 / tick_ms;
        }
        let tick = Tick { at: self.next_at(), number: self.ticks, samples: self.samples() };
        self.ticks += 1;
        self.total.0 = false;
        self.sounding = 0;
        let ends = self.ends_with_next(is_whole);
        self.has_ended |= ends;
        for (place, member) in self.members.iter_mut().enumerate() {
            let Some(Member { mouth: Some(mouth), has_keys, .. }) = member.as_mut() else { continue };
            mouth.listen_for_keys(*has_keys);
            if mouth.pull(now, ends && self.passed_on & 1 << place != 0) {
                self.sounding |= 1 << place;
            }
        }
        self.idle = if self.sounding == 0 { self.idle + 1 } else { 0 };
        Some(tick)
    }

    /// Whether a member hears anything in this tick.
    pub(crate) fn sounds_to(&self, name: u8) -> bool {
        let member = self.place(name).and_then(|place| self.members[place].as_ref());
        member.is_some_and(|member| (member.hears | member.heard) & self.sounding != 0)
    }

    /// What a member hears in this tick; `None` if there is nothing to be heard.
    pub(crate) fn heard_by(&mut self, name: u8) -> Option<&[i16]> {
        let place = self.place(name)?;
        let member = self.members[place].as_ref()?;
        let (hears, heard) = (member.hears & self.sounding, member.heard & self.sounding);
        if hears | heard == 0 {
            return None;
        }
        let mut sum = std::mem::take(&mut self.sum);
        self.add(hears, &mut sum);
        if hears != heard {
            let mut before = std::mem::take(&mut self.before);
            self.add(heard, &mut before);
            fade(&before, &mut sum);
            self.before = before;
        }
        if let Some(member) = &mut self.members[place] {
            member.limiter.limit(&sum, &mut self.frame);
        }
        self.sum = sum;
        Some(&self.frame)
    }

    /// Who hears the same as `name` does, so that what is coded for one will do for the other.
    pub(crate) fn hear_alike(&self, one: u8, other: u8) -> bool {
        let of = |name| self.place(name).and_then(|place| self.members[place].as_ref());
        of(one).zip(of(other)).is_some_and(|(one, other)| (one.hears, one.heard) == (other.hears, other.heard))
    }

    /// The tick is over. Whether what anybody hears has changed in it.
    pub(crate) fn end_tick(&mut self) -> bool {
        let mut has_changed = false;
        for member in self.members.iter_mut().flatten() {
            has_changed |= member.heard != member.hears || member.has_left;
            member.heard = member.hears;
        }
        if has_changed {
            self.forget();
        }
        has_changed
    }

    /// The sum of some: all together less the others, where these are fewer.
    fn add(&mut self, mask: u32, sum: &mut [i32]) {
        let others = self.sounding & !mask;
        if others.count_ones() < mask.count_ones() && mask.count_ones() > 1 {
            if !std::mem::replace(&mut self.total.0, true) {
                let mut total = std::mem::take(&mut self.total.1);
                total.fill(0);
                self.each(self.sounding, |frame| total.iter_mut().zip(frame).for_each(|(sum, sample)| *sum += i32::from(*sample)));
                self.total.1 = total;
            }
            sum.copy_from_slice(&self.total.1);
            self.each(others, |frame| sum.iter_mut().zip(frame).for_each(|(sum, sample)| *sum -= i32::from(*sample)));
        } else {
            sum.fill(0);
            self.each(mask, |frame| sum.iter_mut().zip(frame).for_each(|(sum, sample)| *sum += i32::from(*sample)));
        }
    }

    fn each(&self, mask: u32, mut take: impl FnMut(&[i16])) {
        let of_mask = self.members.iter().enumerate().filter(|(place, _)| mask & 1 << place != 0);
        of_mask.filter_map(|(_, member)| member.as_ref()?.mouth.as_ref()).for_each(|mouth| take(mouth.frame()));
    }
}

/// A packet of somebody's voice.
pub(crate) struct Sound<'a> {
    pub(crate) codec: Codec,
    /// It says what silence sounds like, beside that.
    pub(crate) is_noise: bool,
    pub(crate) seen: Seen,
    pub(crate) timestamp: u32,
    pub(crate) payload: &'a [u8],
}

/// From what was heard to what is heard, over one tick.
fn fade(before: &[i32], now: &mut [i32]) {
    let length = now.len().max(1) as i32;
    for (place, (now, before)) in (0_i32..).zip(now.iter_mut().zip(before)) {
        // Not even all members at their loudest are more than fits.
        *now = before + (*now - before) * place / length;
    }
}

const _: () = assert!(MAX_ENDPOINTS < MAX_MEMBERS && MAX_MEMBERS <= u32::BITS as usize);
