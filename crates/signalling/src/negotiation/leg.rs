//! What one leg has agreed to, and what it must not be told twice in different ways.

use super::{
    Exchange, ExchangeEvent, ExchangeOutcome, Offer, Refusal,
    events::event_across,
    format::{Format, FormatList, NumberBook, Numbers},
    packing,
    read::{Remote, Stream},
    received::Terms,
    wishes::Wishes,
    write::Layout,
};
use crate::sdp::{Direction, Writer};
use bytes::Bytes;
use std::{
    net::IpAddr,
    sync::{Arc, Weak},
};
use tandem_model::{Across, Carries, Codec, Dtmf, EndpointDescription, Keys, LocalEndpoint, PayloadRule, SourceRule, Speech, StreamKind};

/// The media of one leg, from its first offer to its end.
#[derive(Debug)]
pub struct LegMedia {
    allowed: FormatList,
    anchored: bool,
    fax: bool,
    transcodes: bool,
    pub(super) dtmf: Dtmf,
    /// What it is asked to send in a packet, and sent if it asks for nothing.
    pub(super) ptime_ms: Option<u8>,
    nat: Option<IpAddr>,
    /// We hold it.
    pub(super) held: bool,
    local: Option<LocalEndpoint>,
    origin: Option<Box<str>>,
    session_id: u64,
    version: u64,
    /// It outlives a failed offer: the peer saw it.
    sent: Option<Sent>,
    pub(super) book: NumberBook,
    pub(super) session: Option<Session>,
    /// What its last description asked for.
    pub(super) wishes: Wishes,
    open: Option<OpenOffer>,
    /// Where media does not go through us: what it said that the other leg has yet to be offered.
    pub(super) unheard: Option<Box<[u8]>>,
}

/// The last description that the leg was sent, and where behind its version it goes on.
#[derive(Debug)]
struct Sent {
    text: Arc<[u8]>,
    tail: usize,
}

/// What the last answer settled.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) layout: Layout,
    pub(super) formats: FormatList,
    /// As the leg sends to us.
    pub(super) ours: Numbers,
    /// As the leg wants to be sent to.
    pub(super) theirs: Numbers,
    /// As the leg sees it.
    pub(super) direction: Direction,
    pub(super) remote: Remote,
    pub(super) mux: bool,
    /// The line in use is one of fax.
    pub(super) fax: bool,
    /// What we said to the leg.
    pub(super) said: Arc<[u8]>,
}

/// The text of an offer; whoever holds the token keeps the offer open.
#[derive(Debug)]
pub(super) struct Token(pub(super) Bytes);

/// An offer of ours or of the leg, for as long as somebody holds its token.
#[derive(Debug)]
struct OpenOffer {
    ours: bool,
    token: Weak<Token>,
}

impl LegMedia {
    /// A leg that may use `allowed`, the best first. `anchored`: its media goes through us. `nat`: the host of its
    /// signalling, where that is believed over its descriptions. `session_id` is what our `o=` lines say to it.
    pub fn new(allowed: &[Codec], anchored: bool, nat: Option<IpAddr>, session_id: u64) -> LegMedia {
        LegMedia {
            allowed: FormatList::of_codecs(allowed),
            anchored,
            fax: false,
            transcodes: false,
            dtmf: Dtmf::default(),
            ptime_ms: None,
            nat,
            held: false,
            local: None,
            origin: None,
            session_id,
            version: 0,
            sent: None,
            book: NumberBook::EMPTY,
            session: None,
            wishes: Wishes::default(),
            open: None,
            unheard: None,
        }
    }

    /// Our ports for the leg. An anchored leg needs them before its first offer is translated.
    pub fn set_local(&mut self, local: LocalEndpoint) {
        self.local = Some(local);
    }

    /// The codecs that it may use from now on, the best first.
    pub fn allow_codecs(&mut self, codecs: &[Codec]) {
        self.allowed = FormatList::of_codecs(codecs);
    }

    /// Fax is passed to the leg and taken from it.
    pub fn allow_fax(&mut self, allow: bool) {
        self.fax = allow;
    }

    /// What another leg says may be said to it in another codec, and what it says to the other.
    pub fn allow_transcoding(&mut self, allow: bool) {
        self.transcodes = allow;
    }

    /// So many milliseconds of sound it is asked to send in a packet, and is sent if it asks for nothing. `None`: what the other leg asks
    /// for, and what comes.
    pub fn ask_for_packets_of(&mut self, ptime_ms: Option<u8>) {
        self.ptime_ms = ptime_ms;
    }

    /// Whether what one of the two says may be said to the other in another codec. Only what goes through us can be.
    pub(super) fn may_say_again(&self, to: &LegMedia) -> bool {
        self.anchored && self.transcodes && to.transcodes
    }

    /// The host, name or address, that our `o=` lines give to a leg whose media does not go through us.
    pub fn set_origin(&mut self, host: &str) {
        self.origin = Some(host.trim_matches(['[', ']']).into());
    }

    /// That host.
    pub(super) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Our ports for the leg, if it has them.
    pub fn local(&self) -> Option<LocalEndpoint> {
        self.local
    }

    /// Its media goes through us.
    pub fn is_anchored(&self) -> bool {
        self.anchored
    }

    /// Where it stands between offers and answers. An open offer is open while its token lives.
    pub fn exchange(&self) -> Exchange {
        let established = self.session.is_some();
        match self.open.as_ref().filter(|open| open.token.strong_count() > 0) {
            Some(OpenOffer { ours: true, .. }) => Exchange::OfferSent { established },
            Some(OpenOffer { ours: false, .. }) => Exchange::OfferReceived { established },
            None if established => Exchange::Stable,
            None => Exchange::Idle,
        }
    }

    /// The codec in use, once one was agreed and while the leg has its audio on.
    pub fn codec(&self) -> Option<Codec> {
        self.session.as_ref().and_then(|session| session.formats.codec())
    }

    /// What it does with its audio, as it sees it, or would if we did not hold it; `None` before the first answer.
    pub fn direction(&self) -> Option<Direction> {
        self.session.as_ref().map(|session| self.wish(session.direction))
    }

    /// The line in use is one of fax.
    pub fn is_fax(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.fax)
    }

    /// The description of ours that its session came of.
    pub fn said(&self) -> Option<Arc<[u8]>> {
        self.session.as_ref().map(|session| Arc::clone(&session.said))
    }

    /// What media must know of the leg now, when `other` hears it and is heard by it (itself, for an echo). `None` before
    /// the first answer and where media does not go through us.
    pub fn describe(&self, other: &LegMedia) -> Option<Box<EndpointDescription>> {
        let (session, hearer) = (self.session.as_ref()?, other.session.as_ref()?);
        if !self.anchored {
            return None;
        }
        let payloads = payload_rules(
            &session.formats,
            &session.ours,
            Some(&session.theirs),
            &Hearer {
                speaks: (&hearer.formats, &hearer.theirs),
                keys: other.keys(),
                listens: self.is_listened_to(self.keys(), other.keys(), other),
            },
        );
        let rtcp = if session.mux { session.remote.rtp.filter(|_| !session.remote.uncontrolled) } else { session.remote.rtcp };
        Some(Box::new(EndpointDescription {
            kind: kind_of(session.fax),
            rtp: session.remote.rtp.filter(|_| session.direction.receives()),
            rtcp,
            rtcp_mux: session.mux,
            source: self.source(session.remote.host),
            receives: session.direction.sends(),
            held: session.direction != Direction::SendRecv,
            payloads,
            hearer: other.local.map(|local| local.leg),
            speech: self.speech_in(&session.formats, &session.theirs, &self.wishes, other),
            keys: self.keys(),
        }))
    }

    /// How it wants to be spoken to, and to hear `other`, where it speaks these, of which the first codec is the one that is meant.
    pub(super) fn speech_in(&self, formats: &FormatList, numbers: &Numbers, wishes: &Wishes, other: &LegMedia) -> Option<Speech> {
        let codec = formats.codec()?;
        Some(Speech {
            payload: numbers.get(Format::of(codec))?,
            codec,
            packet_ms: packing::packet_ms(wishes, self.ptime_ms),
            passed: packing::passed(wishes, self.ptime_ms, self.may_say_again(other)),
            parameters: wishes.parameters_of(codec),
        })
    }

    /// Whose packets are the leg's, when its description names `host`.
    pub(super) fn source(&self, host: Option<IpAddr>) -> SourceRule {
        match (self.nat, host) {
            (Some(host), _) => SourceRule::Host(host),
            (None, Some(host)) => SourceRule::Described(host),
            (None, None) => SourceRule::None,
        }
    }

    /// The codecs that it may use, the best first.
    pub(super) fn allowed(&self) -> FormatList {
        self.allowed
    }

    pub(super) fn terms(&self) -> Terms {
        Terms {
            anchored: self.anchored,
            live: self.session.as_ref().map(|session| session.layout.live()),
            fax: self.fax,
            local: self.local.map(|local| local.rtp.ip()),
        }
    }

    /// Notes the numbers of an offer of the leg, which our answer repeats (RFC 3264 §6.1).
    pub(super) fn note_offer(&mut self, asked: &Stream) {
        self.book.take_all(asked.listed);
        for format in asked.formats.iter() {
            if let Some(number) = asked.numbers.get(format) {
                self.book.assign(format, number);
            }
        }
    }

    /// A leg that names no address any more (RFC 3264 §8.4, `c=` of zeros) may still send from where it was.
    pub(super) fn keep_host(&self, remote: Remote) -> Remote {
        let before = self.session.as_ref().and_then(|session| session.remote.host);
        Remote { host: remote.host.or(before), ..remote }
    }

    /// Fax is passed to the leg and taken from it.
    pub(super) fn allows_fax(&self) -> bool {
        self.fax
    }

    /// The lines of its session so far.
    pub(super) fn layout(&self) -> Layout {
        self.session.as_ref().map_or(Layout::AUDIO, |session| session.layout.clone())
    }

    /// The same for an offer of audio, or fax. RFC 3264 §8.3.3: a line may turn from one to the other, or another line takes its
    /// place; `in_place` says which of these the other leg did.
    pub(super) fn layout_for(&self, fax: bool, in_place: bool) -> Layout {
        match &self.session {
            Some(session) if session.fax != fax && !in_place => session.layout.turned(fax),
            _ => self.layout(),
        }
    }

    /// It has seen an offer of audio or fax with so many lines and takes nothing of it: those behind the ones of before are rejected, and
    /// there are never fewer (RFC 3264 §8).
    pub(super) fn keep_lines(&mut self, lines: usize, fax: bool) {
        if let Some(session) = self.session.as_mut().filter(|session| session.layout.count() < lines) {
            session.layout = session.layout.with_rejected(lines, fax);
        }
    }

    /// The same after an offer of its own that nothing is taken of.
    pub(super) fn keep_lines_of(&mut self, offer: &Offer) {
        if let Some(session) = &mut self.session {
            let offered = offer.layout(session.layout.live());
            if offered.count() > session.layout.count() {
                session.layout = offered;
            }
        }
    }

    /// Asks the table whether `event` may happen now. An offer that is open already may be tried on another leg.
    pub(super) fn permit(&self, event: ExchangeEvent, offer: Option<&Bytes>) -> Result<(), Refusal> {
        let open = self.open.as_ref().and_then(|open| open.token.upgrade().filter(|_| !open.ours));
        if open.is_some_and(|open| Some(&open.0) == offer) {
            return Ok(());
        }
        match self.exchange().on(event) {
            ExchangeOutcome::Become(_) => Ok(()),
            ExchangeOutcome::Refuse(status) => Err(Refusal::status(status)),
            ExchangeOutcome::Ignore | ExchangeOutcome::Misuse => Err(Refusal::SUPERSEDED),
        }
    }

    /// An offer is open from now on, ours or the leg's.
    pub(super) fn open(&mut self, ours: bool, token: &Arc<Token>) {
        self.open = Some(OpenOffer { ours, token: Arc::downgrade(token) });
    }

    /// The leg's own offer has its answer for good, whatever other legs still say to it.
    pub fn close_offer(&mut self) {
        self.open.take_if(|open| !open.ours);
    }

    /// The offer that is open, ours or the leg's, has its answer for good: another may follow (RFC 3311 §5.1).
    pub fn close_any_offer(&mut self) {
        self.open = None;
    }

    /// Other codecs from now on; those of before.
    pub(super) fn replace_allowed(&mut self, allowed: FormatList) -> FormatList {
        std::mem::replace(&mut self.allowed, allowed)
    }

    /// `token` is the offer that the leg was last sent.
    pub(super) fn awaits(&self, token: &Arc<Token>) -> bool {
        self.open.as_ref().is_some_and(|open| open.ours && std::ptr::eq(open.token.as_ptr(), Arc::as_ptr(token)))
    }

    pub(super) fn session_id(&self) -> u64 {
        self.session_id
    }

    pub(super) fn next_version(&self) -> u64 {
        self.version + 1
    }

    /// Takes a description written for [`LegMedia::next_version`]: nothing new since the last one gives the last one again,
    /// with its version (RFC 3264 §8). The version never goes back, not even when an offer fails.
    pub(super) fn stamp(&mut self, writer: Writer, tail: usize) -> Arc<[u8]> {
        let text = writer.finish();
        if let Some(sent) = self.sent.as_ref().filter(|sent| sent.text[sent.tail..] == text[tail..]) {
            return Arc::clone(&sent.text);
        }
        self.version += 1;
        let text = Arc::from(text);
        self.sent = Some(Sent { text: Arc::clone(&text), tail });
        text
    }

    /// Whoever speaks for the leg now has heard no description but `text`, whatever others behind it were sent since: the next one follows
    /// that.
    pub(super) fn go_back_to(&mut self, text: &Arc<[u8]>) {
        let mut spaces = text.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(place, _)| place);
        let Some((from, to)) = spaces.nth(1).zip(spaces.next()) else { return };
        let version = std::str::from_utf8(&text[from + 1..to]).ok().and_then(|version| version.parse().ok());
        self.version = version.unwrap_or(self.version);
        self.sent = Some(Sent { text: Arc::clone(text), tail: to + 1 });
    }
}

/// What flows where the line in use is one of fax, or not.
pub(super) fn kind_of(fax: bool) -> StreamKind {
    if fax { StreamKind::Udptl } else { StreamKind::Rtp }
}

/// The other leg, for how what one says reaches it.
pub(super) struct Hearer<'a> {
    /// What it speaks and wants.
    pub(super) speaks: (&'a FormatList, &'a Numbers),
    pub(super) keys: Keys,
    /// There may be keys in the sound that it hears, which it wants in another way.
    pub(super) listens: bool,
}

/// How the packets of a leg go on: `ours` is what it was told to send, `theirs` what it wants for itself. What the other leg does not
/// speak is said to it again.
pub(super) fn payload_rules(formats: &FormatList, ours: &Numbers, theirs: Option<&Numbers>, hearer: &Hearer<'_>) -> Box<[PayloadRule]> {
    let mut rules = [PayloadRule { from: 0, carries: Carries::Event, across: Across::As(0), clock_rate: 0 }; 2 * Format::COUNT];
    let mut count = 0;
    let (spoken, numbers) = hearer.speaks;
    let number_of = |format: Format| numbers.get(format).filter(|_| spoken.contains(format));
    // Where what is meant to be spoken is passed on as it is, so are its events.
    let is_said_again = hearer.listens || formats.codec().is_some_and(|codec| number_of(Format::of(codec)).is_none());
    let across = |format: Format| match (format.codec(), number_of(format)) {
        (Some(codec), None) => Some(Across::Sound(codec)),
        (Some(codec), _) if hearer.listens => Some(Across::Sound(codec)),
        (Some(_), Some(to)) => Some(Across::As(to)),
        (None, _) if format == Format::Noise && is_said_again => formats.codec().map(Across::Sound),
        (None, to) if format == Format::Noise => to.map(Across::As),
        (None, _) if !matches!(hearer.keys, Keys::Events { .. }) => Some(Across::Key),
        (None, Some(to)) if !is_said_again => Some(Across::As(to)),
        (None, _) => event_across(hearer.speaks),
    };
    let mut rule = |from: Option<u8>, format: Format| {
        if let (Some(from), Some(across)) = (from, across(format)) {
            rules[count] = PayloadRule { from, carries: format.carries(), across, clock_rate: format.clock_rate() };
            count += 1;
        }
    };
    formats.iter().for_each(|format| rule(ours.get(format), format));
    // A leg that renumbers in its answer should send the numbers of our offer; some send their own.
    if let Some(theirs) = theirs {
        let renumbered = |format: Format| theirs.get(format).filter(|number| ours.format_of(*number).is_none());
        formats.iter().for_each(|format| rule(renumbered(format), format));
    }
    rules[..count].into()
}
