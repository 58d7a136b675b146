//! Which telephone events (RFC 4733) a leg is told of: none where it presses its keys in another way, and where another leg does, those
//! that we make of them.

use super::{
    format::{Format, FormatList, Numbers},
    leg::LegMedia,
};
use tandem_model::{Across, Dtmf, Keys};

impl LegMedia {
    /// How it presses keys, and wants to hear them.
    pub fn allow_keys(&mut self, dtmf: Dtmf) {
        self.dtmf = dtmf;
    }

    /// How it presses keys, and wants to hear them, as far as it has agreed to that. Who knows no telephone events has them in its sound.
    pub fn keys(&self) -> Keys {
        match &self.session {
            Some(session) => self.keys_in(&session.formats, &session.theirs),
            None => self.keys_in(&FormatList::EMPTY, &Numbers::NONE),
        }
    }

    /// The same as far as it speaks these.
    pub(super) fn keys_in(&self, formats: &FormatList, numbers: &Numbers) -> Keys {
        match (self.dtmf, event_across((formats, numbers))) {
            (Dtmf::Info, _) => Keys::Info,
            (Dtmf::Events, Some(Across::Event { number, clock_khz })) => Keys::Events { payload: number, clock_khz },
            (Dtmf::Events | Dtmf::InBand, _) => Keys::InBand,
        }
    }

    /// Keys can be pressed for it to hear in its media.
    pub fn hears_keys(&self) -> bool {
        self.is_anchored() && self.codec().is_some() && self.keys() != Keys::Info
    }

    /// What of these formats it is told.
    pub(super) fn tell(&self, formats: FormatList) -> FormatList {
        if self.dtmf == Dtmf::Events || !self.is_anchored() { formats } else { without_events(&formats) }
    }

    /// The same where `of` is the other leg: of one that presses keys in another way we make the events that go with these formats, as far
    /// as its keys can be heard.
    pub(super) fn tell_beside(&self, of: &LegMedia, formats: FormatList) -> FormatList {
        if self.dtmf != Dtmf::Events || of.dtmf == Dtmf::Events || !self.is_anchored() {
            return self.tell(formats);
        }
        let audio = without_events(&formats);
        match of.dtmf {
            Dtmf::InBand if !self.may_say_again(of) => audio,
            _ if formats.event().is_some() => formats,
            _ => with_events(&audio),
        }
    }

    /// What the leg speaks from now on that has offered `asked`, when it is to speak these with `to`, which speaks `other`: of the events
    /// those that it has offered, if the other has any, or can be told in another way which keys they are. Between clocks they cross.
    pub(super) fn speak_beside(&self, to: &LegMedia, asked: &FormatList, other: &FormatList, mut spoken: FormatList) -> FormatList {
        let is_heard = match to.dtmf {
            Dtmf::Info if self.is_anchored() => true,
            Dtmf::InBand if self.is_anchored() => self.may_say_again(to),
            _ => other.event().is_some(),
        };
        if is_heard && spoken.event().is_none() {
            asked.push_events_to(&mut spoken);
        }
        spoken
    }

    /// Whether what it says must be listened to, for the keys in it that `hearer` wants in another way.
    pub(super) fn is_listened_to(&self, own: Keys, hearer: Keys, by: &LegMedia) -> bool {
        own == Keys::InBand && hearer != Keys::InBand && self.may_say_again(by)
    }
}

fn without_events(formats: &FormatList) -> FormatList {
    formats.retain(|format| !format.is_event())
}

/// With the events at the clocks of these.
fn with_events(audio: &FormatList) -> FormatList {
    let mut all = *audio;
    Format::EVENTS.into_iter().for_each(|event| all.push(event));
    let mut told = all.restrict(audio);
    audio.iter().for_each(|format| told.push(format));
    told
}

/// How events reach a leg that speaks these.
pub(super) fn event_across((formats, numbers): (&FormatList, &Numbers)) -> Option<Across> {
    let event = formats.event()?;
    Some(Across::Event { number: numbers.get(event)?, clock_khz: u8::try_from(event.clock_rate() / 1_000).ok()? })
}
