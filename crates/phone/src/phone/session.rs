//! Offers and answers of a phone (RFC 3264), and what its sound does with them.

use super::{CallIndex, Phone, Role};
use crate::{
    Body, Fax, Hold,
    media::Stream,
    sdp::{Direction, Format, Media, Origin, Sdp, check_answer, check_next, connection_text},
};
use std::net::IpAddr;
use tandem_model::Timestamp;

impl Phone {
    fn origin(&self, call: CallIndex, dialog: Option<usize>, version: u64) -> Origin {
        let call = &self.calls[call];
        // Each fork is a phone of its own, so each has its own session.
        let session = call.session_id + dialog.filter(|_| call.role == Role::Callee).unwrap_or(0) as u64;
        Origin { user: self.setup.name.clone(), session, version, address: connection_text(call.media.ip()) }
    }

    /// Our offer in the first INVITE.
    pub(super) fn first_offer(&self, call: CallIndex) -> Sdp {
        let own = &self.calls[call];
        Sdp::audio(self.origin(call, None, 1), own.media.ip(), own.media.port(), &own.formats, own.direction)
    }

    /// Gives a new description the version that follows from what we last said.
    fn versioned(&self, call: CallIndex, dialog: usize, mut sdp: Sdp) -> Sdp {
        if let Some(last) = &self.calls[call].dialogs[dialog].session.local {
            let same = last.media == sdp.media && last.connection == sdp.connection;
            sdp.origin.version = last.origin.version + u64::from(!same);
        }
        sdp
    }

    /// A new offer inside a dialog: the m= lines of before, ours renewed.
    pub(super) fn next_offer(&mut self, call: CallIndex, dialog: usize, fax: Option<Fax>) -> Sdp {
        let own = &self.calls[call];
        let mut formats = own.formats.clone();
        let session = &own.dialogs[dialog].session;
        if let Some(line) = session.local.as_ref().and_then(Sdp::audio_line) {
            keep_numbers(&mut formats, line);
        }
        let mut offer = Sdp::audio(self.origin(call, Some(dialog), 1), own.media.ip(), own.media.port(), &formats, own.direction);
        if let (Some(last), Some(fresh)) = (&session.local, offer.media.pop()) {
            let fresh = if fax.is_some() { Media::fax(own.media.port(), own.direction) } else { fresh };
            let live = last.media.iter().position(|media| media.port != 0).unwrap_or(0);
            let same = last.media.iter().position(|media| media.kind == fresh.kind);
            offer.media = last.media.clone();
            match same {
                Some(place) => {
                    offer.media[live].stop();
                    offer.media[place] = fresh;
                }
                None if fax == Some(Fax::Beside) => {
                    offer.media[live].stop();
                    offer.media.push(fresh);
                }
                None => offer.media[live] = fresh,
            }
        } else {
            offer = Sdp::audio(offer.origin, own.media.ip(), own.media.port(), &formats, own.direction);
        }
        if let Some(hold) = self.calls[call].hold.take() {
            hold_by(hold, &mut offer);
        }
        let offer = self.versioned(call, dialog, offer);
        self.calls[call].dialogs[dialog].session.local_offer = Some(offer.clone());
        offer
    }

    /// Their description as an offer: checked against what they said before.
    pub(super) fn take_offer(&mut self, now: Timestamp, call: CallIndex, dialog: usize, body: &[u8]) {
        match Sdp::parse(body) {
            Ok(offer) => {
                self.written(now, call, dialog, &offer);
                self.calls[call].dialogs[dialog].session.remote_offer = Some(offer);
            }
            Err(text) => self.violate(now, "sdp", text),
        }
    }

    /// Their description as the answer to our offer.
    pub(super) fn take_answer(&mut self, now: Timestamp, call: CallIndex, dialog: usize, body: &[u8], early: bool) {
        let answer = match Sdp::parse(body) {
            Ok(answer) => answer,
            Err(text) => return self.violate(now, "sdp", text),
        };
        let session = &self.calls[call].dialogs[dialog].session;
        let Some(offer) = session.local_offer.clone() else { return };
        for text in check_answer(&offer, &answer) {
            self.violate(now, "answer", text);
        }
        let session = &self.calls[call].dialogs[dialog].session;
        // RFC 3261 §13.2.1: the same description in every response that carries one.
        if session.early_answer.as_ref().is_some_and(|before| *before != answer) {
            self.violate(now, "answer-changed", "the answer is not the one that the provisional response gave");
        }
        self.written(now, call, dialog, &answer);
        let session = &mut self.calls[call].dialogs[dialog].session;
        if early {
            session.early_answer = Some(answer.clone());
        } else {
            session.early_answer = None;
            session.local_offer = None;
        }
        (session.local, session.remote) = (Some(offer), Some(answer));
        self.sound(now, call, dialog);
    }

    pub(super) fn written(&mut self, now: Timestamp, call: CallIndex, dialog: usize, sdp: &Sdp) {
        let session = &mut self.calls[call].dialogs[dialog].session;
        let before = session.remote_written.replace(sdp.clone());
        let agreed = session.remote.clone();
        for text in before.map(|before| check_next(&before, agreed.as_ref(), sdp)).unwrap_or_default() {
            self.violate(now, "sdp-version", text);
        }
    }

    /// Our answer to the offer that waits; `None` when nothing of it suits us, or nothing waits.
    pub(super) fn answer_offer(&mut self, now: Timestamp, call: CallIndex, dialog: usize) -> Option<Sdp> {
        let own = &self.calls[call];
        let offer = own.dialogs[dialog].session.remote_offer.clone()?;
        let origin = self.origin(call, Some(dialog), 1);
        let (address, port) = (own.media.ip(), own.media.port());
        let audio = offer.answer(origin.clone(), address, port, &own.formats, own.direction);
        let fax = || offer.answer_fax(origin.clone(), address, port, own.direction).filter(|_| self.setup.fax);
        // RFC 3264 §8.4: a call on hold by port 0 may have no stream at all. It does not begin so.
        let none = || offer.answer_none(origin.clone(), address).filter(|_| own.dialogs[dialog].session.is_settled());
        let answer = audio.or_else(fax).or_else(none)?;
        let answer = self.versioned(call, dialog, answer);
        let session = &mut self.calls[call].dialogs[dialog].session;
        (session.local, session.remote, session.remote_offer) = (Some(answer.clone()), Some(offer), None);
        self.sound(now, call, dialog);
        Some(answer)
    }

    /// The SDP that a response of ours carries, if it does: the answer, the answer once more, or an offer.
    pub(super) fn reply_sdp(&mut self, now: Timestamp, call: CallIndex, dialog: usize, body: &Body, status: u16) -> Option<Vec<u8>> {
        let wanted = match body {
            Body::Auto => (200..300).contains(&status),
            Body::None => {
                // It is never answered any more.
                self.calls[call].dialogs[dialog].session.remote_offer.take_if(|_| (200..300).contains(&status));
                false
            }
            Body::Sdp => true,
            Body::Raw(bytes) => {
                let offers = (200..300).contains(&status) && !self.invite_had_offer(call);
                let session = &mut self.calls[call].dialogs[dialog].session;
                let offer = if status >= 200 { session.remote_offer.take() } else { None };
                if let (Some(offer), Ok(answer), true) = (offer, Sdp::parse(bytes), status < 300) {
                    (session.local, session.remote) = (Some(answer), Some(offer));
                } else if offers {
                    session.local_offer = Sdp::parse(bytes).ok();
                }
                return Some(bytes.clone());
            }
        };
        if !wanted {
            return None;
        }
        let session = &self.calls[call].dialogs[dialog].session;
        if session.remote_offer.is_some() {
            return self.answer_offer(now, call, dialog).map(|answer| answer.print());
        }
        if let Some(offer) = &session.local_offer {
            return Some(offer.print());
        }
        if let (Some(local), Some(_), true) = (&session.local, &session.remote, self.invite_had_offer(call)) {
            return Some(local.print());
        }
        Some(self.next_offer(call, dialog, None).print())
    }

    /// Whether the INVITE that waits came with an offer.
    fn invite_had_offer(&self, call: CallIndex) -> bool {
        let waiting = |server: &&crate::transaction::ServerTransaction| server.call == Some(call) && server.request.method() == "INVITE";
        self.servers.iter().rev().find(waiting).is_some_and(|server| server.request.has_sdp())
    }

    /// Lets the stream follow what is agreed.
    fn sound(&mut self, now: Timestamp, call: CallIndex, dialog: usize) {
        let Some(tone) = self.setup.tone else { return };
        let own = &mut self.calls[call];
        if own.outcome.is_some() {
            return;
        }
        let session = &own.dialogs[dialog].session;
        let (Some(local), Some(remote)) = (&session.local, &session.remote) else { return };
        let sends = local.audio_line().is_some_and(|line| line.direction.sends())
            && remote.audio_line().is_some_and(|line| line.direction.receives());
        let ours = local.audio_line();
        let payload = remote.audio_line().and_then(|line| {
            let laws =
                || line.formats.iter().filter_map(|format| Some((format, line.encoding(format).filter(|name| law(name).is_some())?)));
            let is_ours =
                |name: &str| ours.is_some_and(|ours| ours.formats.iter().any(|format| ours.encoding(format).as_deref() == Some(name)));
            // One that speaks what it has not agreed to does so where nothing else is left.
            let (format, name) = laws().find(|(_, name)| is_ours(name)).or_else(|| laws().next())?;
            Some((format.parse().ok()?, law(&name)?))
        });
        let seed = own.session_id;
        let stream = own.stream.get_or_insert_with(|| Stream::new(tone, seed));
        stream.direct(now, remote.audio_address().filter(|address| sends && !address.ip().is_unspecified()), payload);
    }

    /// What a re-INVITE of ours changes in us.
    pub(super) fn adopt(&mut self, call: CallIndex, direction: Option<Direction>, formats: Option<Vec<Format>>) {
        let call = &mut self.calls[call];
        call.direction = direction.unwrap_or(call.direction);
        call.formats = formats.unwrap_or_else(|| std::mem::take(&mut call.formats));
    }
}

/// Which law of G.711 that is: true for A-law.
fn law(encoding: &str) -> Option<bool> {
    match encoding {
        "PCMU/8000" => Some(false),
        "PCMA/8000" => Some(true),
        _ => None,
    }
}

/// Makes an offer of audio one that holds.
fn hold_by(hold: Hold, offer: &mut Sdp) {
    match hold {
        Hold::ZeroAddress => {
            let zeros =
                if offer.connection.is_some_and(|address| address.is_ipv6()) { IpAddr::from([0; 16]) } else { IpAddr::from([0; 4]) };
            offer.connection = Some(zeros);
        }
        Hold::ZeroPort => offer.media.iter_mut().filter(|media| media.port != 0).for_each(Media::stop),
    }
}

/// Payload numbers that the session has given to a codec stay with it (RFC 3264 §8.3.2).
fn keep_numbers(formats: &mut [Format], line: &crate::sdp::Media) {
    for format in formats {
        let encoding = format.encoding.to_ascii_uppercase();
        let known = line.formats.iter().find(|known| line.encoding(known).as_ref() == Some(&encoding));
        format.payload = known.and_then(|known| known.parse().ok()).unwrap_or(format.payload);
    }
}
