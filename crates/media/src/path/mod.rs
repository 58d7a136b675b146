//! How what one leg says reaches another.

pub(crate) mod relay;
