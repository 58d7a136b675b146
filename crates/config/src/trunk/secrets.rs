//! `login` and `challenge`: names and passwords.

use crate::{
    keys,
    node::one_of,
    problem::At,
    reader::{Reader, Table, Value},
};
use std::sync::Arc;
use tandem_model::{DigestAlgorithm, Login, Secret};

/// `challenge` of a trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What must be answered; the realm is the node's where none is given.
    pub login: Login,
    /// Asked for in this order.
    pub algorithms: Box<[DigestAlgorithm]>,
}

/// The longest user name, realm or password, in bytes.
const LONGEST: usize = 256;

pub(super) fn read_login(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<At<Arc<Login>>> {
    let table = Table::open(reader, table.value("login")?, &keys::LOGIN, table.what("login"))?;
    read(reader, &table).map(|login| At::new(Arc::new(login), table.place))
}

pub(super) fn read_challenge(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<At<Asked>> {
    let table = Table::open(reader, table.value("challenge")?, &keys::CHALLENGE, table.what("challenge"))?;
    let algorithms = read_algorithms(reader, &table);
    read(reader, &table).map(|login| At::new(Asked { login, algorithms }, table.place))
}

fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Login> {
    table.missing(reader, "username", "\"…\"");
    table.missing(reader, "password", "\"…\"");
    let username = table.parsed(reader, "username", |text| printable(text).map(Box::from));
    let password = table.value("password").and_then(|value| read_secret(reader, table, "password", value));
    let realm = table.parsed(reader, "realm", |text| printable(text).map(Box::from));
    Some(Login { username: username?.value, password: password?, realm: realm.map(|realm| realm.value) })
}

/// SHA-256 first, as RFC 8760 §2.4 wants it, unless the peer is one that cannot live with that.
pub(crate) fn read_algorithms(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Box<[DigestAlgorithm]> {
    let words = [("sha-256", DigestAlgorithm::Sha256), ("md5", DigestAlgorithm::Md5)];
    let all = words.map(|(_, algorithm)| algorithm).into();
    let Some(value) = table.value("algorithms") else { return all };
    let what = table.what("algorithms");
    let Some(list) = reader.list(&what, value, words.len()) else { return all };
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{what} is empty: nobody could answer"));
    }
    let mut algorithms = Vec::new();
    for entry in list {
        let Some(algorithm) = reader.parsed(&what, entry, |text| one_of(text, &words)) else { continue };
        if algorithms.contains(&*algorithm) {
            reader.report(algorithm.place, format!("{what} has an algorithm twice"));
        }
        algorithms.push(*algorithm);
    }
    algorithms.into()
}

/// `"…"`, or `{ file = "path" }`: then what is in that file, without the end of its last line. What is wrong with it is told, it is not.
pub(crate) fn read_secret(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str, value: &Value<'_>) -> Option<Secret> {
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
