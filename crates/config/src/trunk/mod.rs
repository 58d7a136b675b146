//! `[[trunk]]`: a neighbour, how its calls are known and how it is spoken with.

mod failover;
mod headers;
mod identity;
mod limits;
mod matching;
mod numbers;
mod ping;
mod register;
mod secrets;
mod session_timer;
mod targets;
mod toll;

pub use headers::{HeaderRules, MAX_HEADER_RULES, NamePattern, check_settable, is_our_header};
pub use identity::{CallerRule, PrivacyRule, TrailRule};
pub use limits::Limits;
pub use matching::{MAX_SOURCES, Match};
pub use numbers::{MAX_NUMBER_RULES, NumberRule, Of};
pub use ping::Ping;
pub use register::{MAX_REGISTRARS, Register};
pub use secrets::Asked;
pub use targets::{MAX_TARGETS, TrunkTarget};
pub use toll::{MAX_MAY_CALL, Toll};

pub(crate) use limits::{read as read_limits, read_status};
pub(crate) use secrets::{read_algorithms, read_secret};

use crate::{
    node::one_of,
    problem::At,
    reader::{Reader, Table},
    uri::{Target, parse_domain},
};
use std::{sync::Arc, time::Duration};
use tandem_model::{CalledFrom, CallerId, Codec, Dtmf, Failover, Login, Prack, ReferRule, SessionTimer};

/// `[[trunk]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name.
    pub name: Box<str>,
    /// Where its calls are sent. Empty: it only calls us.
    pub targets: Vec<At<TrunkTarget>>,
    /// Where its calls go through. It has `lr`.
    pub proxy: Option<At<Target>>,
    /// Whose calls are this trunk's. `None`: nobody's.
    pub matching: Option<At<Match>>,
    /// The listener its requests leave from.
    pub listen: Option<At<Box<str>>>,
    /// The side its media is on.
    pub media: Option<At<Box<str>>>,
    /// Addresses are those that we see, not those that it writes.
    pub nat: bool,
    /// Where the called number stands in its calls.
    pub called_from: CalledFrom,
    /// Where the caller's number stands in its calls, and is written in calls to it.
    pub caller_id: CallerId,
    /// Who is named as the caller in calls to it.
    pub caller: CallerRule,
    /// What becomes of a caller's wish for privacy in calls to it.
    pub privacy: PrivacyRule,
    /// What is told of diversions in calls to it; `None`: rules for headers say it.
    pub diversion: Option<TrailRule>,
    /// The same of the history of calls.
    pub history_info: Option<TrailRule>,
    /// Host part of From in calls to it, as URIs write it.
    pub from_domain: Option<Box<str>>,
    /// In order of preference.
    pub codecs: Vec<Codec>,
    /// Fax over UDPTL is passed (T.38).
    pub t38: bool,
    /// What it and another say may be said again in another codec.
    pub transcode: bool,
    /// How it presses keys, and wants to hear those of others.
    pub dtmf: Dtmf,
    /// Milliseconds of sound in a packet that it is asked to send, and is sent if it asks for nothing.
    pub ptime_ms: Option<u8>,
    /// Reliable provisional responses.
    pub prack: Prack,
    /// No response at all for so long: the next target.
    pub trying_timeout: Duration,
    /// No final response for so long: CANCEL.
    pub ring_timeout: Duration,
    /// After which failures of a target the next is tried.
    pub failover: Failover,
    /// A redirection is followed (`redirect = "follow"`), instead of passed to the caller.
    pub follows_redirects: bool,
    /// What becomes of its REFER.
    pub refer: ReferRule,
    /// Its INVITEs may ask for the place of a leg of ours (RFC 3891).
    pub replaces: bool,
    /// How much it may carry.
    pub limits: Limits,
    /// What its calls may cost.
    pub toll: Toll,
    /// Headers of its calls that are let in.
    pub headers_in: HeaderRules,
    /// Headers that go out to it.
    pub headers_out: HeaderRules,
    /// From how it writes numbers to how routes do.
    pub numbers_in: Vec<NumberRule>,
    /// And back.
    pub numbers_out: Vec<NumberRule>,
    /// How its sessions are refreshed; `None`: not at all.
    pub session_timer: Option<SessionTimer>,
    /// What its challenges are answered with.
    pub login: Option<At<Arc<Login>>>,
    /// What it must answer ours with.
    pub challenge: Option<At<Asked>>,
    /// Where we register for it.
    pub register: Vec<At<Register>>,
    /// How its targets are asked whether they are there; `None`: not at all.
    pub ping: Option<Ping>,
}

const SECOND: Duration = Duration::from_secs(1);

/// What a trunk is where its section says nothing.
impl Default for Trunk {
    fn default() -> Self {
        Trunk {
            name: Box::default(),
            targets: Vec::new(),
            proxy: None,
            matching: None,
            listen: None,
            media: None,
            nat: false,
            called_from: CalledFrom::default(),
            caller_id: CallerId::default(),
            caller: CallerRule::default(),
            privacy: PrivacyRule::default(),
            diversion: None,
            history_info: None,
            from_domain: None,
            codecs: Codec::ALL.to_vec(),
            t38: false,
            transcode: true,
            dtmf: Dtmf::default(),
            ptime_ms: None,
            prack: Prack::default(),
            trying_timeout: SECOND * 4,
            ring_timeout: SECOND * 180,
            failover: Failover::default(),
            follows_redirects: false,
            refer: ReferRule::default(),
            replaces: false,
            limits: Limits::default(),
            toll: Toll::default(),
            headers_in: HeaderRules::default(),
            headers_out: HeaderRules::default(),
            numbers_in: Vec::new(),
            numbers_out: Vec::new(),
            session_timer: Some(SessionTimer::default()),
            login: None,
            challenge: None,
            register: Vec::new(),
            ping: None,
        }
    }
}

impl Trunk {
    /// Where a call to `target` is sent first: the proxy, if there is one.
    pub fn next_hop<'t>(&'t self, target: &'t Target) -> &'t Target {
        self.proxy.as_deref().unwrap_or(target)
    }

    /// What a `[[user]]` says of how it is spoken with, in the words of a trunk. Of what it does not say, `default` holds.
    pub(crate) fn read_spoken(reader: &mut Reader<'_>, table: &Table<'_, '_>, default: Trunk) -> Trunk {
        let trying = table.duration(reader, "trying_timeout", Duration::from_millis(100)..=SECOND * 32);
        let ring = table.duration(reader, "ring_timeout", SECOND..=SECOND * 3600);
        Trunk {
            media: table.text(reader, "media"),
            nat: table.boolean(reader, "nat").unwrap_or(default.nat),
            codecs: read_codecs(reader, table),
            t38: table.boolean(reader, "t38").unwrap_or(default.t38),
            transcode: table.boolean(reader, "transcode").unwrap_or(default.transcode),
            dtmf: table.parsed(reader, "dtmf", parse_dtmf).map_or(default.dtmf, |dtmf| *dtmf),
            ptime_ms: table.parsed(reader, "ptime", parse_ptime).map(|ms| *ms),
            prack: table.parsed(reader, "prack", parse_prack).map_or(default.prack, |prack| *prack),
            trying_timeout: trying.map_or(default.trying_timeout, |span| *span),
            ring_timeout: ring.map_or(default.ring_timeout, |span| *span),
            refer: table.parsed(reader, "refer", parse_refer).map_or(default.refer, |rule| *rule),
            replaces: table.boolean(reader, "replaces").unwrap_or(default.replaces),
            session_timer: session_timer::read(reader, table),
            privacy: identity::read_privacy(reader, table),
            headers_in: headers::read_of_phone(reader, table),
            limits: table.value("limits").map_or_else(Limits::default, |value| limits::read(reader, table, value)),
            toll: Toll::read(reader, table),
            ..default
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Trunk> {
        let name = table.name(reader, "name");
        table.missing(reader, "name", "\"…\"");
        let trying = table.duration(reader, "trying_timeout", Duration::from_millis(100)..=SECOND * 32);
        let ring = table.duration(reader, "ring_timeout", SECOND..=SECOND * 3600);
        let redirect = table.parsed(reader, "redirect", |text| one_of(text, &[("pass", false), ("follow", true)]));
        let refer = table.parsed(reader, "refer", parse_refer);
        let default = Trunk::default();
        let trunk = Trunk {
            name: name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
            targets: targets::read(reader, table),
            proxy: table.parsed(reader, "proxy", parse_proxy),
            matching: table.value("match").and_then(|value| matching::read(reader, table, value)),
            listen: table.text(reader, "listen"),
            media: table.text(reader, "media"),
            nat: table.boolean(reader, "nat").unwrap_or(default.nat),
            called_from: table.parsed(reader, "called_from", parse_called_from).map_or(default.called_from, |from| *from),
            caller_id: table.parsed(reader, "caller_id", parse_caller_id).map_or(default.caller_id, |id| *id),
            caller: identity::read_caller(reader, table),
            privacy: identity::read_privacy(reader, table),
            diversion: identity::read_trail(reader, table, "diversion"),
            history_info: identity::read_trail(reader, table, "history_info"),
            from_domain: table.parsed(reader, "from_domain", parse_domain).map(|domain| domain.value),
            codecs: read_codecs(reader, table),
            t38: table.boolean(reader, "t38").unwrap_or(default.t38),
            transcode: table.boolean(reader, "transcode").unwrap_or(default.transcode),
            dtmf: table.parsed(reader, "dtmf", parse_dtmf).map_or(default.dtmf, |dtmf| *dtmf),
            ptime_ms: table.parsed(reader, "ptime", parse_ptime).map(|ms| *ms),
            prack: table.parsed(reader, "prack", parse_prack).map_or(default.prack, |prack| *prack),
            trying_timeout: trying.map_or(default.trying_timeout, |span| *span),
            ring_timeout: ring.map_or(default.ring_timeout, |span| *span),
            failover: failover::read(reader, table),
            follows_redirects: redirect.map_or(default.follows_redirects, |follows| *follows),
            refer: refer.map_or(default.refer, |rule| *rule),
            replaces: table.boolean(reader, "replaces").unwrap_or(default.replaces),
            limits: table.value("limits").map_or_else(Limits::default, |value| limits::read(reader, table, value)),
            toll: Toll::read(reader, table),
            headers_in: headers::read(reader, table, "headers_in"),
            headers_out: headers::read(reader, table, "headers_out"),
            numbers_in: numbers::read(reader, table, "numbers_in"),
            numbers_out: numbers::read(reader, table, "numbers_out"),
            session_timer: session_timer::read(reader, table),
            login: secrets::read_login(reader, table),
            challenge: secrets::read_challenge(reader, table),
            register: register::read(reader, table),
            ping: ping::read(reader, table),
        };
        if let Some(proxy) = trunk.proxy.as_ref().filter(|_| !table.has("targets") && !table.has("register")) {
            reader.report(
                proxy.place,
                format!("{} goes only with `targets` or `register`: nothing is sent to {} otherwise", table.what("proxy"), table.title()),
            );
        }
        trunk.check_uses(reader, table);
        name.map(|_| trunk)
    }

    /// Whether anything comes of what is written.
    fn check_uses(&self, reader: &mut Reader<'_>, table: &Table<'_, '_>) {
        let takes_calls = table.has("match") || table.has("register");
        if !table.has("targets") && !takes_calls {
            let message = format!("{} has neither `targets` nor `match` nor `register`: no call could use it", table.title());
            reader.report(table.place, message);
        }
        if table.has("challenge") && !takes_calls {
            reader.report(table.place, format!("{} has `challenge` and no `match` or `register`: nobody would be asked", table.title()));
        }
        if table.has("ping") && !table.has("targets") {
            reader.report(table.place, format!("{} has `ping` and no `targets`: nobody would be asked", table.title()));
        }
        let is_nobody = |register: &&At<Register>| register.uri.user.is_none() && !table.has("login");
        if let Some(register) = self.register.iter().find(is_nobody) {
            let message = format!("{} does not say whom to register: write `sip:USER@…`, or a `login`", table.what("register"));
            reader.report(register.place, message);
        }
    }

    /// Whether calls of its own can come.
    pub fn calls_us(&self) -> bool {
        self.matching.is_some() || !self.register.is_empty()
    }
}

/// RFC 3261 §16.12: the Request-URI stays the target's, which only a loose router leaves alone.
fn parse_proxy(text: &str) -> Result<Target, String> {
    let proxy = Target::parse(text)?;
    if proxy.user.is_some() {
        return Err(format!("`{text}`: a proxy is a place, without a user part"));
    }
    if !proxy.is_loose() {
        return Err(format!("`{text}` has no `lr`: only a proxy that routes by RFC 3261 (a loose router) is possible; write `{text};lr`"));
    }
    Ok(proxy)
}

fn parse_called_from(text: &str) -> Result<CalledFrom, String> {
    let words = [("request-uri", CalledFrom::RequestUri), ("to", CalledFrom::To), ("p-called-party-id", CalledFrom::PCalledPartyId)];
    one_of(text, &words)
}

fn parse_caller_id(text: &str) -> Result<CallerId, String> {
    one_of(text, &[("from", CallerId::From), ("pai", CallerId::Pai), ("rpid", CallerId::Rpid), ("ppi", CallerId::Ppi)])
}

fn parse_refer(text: &str) -> Result<ReferRule, String> {
    one_of(text, &[("refuse", ReferRule::Refuse), ("execute", ReferRule::Execute), ("pass", ReferRule::Pass)])
}

fn parse_prack(text: &str) -> Result<Prack, String> {
    one_of(text, &[("off", Prack::Off), ("supported", Prack::Supported), ("required", Prack::Required)])
}

fn parse_dtmf(text: &str) -> Result<Dtmf, String> {
    one_of(text, &[("rfc4733", Dtmf::Events), ("info", Dtmf::Info), ("inband", Dtmf::InBand)])
}

/// RFC 8866 §6.4, as far as packets can be made so.
fn parse_ptime(text: &str) -> Result<u8, String> {
    one_of(text, &[("10ms", 10), ("20ms", 20), ("30ms", 30), ("40ms", 40), ("60ms", 60)])
}

fn read_codecs(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Vec<Codec> {
    let all = Codec::ALL.to_vec();
    let Some(value) = table.value("codecs") else { return all };
    let what = table.what("codecs");
    let words = [("opus", Codec::Opus), ("g722", Codec::G722), ("pcmu", Codec::Pcmu), ("pcma", Codec::Pcma)];
    let Some(list) = reader.list(&what, value, words.len() * 2) else { return all };
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{what} is empty: no call could be agreed"));
    }
    let mut codecs = Vec::new();
    for entry in list {
        let Some(codec) = reader.parsed(&what, entry, |text| one_of(text, &words)) else { continue };
        if codecs.contains(&*codec) {
            reader.report(codec.place, format!("{what} has a codec twice"));
        }
        codecs.push(*codec);
    }
    codecs
}
