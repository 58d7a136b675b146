//! `docs/operations.md` tells operators of every line that the program logs at INFO, WARN and ERROR.

use crate::common::sources;
use std::{fs, path::PathBuf};

/// Each with the heading under which the page has its lines.
const LEVELS: [(&str, &str); 3] = [("tracing::info!(", "**INFO: "), ("tracing::warn!(", "**WARN: "), ("tracing::error!(", "**ERROR: ")];

/// What stands for a message that is put together elsewhere.
const NAMED_OTHERWISE: [(&str, &str); 1] = [("report.rs", "leg.failed")];

/// The part of a message that is always the same: the last text between the brackets of a macro, up to what is filled in.
fn message(after: &str) -> &str {
    let (mut depth, mut begin, mut last) = (0, None, "");
    for (at, letter) in after.char_indices() {
        match (letter, begin) {
            ('"', None) => begin = Some(at + 1),
            ('"', Some(from)) => (last, begin) = (&after[from..at], None),
            ('(', None) => depth += 1,
            (')', None) if depth == 0 => break,
            (')', None) => depth -= 1,
            _ => {}
        }
    }
    last.split('{').next().unwrap_or_default().trim_end()
}

/// What the page has below a heading, up to the next.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, below) = text.split_once(heading).unwrap();
    ["\n**INFO", "\n**WARN", "\n**ERROR", "\n**DEBUG"].iter().filter_map(|next| below.find(next)).min().map_or(below, |end| &below[..end])
}

#[test]
fn every_line_is_explained_to_operators() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let mut files = Vec::new();
    ["crates/runtime/src", "crates/hooks/src", "crates/api/src", "crates/store/src", "crates/tandem/src"]
        .iter()
        .for_each(|folder| sources(&root.join(folder), &mut files));
    let mut seen = 0;
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let code = source.split_once("#[cfg(test)]\nmod tests {").map_or(&*source, |(code, _)| code);
        let calls =
            LEVELS.iter().flat_map(|(level, heading)| code.match_indices(level).map(move |(at, _)| (&code[at + level.len()..], heading)));
        for (call, heading) in calls {
            seen += 1;
            let message = match (message(call), NAMED_OTHERWISE.iter().find(|(name, _)| file.ends_with(name))) {
                // At which level, what it is says.
                ("", Some((_, name))) if text.contains(name) => continue,
                // Lines of the configuration, each with its place.
                ("", None) if call.contains("Escaped(problem)") || call.contains("Escaped(warning)") => "FILE:LINE",
                (message, _) => message,
            };
            let is_there = !message.is_empty() && section(&text, heading).contains(message);
            assert!(is_there, "{}: {message:?} is not below {heading:?} in docs/operations.md", file.display());
        }
    }
    assert!(seen > 25, "only {seen} found");
}
