//! Takes typed values out of a parsed TOML table and remembers everything that is wrong with them.
//!
//! A getter that answers `None` has either found nothing or has reported a mistake; either way reading goes on, so that
//! one reading finds all mistakes.

use crate::{
    expand::expand,
    keys::Keys,
    nearest::nearest,
    problem::{At, Place, Problems},
    value::{parse_duration, print_duration},
};
use std::{ops::RangeInclusive, time::Duration};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A value with its place, as the TOML parser gives it.
pub(crate) type Value<'t> = Spanned<DeValue<'t>>;

/// What a configuration may refer to beside its own text.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// What an environment variable says, if it is set.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// What a file has in it, or why that cannot be told.
    pub file: &'a dyn Fn(&str) -> Result<String, String>,
}

impl<'a> Outside<'a> {
    /// Variables alone: every file is a mistake.
    pub fn variables(env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Outside { env, file: &|_| Err("files are not read here".to_owned()) }
    }
}

/// What reading needs throughout.
pub(crate) struct Reader<'a> {
    line_starts: Vec<usize>,
    text: &'a str,
    outside: Outside<'a>,
    pub(crate) problems: Problems,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, file: &str, outside: Outside<'a>) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect();
        Reader { line_starts, text, outside, problems: Problems::new(file) }
    }

    /// The place of a byte offset.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts[line - 1];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Place { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
    }

    /// The place where a spanned thing begins.
    pub(crate) fn place_of<T>(&self, spanned: &Spanned<T>) -> Place {
        self.place(spanned.span().start)
    }

    pub(crate) fn report(&mut self, place: Place, message: impl Into<String>) {
        self.problems.add(place, message);
    }

    /// Reads `value` as text with `${NAME}` expanded.
    pub(crate) fn text(&mut self, what: &str, value: &Value<'_>) -> Option<At<String>> {
        let place = self.place_of(value);
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_kind(what, "text in quotes", value);
            return None;
        };
        match expand(text, self.outside.env) {
            Ok(text) => Some(At::new(text, place)),
            Err(message) => {
                self.report(place, format!("{what}: {message}"));
                None
            }
        }
    }

    /// What the file of this name has in it.
    pub(crate) fn file(&self, name: &str) -> Result<String, String> {
        (self.outside.file)(name)
    }

    /// Reads `value` as text that `parse` understands.
    pub(crate) fn parsed<T>(&mut self, what: &str, value: &Value<'_>, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<At<T>> {
        let text = self.text(what, value)?;
        match parse(&text) {
            Ok(parsed) => Some(At::new(parsed, text.place)),
            Err(message) => {
                self.report(text.place, format!("{what}: {message}"));
                None
            }
        }
    }

    /// Reads `value` as a list; at most `most` entries.
    pub(crate) fn list<'t, 'v>(&mut self, what: &str, value: &'v Value<'t>, most: usize) -> Option<&'v [Value<'t>]> {
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_kind(what, "a list in [brackets]", value);
            return None;
        };
        if list.len() > most {
            self.report(self.place_of(value), format!("{what} has {} entries; at most {most} are taken", list.len()));
        }
        Some(&list[..list.len().min(most)])
    }

    /// Says that `value` is of the wrong kind.
    pub(crate) fn wrong_kind(&mut self, what: &str, wanted: &str, value: &Value<'_>) {
        let found = match value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.report(self.place_of(value), format!("{what}: {wanted} is wanted, this is {found}"));
    }
}

/// One table whose keys are all known.
pub(crate) struct Table<'t, 'v> {
    entries: &'v DeTable<'t>,
    /// Where the table begins.
    pub(crate) place: Place,
    title: String,
}

impl<'t, 'v> Table<'t, 'v> {
    /// Opens `value`, reporting every key that the table cannot have. `title` is how messages call it.
    pub(crate) fn open(reader: &mut Reader<'_>, value: &'v Value<'t>, keys: &Keys, title: String) -> Option<Self> {
        let Some(entries) = value.get_ref().as_table() else {
            reader.wrong_kind(&title, "a table", value);
            return None;
        };
        let place = reader.place_of(value);
        Self::check_keys(reader, entries, keys, &title);
        Some(Table { entries, place, title })
    }

    pub(crate) fn check_keys(reader: &mut Reader<'_>, entries: &DeTable<'_>, keys: &Keys, title: &str) {
        for key in entries.keys() {
            let name: &str = key.get_ref();
            if keys.built.contains(&name) {
                continue;
            }
            let place = reader.place_of(key);
            if keys.later.contains(&name) {
                reader.report(place, format!("`{name}` in {title} is not built yet: leave it out"));
                continue;
            }
            let near = nearest(name, keys.built.iter().chain(keys.later).copied()).unwrap_or_default();
            let valid = if keys.later.contains(&near) {
                let built = nearest(name, keys.built.iter().copied()).unwrap_or_default();
                format!("the nearest is `{near}`, which is not built yet, then `{built}`")
            } else {
                format!("the nearest valid key is `{near}`")
            };
            reader.report(place, format!("unknown key `{}` in {title}; {valid}", name.escape_debug()));
        }
    }

    /// How messages call this table.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// How messages call one of its keys.
    pub(crate) fn what(&self, key: &str) -> String {
        format!("`{key}` in {}", self.title)
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'v Value<'t>> {
        self.entries.get(key)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Reports that `key` is missing, with an example of what would be right.
    pub(crate) fn missing(&self, reader: &mut Reader<'_>, key: &str, example: &str) {
        if !self.has(key) {
            reader.report(self.place, format!("{} needs `{key} = {example}`", self.title));
        }
    }

    pub(crate) fn text(&self, reader: &mut Reader<'_>, key: &str) -> Option<At<Box<str>>> {
        let text = reader.text(&self.what(key), self.value(key)?)?;
        Some(At::new(text.value.into(), text.place))
    }

    pub(crate) fn parsed<T>(&self, reader: &mut Reader<'_>, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<At<T>> {
        reader.parsed(&self.what(key), self.value(key)?, parse)
    }

    /// A name that other parts of the file refer to.
    pub(crate) fn name(&self, reader: &mut Reader<'_>, key: &str) -> Option<At<Box<str>>> {
        self.parsed(reader, key, |text| check_name(text).map(Into::into))
    }

    pub(crate) fn boolean(&self, reader: &mut Reader<'_>, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        if value.get_ref().as_bool().is_none() {
            reader.wrong_kind(&self.what(key), "true or false", value);
        }
        value.get_ref().as_bool()
    }

    /// A whole number within `range`.
    pub(crate) fn number(&self, reader: &mut Reader<'_>, key: &str, range: RangeInclusive<u32>) -> Option<At<u32>> {
        let value = self.value(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            reader.wrong_kind(&self.what(key), "a whole number", value);
            return None;
        };
        let place = reader.place_of(value);
        match i128::from_str_radix(integer.as_str(), integer.radix()).ok().and_then(|number| u32::try_from(number).ok()) {
            Some(number) if range.contains(&number) => Some(At::new(number, place)),
            _ => {
                reader.report(place, format!("{}: a number from {} to {} is wanted", self.what(key), range.start(), range.end()));
                None
            }
        }
    }

    /// A duration within `range`.
    pub(crate) fn duration(&self, reader: &mut Reader<'_>, key: &str, range: RangeInclusive<Duration>) -> Option<At<Duration>> {
        self.parsed(reader, key, |text| {
            let span = parse_duration(text)?;
            if range.contains(&span) {
                return Ok(span);
            }
            Err(format!("`{text}`: from {} to {} is possible", print_duration(*range.start()), print_duration(*range.end())))
        })
    }
}

/// The longest name, in bytes.
const MAX_NAME: usize = 64;

/// Names stand in endpoints, log fields and file names: letters, digits, `.`, `_` and `-`.
pub(crate) fn check_name(text: &str) -> Result<&str, String> {
    if text.is_empty() || text.len() > MAX_NAME {
        return Err(format!("a name has from 1 to {MAX_NAME} characters"));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        Some(odd) => Err(format!("{odd:?} cannot stand in a name: letters, digits, `.`, `_` and `-` can")),
        None => Ok(text),
    }
}

/// Free text for people: no control characters, and not without end.
pub(crate) fn check_line(text: &str, most: usize) -> Result<Box<str>, String> {
    match text.chars().find(|c| c.is_control()) {
        Some(odd) => Err(format!("{odd:?} cannot stand here")),
        None if text.is_empty() || text.len() > most => Err(format!("from 1 to {most} bytes are possible")),
        None => Ok(text.into()),
    }
}
