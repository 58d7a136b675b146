//! How a trunk puts things: what of its calls is let in, and what calls to it say.

use crate::{
    headers::{TooMuch, crossing, lets_any_out, lets_in, lets_set, sets},
    identity::{IdentityRule, Told, Unkept},
    numbers::{are_about, rewritten},
    trail::{Telling, tell},
};
use std::borrow::Cow;
use tandem_config::{HeaderRules, NumberRule, Of, PrivacyRule, Toll, TrailRule, Trunk};
use tandem_model::{CalledFrom, Caller, CallerId, Presentation, Route, Shows, Trail, is_signature};

/// Why a call cannot be put to a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsaid {
    /// More headers would cross than may.
    TooMuch,
    /// Its caller's privacy, which is critical.
    Unkept(&'static str),
}

impl From<TooMuch> for Unsaid {
    fn from(_: TooMuch) -> Unsaid {
        Unsaid::TooMuch
    }
}

impl From<Unkept> for Unsaid {
    fn from(Unkept(what): Unkept) -> Unsaid {
        Unsaid::Unkept(what)
    }
}

impl Unsaid {
    /// What the caller gets.
    pub(crate) fn refusal(self) -> (u16, Option<Box<str>>) {
        match self {
            Unsaid::TooMuch => (513, None),
            // RFC 3323 §5: 500, and what could not be kept.
            Unsaid::Unkept(what) => (500, Some(format!("Privacy cannot be kept: {what}").into())),
        }
    }
}

const DIVERSION: &str = "Diversion";
const HISTORY_INFO: &str = "History-Info";

/// The keys of a trunk that are about words. The default is that of a trunk that says nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) called_from: CalledFrom,
    pub(crate) identity: IdentityRule,
    /// Whom its calls are from, we say and not it.
    pub(crate) is_user: bool,
    /// What its calls may cost.
    pub(crate) toll: Toll,
    diversion: Option<TrailRule>,
    history_info: Option<TrailRule>,
    /// Route: its proxy.
    route: Option<Box<str>>,
    domain: Option<Box<str>>,
    headers_in: HeaderRules,
    headers_out: HeaderRules,
    numbers_in: Box<[NumberRule]>,
    numbers_out: Box<[NumberRule]>,
}

impl Manner {
    pub(crate) fn of(trunk: &Trunk) -> Manner {
        Manner {
            called_from: trunk.called_from,
            identity: IdentityRule { header: trunk.caller_id, caller: trunk.caller.clone(), privacy: trunk.privacy },
            is_user: false,
            toll: trunk.toll.clone(),
            diversion: trunk.diversion,
            history_info: trunk.history_info,
            route: trunk.proxy.as_ref().map(|proxy| format!("<{}>", proxy.uri()).into()),
            domain: trunk.from_domain.clone(),
            headers_in: trunk.headers_in.clone(),
            headers_out: trunk.headers_out.clone(),
            numbers_in: trunk.numbers_in.as_slice().into(),
            numbers_out: trunk.numbers_out.as_slice().into(),
        }
    }

    /// That of a user, which speaks as a trunk that says so.
    pub(crate) fn of_user(spoken: &Trunk) -> Manner {
        Manner { is_user: true, ..Manner::of(spoken) }
    }

    /// That of a user who is one no more: nothing that it says of itself is let in.
    pub(crate) fn of_nobody() -> Manner {
        let headers_in = HeaderRules { pass: Some(Vec::new()), ..HeaderRules::default() };
        Manner { is_user: true, headers_in, ..Manner::default() }
    }

    /// Whether a header that was said for one leg may go out to this trunk.
    pub(crate) fn lets_set(&self, name: &str) -> bool {
        lets_set(&self.headers_out, name)
    }

    /// The called number of a call from this trunk, as routes write it.
    pub(crate) fn called_in<'n>(&self, number: &'n str) -> Cow<'n, str> {
        rewritten(&self.numbers_in, Of::Called, number)
    }

    /// The number to call, as this trunk writes it.
    pub(crate) fn called_out<'n>(&self, number: &'n str) -> Cow<'n, str> {
        rewritten(&self.numbers_out, Of::Called, number)
    }

    /// Whether who calls from here must be known for a call to `called`.
    pub(crate) fn shows_caller_to(&self, called: &Manner) -> bool {
        self.is_user
            || self.identity.header != CallerId::From
            || called.identity.looks_at_caller()
            || are_about(&self.numbers_in, Of::Caller)
            || are_about(&called.numbers_out, Of::Caller)
    }

    /// Whether the headers of a caller must be known for a call to this trunk.
    pub(crate) fn takes_headers(&self) -> bool {
        lets_any_out(&self.headers_out)
    }

    /// Whether who was called before must be known for a call to this trunk.
    pub(crate) fn looks_at_trail(&self) -> bool {
        [self.diversion, self.history_info].iter().flatten().any(|rule| *rule != TrailRule::Drop)
    }

    /// What of Diversion and History-Info goes to this trunk; `moved` is what was dialled, and what is called instead.
    fn trail(&self, origin: &Manner, call: &Route, moved: Option<(&str, &str)>) -> Option<Box<Trail>> {
        let asked = call.caller.as_ref().map(|caller| caller.privacy).unwrap_or_default();
        let number = |number: &str| -> Box<str> {
            rewritten(&self.numbers_out, Of::Caller, &rewritten(&origin.numbers_in, Of::Caller, number)).into()
        };
        let telling = |rule: Option<TrailRule>, name: &str| Telling {
            // What is set goes before what came.
            rule: rule.filter(|_| !sets(&self.headers_out, name)),
            lets_in: lets_in(&origin.headers_in, name),
            enforces: self.identity.privacy == PrivacyRule::Enforce,
            hides: asked.hides_history(),
            rewritten: &number,
        };
        tell(&telling(self.diversion, DIVERSION), &telling(self.history_info, HISTORY_INFO), call.trail.as_deref(), moved)
    }

    /// Whether a signature that came (RFC 8224) is about other numbers than go out to this trunk: then nobody could verify it.
    fn voids_signature(&self, origin: &Manner, call: &Route, told: Option<&Told>, moved: Option<(&str, &str)>) -> bool {
        if !call.headers.iter().any(|(name, _)| is_signature(name)) {
            return false;
        }
        let called = moved.map_or_else(|| origin.called_in(&call.called), |(_, number)| number.into());
        let number = |caller: &Option<Caller>| caller.as_ref().map(|caller| caller.number.clone());
        let is_caller_kept = match told {
            None => true,
            Some(told) => match told.shows {
                Shows::Own => true,
                Shows::Nobody => false,
                Shows::Caller => number(&told.caller) == number(&call.caller),
            },
        };
        // Whom a user's calls are from, we say: what its phone has signed is not that.
        origin.is_user || !is_caller_kept || self.called_out(&called) != *call.called
    }

    /// Names of headers that rules for headers do not reach in calls to this trunk.
    fn beyond_rules(&self) -> impl Fn(&str) -> bool {
        let enforces = self.identity.privacy == PrivacyRule::Enforce;
        let (diversion, history) = (enforces || self.diversion.is_some(), enforces || self.history_info.is_some());
        move |name| (diversion && name.eq_ignore_ascii_case(DIVERSION)) || (history && name.eq_ignore_ascii_case(HISTORY_INFO))
    }

    /// What the INVITE of `call`, which comes from `origin`, says to this trunk beyond the ordinary; its media passes through here if
    /// `anchored`. `moved` is what was dialled, and what is called instead.
    pub(crate) fn present(
        &self,
        origin: &Manner,
        call: &Route,
        anchored: bool,
        moved: Option<(&str, &str)>,
    ) -> Result<Option<Box<Presentation>>, Unsaid> {
        let caller = call.caller.as_ref().filter(|_| origin.shows_caller_to(self)).map(|caller| Caller {
            number: rewritten(&self.numbers_out, Of::Caller, &rewritten(&origin.numbers_in, Of::Caller, &caller.number)).into(),
            ..caller.clone()
        });
        let told = caller.map(|caller| self.identity.tell(caller, anchored)).transpose()?;
        let hides = told.as_ref().is_some_and(|told| told.hides);
        let is_void = self.voids_signature(origin, call, told.as_ref(), moved);
        let is_beyond = self.beyond_rules();
        let is_kept = |name: &str| is_beyond(name) || is_void && is_signature(name);
        let headers = crossing(&origin.headers_in, &self.headers_out, &call.headers, hides, is_kept)?;
        let trail = if self.looks_at_trail() { self.trail(origin, call, moved) } else { None };
        if told.is_none() && trail.is_none() && headers.is_empty() && self.route.is_none() && self.domain.is_none() {
            return Ok(None);
        }
        let (route, domain) = (self.route.clone(), self.domain.clone());
        let Told { caller, mut shows, identity, asks, .. } = told.unwrap_or_default();
        // What a user writes into its From is not believed, also where it wants to be nobody.
        if origin.is_user && shows == Shows::Own {
            shows = Shows::Nobody;
        }
        Ok(Some(Box::new(Presentation { route, caller, shows, asks, identity, trail, domain, headers })))
    }
}
