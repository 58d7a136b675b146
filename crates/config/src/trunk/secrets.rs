//! `login` and `challenge`: names and passwords.

use crate::{
    keys::{self, Keys},
    problem::At,
    reader::{Reader, Table, Value},
};
use std::sync::Arc;
use tandem_model::{Login, Secret};

/// The longest user name, realm or password, in bytes.
const LONGEST: usize = 256;

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>, keys: &Keys, key: &str) -> Option<At<Arc<Login>>> {
    let value = table.value(key)?;
    let table = Table::open(reader, value, keys, table.what(key))?;
    table.missing(reader, "username", "\"…\"");
    table.missing(reader, "password", "\"…\"");
    let username = table.parsed(reader, "username", |text| printable(text).map(Box::from));
    let password = table.value("password").and_then(|value| read_secret(reader, &table, "password", value));
    let realm = table.parsed(reader, "realm", |text| printable(text).map(Box::from));
    let login = Login { username: username?.value, password: password?, realm: realm.map(|realm| realm.value) };
    Some(At::new(Arc::new(login), table.place))
}

/// `"…"`, or `{ file = "path" }`: then what is in that file, without the end of its last line. What is wrong with it is told, it is not.
fn read_secret(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str, value: &Value<'_>) -> Option<Secret> {
    let what = table.what(key);
    let (text, place) = if value.get_ref().is_table() {
        let table = Table::open(reader, value, &keys::SECRET, what.clone())?;
        table.missing(reader, "file", "\"path\"");
        let name = table.text(reader, "file")?;
        match reader.file(&name) {
            Ok(text) => (text.trim_end_matches(['\r', '\n']).to_owned(), name.place),
            Err(reason) => {
                reader.report(name.place, format!("{what}: `{}` cannot be read: {reason}", name.escape_debug()));
                return None;
            }
        }
    } else {
        let text = reader.text(&what, value)?;
        (text.value, text.place)
    };
    match printable(&text) {
        Ok(text) => Some(Secret::new(text)),
        Err(message) => {
            reader.report(place, format!("{what}: {message}"));
            None
        }
    }
}

/// What can stand between quotes in a header.
fn printable(text: &str) -> Result<&str, String> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(format!("from 1 to {LONGEST} bytes are possible"));
    }
    if text.contains(char::is_control) { Err("a control character cannot stand here".to_owned()) } else { Ok(text) }
}
