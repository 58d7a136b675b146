//! Where the keys of the sections that there are once stand.

use crate::{keys::Keys, problem::Place, reader::Reader};
use std::collections::BTreeMap;
use toml::de::DeTable;

/// The keys that the file has in some sections. Two of these are always equal: where a key stands changes nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    sections: BTreeMap<&'static str, Section>,
}

#[derive(Clone, Debug)]
struct Section {
    place: Place,
    keys: BTreeMap<&'static str, Place>,
}

impl Written {
    /// Notes the keys of `sections`, each called as it stands in the file: `[node]`.
    pub(crate) fn read(reader: &Reader<'_>, root: &DeTable<'_>, sections: &[&'static Keys]) -> Written {
        let section = |known: &&'static Keys| {
            let value = root.get(known.title.trim_matches(['[', ']']))?;
            let table = value.get_ref().as_table()?;
            let place_of = |key: &&'static str| Some((*key, reader.place_of(table.get_key_value(*key)?.0)));
            Some((known.title, Section { place: reader.place_of(value), keys: known.built.iter().filter_map(place_of).collect() }))
        };
        Written { sections: sections.iter().filter_map(section).collect() }
    }

    /// Where `key` stands in the section of this title.
    pub(crate) fn key(&self, title: &str, key: &str) -> Option<Place> {
        self.sections.get(title)?.keys.get(key).copied()
    }

    /// Where the section of this title begins.
    pub(crate) fn section(&self, title: &str) -> Option<Place> {
        self.sections.get(title).map(|section| section.place)
    }
}

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Written {}
