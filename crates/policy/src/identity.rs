//! `caller` and `privacy`: who calls, as a trunk is told it.

use tandem_config::{CallerRule, PrivacyRule};
use tandem_model::{Asks, Caller, CallerId, Privacy, Shows};

/// What a trunk is told of who calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) caller: Option<Caller>,
    pub(crate) shows: Shows,
    pub(crate) identity: CallerId,
    pub(crate) asks: Asks,
    /// Nothing may cross that tells who calls.
    pub(crate) hides: bool,
}

/// Something must be kept private, and cannot be: what, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unkept(pub(crate) &'static str);

/// How a trunk is told who calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdentityRule {
    /// The header beside From.
    pub(crate) header: CallerId,
    pub(crate) caller: CallerRule,
    pub(crate) privacy: PrivacyRule,
}

impl IdentityRule {
    /// Whether who calls must be known, whatever other rules say.
    pub(crate) fn looks_at_caller(&self) -> bool {
        self.header != CallerId::From || self.caller != CallerRule::Pass || self.privacy != PrivacyRule::Pass
    }

    /// What a trunk of this rule is told of `caller`, whose number is as the trunk writes it.
    pub(crate) fn tell(&self, caller: Caller, anchored: bool) -> Result<Told, Unkept> {
        let mut caller = match &self.caller {
            CallerRule::Set { number, name } => Caller { number: number.clone(), name: name.clone(), is_screened: true, ..caller },
            CallerRule::Pass | CallerRule::Anonymous => caller,
        };
        let is_withheld = self.caller == CallerRule::Anonymous;
        let asked = caller.privacy;
        match self.privacy {
            PrivacyRule::Ignore => {
                caller.privacy = Privacy::default();
                let shows = if is_withheld { Shows::Nobody } else { Shows::Caller };
                // RFC 3323 §4.2: nobody changes that header.
                let left = Privacy { none: asked.is_none() && !is_withheld, ..Privacy::default() };
                Ok(Told { caller: Some(caller), shows, identity: self.header, asks: Asks::Only(left), hides: false })
            }
            PrivacyRule::Pass => {
                caller.privacy.id |= is_withheld;
                let shows = match caller.privacy.hides_caller() {
                    _ if is_withheld => Shows::Nobody,
                    true if self.caller == CallerRule::Pass => Shows::Own,
                    true => Shows::Nobody,
                    false => Shows::Caller,
                };
                Ok(Told { caller: Some(caller), shows, identity: self.header, asks: Asks::AsAsked, hides: false })
            }
            PrivacyRule::Enforce => {
                // RFC 3323 §4.2: with `critical`, all that is asked for or no call.
                let unkept = [(asked.session && !anchored, "session"), (asked.unknown, "a value that is not known")];
                if let Some((_, what)) = unkept.iter().find(|(is_unkept, _)| *is_unkept && asked.critical) {
                    return Err(Unkept(what));
                }
                // What is not done here is left to whoever comes next.
                let left = Privacy { session: asked.session && !anchored, none: asked.is_none() && !is_withheld, ..Privacy::default() };
                let asks = Asks::Only(left);
                if asked.hides_caller() || is_withheld {
                    return Ok(Told { caller: None, shows: Shows::Nobody, identity: CallerId::From, asks, hides: true });
                }
                caller.privacy = Privacy::default();
                Ok(Told { caller: Some(caller), shows: Shows::Caller, identity: self.header, asks, hides: false })
            }
        }
    }
}
