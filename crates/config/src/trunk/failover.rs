//! `failover`: after which failures of a target the next one is tried.

use crate::{
    nearest::nearest,
    reader::{Reader, Table},
};
use tandem_model::Failover;

/// Entries of one list.
const MAX_ENTRIES: usize = 64;

/// What an entry can be beside a status.
const WORDS: [&str; 5] = ["4xx", "5xx", "6xx", "timeout", "unreachable"];

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Failover {
    let default = Failover::default();
    let Some(value) = table.value("failover") else { return default };
    let what = table.what("failover");
    let Some(list) = reader.list(&what, value, MAX_ENTRIES) else { return default };
    let mut failover = Failover::NONE;
    for entry in list {
        let Some(next) = reader.parsed(&what, entry, |text| add(failover, text)) else { continue };
        if *next == failover {
            reader.report(next.place, format!("{what} has this already"));
        }
        failover = *next;
    }
    failover
}

/// The set with one entry more.
fn add(mut failover: Failover, text: &str) -> Result<Failover, String> {
    match text {
        "4xx" => Ok(failover.with_class(4)),
        "5xx" => Ok(failover.with_class(5)),
        "6xx" => Ok(failover.with_class(6)),
        "timeout" | "unreachable" => {
            failover.timeout |= text == "timeout";
            failover.unreachable |= text == "unreachable";
            Ok(failover)
        }
        _ => match text.parse::<u16>() {
            Ok(status) if (400..700).contains(&status) && text.len() == 3 => Ok(failover.with_status(status)),
            Ok(_) => Err(format!("`{}` is no status of a failure: they go from 400 to 699", text.escape_debug())),
            Err(_) => {
                let near = nearest(text, WORDS).unwrap_or_default();
                Err(format!(
                    "`{}` is no status like \"503\", and none of \"{}\"; the nearest is \"{near}\"",
                    text.escape_debug(),
                    WORDS.join("\", \"")
                ))
            }
        },
    }
}
