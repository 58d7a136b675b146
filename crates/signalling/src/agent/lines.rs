//! Which trunk a call is for that comes where we registered: the tokens in our Contacts.

use super::registration::token_of;
use crate::message::Uri;
use crate::minted::Minter;
use std::collections::BTreeMap;

/// The tokens of the trunks that register. Empty for most nodes, and then nothing is looked at.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    trunks: BTreeMap<Box<str>, Box<str>>,
}

impl Lines {
    /// Those of the trunks of these names.
    pub fn new<'a>(minter: &Minter, trunks: impl IntoIterator<Item = &'a str>) -> Lines {
        Lines { trunks: trunks.into_iter().map(|trunk| (minter.line(trunk).as_str().into(), trunk.into())).collect() }
    }

    /// The trunk whose registrations have a Contact with that URI.
    pub fn trunk_of(&self, request_uri: &Uri<'_>) -> Option<&str> {
        if self.trunks.is_empty() {
            return None;
        }
        self.trunks.get(token_of(request_uri)?).map(|trunk| &**trunk)
    }
}
