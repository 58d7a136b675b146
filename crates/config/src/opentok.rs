//! `opentok` of `[api]`: programs that were written for OpenTok, each known by its project.

use crate::{
    keys,
    problem::At,
    reader::{Reader, Table},
    trunk::read_secret,
};
use tandem_model::Secret;

/// One project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpentokProject {
    /// What it is called: the API key of its programs, which everybody may know.
    pub key: Box<str>,
    /// What its programs sign with.
    pub secret: Secret,
    /// By which trunk its calls go; `None`: as their URI says.
    pub trunk: Option<At<Box<str>>>,
}

/// Projects of one node.
const MAX_PROJECTS: usize = 256;

/// The longest key, in bytes.
const MAX_KEY: usize = 64;

/// A secret shorter than this can be guessed.
const SHORTEST_SECRET: usize = 16;

pub(crate) fn read_projects(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Box<[OpentokProject]> {
    let Some(value) = table.value("opentok") else { return Box::default() };
    let what = table.what("opentok");
    let list = reader.list(&what, value, MAX_PROJECTS).unwrap_or_default();
    let mut all: Vec<OpentokProject> = Vec::new();
    for entry in list {
        let Some(table) = Table::open(reader, entry, &keys::OPENTOK, format!("a project of {what}")) else { continue };
        let Some(project) = read_project(reader, &table) else { continue };
        if all.iter().any(|other| other.key == project.key) {
            reader.report(table.place, format!("{what}: there is a project `{}` already", project.key));
        }
        all.push(project);
    }
    all.into()
}

fn read_project(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<OpentokProject> {
    table.missing(reader, "key", "\"…\"");
    table.missing(reader, "secret", "\"…\"");
    let key = table.parsed(reader, "key", parse_key);
    let secret = table.value("secret").and_then(|value| {
        let place = reader.place_of(value);
        let secret = read_secret(reader, table, "secret", value)?;
        if secret.expose().len() < SHORTEST_SECRET {
            reader.report(place, format!("{}: a secret has at least {SHORTEST_SECRET} characters", table.what("secret")));
        }
        Some(secret)
    });
    let trunk = table.name(reader, "trunk");
    Some(OpentokProject { key: key?.value, secret: secret?, trunk })
}

/// It stands in paths, and in session ids between tildes.
fn parse_key(text: &str) -> Result<Box<str>, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(is_plain) {
        return Ok(text.into());
    }
    Err(format!("`{}`: a key has up to {MAX_KEY} letters, digits, - and _", text.escape_debug()))
}
