//! What a leg can hear that no leg says.

pub(crate) mod sine;
