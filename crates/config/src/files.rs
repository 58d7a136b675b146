//! `[files]`: what is kept beside calls.

use crate::{
    keys,
    reader::{Reader, Table, Value, check_line},
};

/// The longest path, in bytes.
pub(crate) const MAX_PATH: usize = 1024;

/// `[files]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Folder for recordings.
    pub recordings: Box<str>,
    /// Folder of prompts.
    pub prompts: Box<str>,
}

impl Default for Files {
    fn default() -> Self {
        Files { recordings: "recordings".into(), prompts: "prompts".into() }
    }
}

impl Files {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Files {
        let default = Files::default();
        let Some(table) = Table::open(reader, value, &keys::FILES, keys::FILES.title.to_owned()) else { return default };
        let recordings = table.parsed(reader, "recordings", |text| check_line(text, MAX_PATH));
        let prompts = table.parsed(reader, "prompts", |text| check_line(text, MAX_PATH));
        Files {
            recordings: recordings.map_or(default.recordings, |path| path.value),
            prompts: prompts.map_or(default.prompts, |path| path.value),
        }
    }
}
