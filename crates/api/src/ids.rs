//! Ids in paths and bodies: what we wrote, and nothing else.

use serde::{Deserialize, Deserializer, de::Error};
use tandem_model::{CallId, LegId};
use utoipa::IntoParams;

/// The name of a field inside of another, which is nothing for the body itself.
pub(crate) fn field(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// The id of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OneCall(pub(crate) CallId);

/// The id of a leg.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OneLeg(pub(crate) LegId);

impl<'de> Deserialize<'de> for OneCall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneCall, D::Error> {
        String::deserialize(deserializer)?.parse().map(OneCall).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for OneLeg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneLeg, D::Error> {
        String::deserialize(deserializer)?.parse().map(OneLeg).map_err(D::Error::custom)
    }
}

/// A path below `/v1/calls/{id}`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfCall {
    /// The call: `call_…`.
    #[param(value_type = String, pattern = "^call_[0-9a-z]{13}$")]
    pub(crate) id: OneCall,
}

/// A path below `/v1/calls/{id}/legs/{leg}`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfLeg {
    /// The call: `call_…`.
    #[param(value_type = String, pattern = "^call_[0-9a-z]{13}$")]
    pub(crate) id: OneCall,
    /// The leg: `leg_…`.
    #[param(value_type = String, pattern = "^leg_[0-9a-z]{13}$")]
    pub(crate) leg: OneLeg,
}
