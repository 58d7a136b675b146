//! What files of recordings may be called, and how they come to be.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};
use tandem_model::is_file_name;

/// Files of one name: with `-2`, `-3` and so on behind it.
const MAX_SAME: u32 = 99;

const ENDING: &str = ".wav";

/// Who may do what with a file, and with a folder that is made for it: the group may read.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

/// The name without its ending, if it leads to a file below the folder: parts between slashes, none of which begins with a dot.
pub(super) fn checked(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(ENDING).unwrap_or(name);
    is_file_name(stem).then_some(stem)
}

/// Makes a new file of that name, or of the next one that is free, and the folders that lead to it. What it is called then.
///
/// # Errors
/// The system's; [`ErrorKind::AlreadyExists`] if all names are taken.
pub(super) fn create(folder: &Path, stem: &str) -> io::Result<(File, Box<str>)> {
    let parent = folder.join(stem);
    if let Some(parent) = parent.parent() {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(parent).map_err(|error| match error.kind() {
            // A file, where a folder is wanted.
            ErrorKind::AlreadyExists => io::Error::new(ErrorKind::NotADirectory, error.to_string()),
            _ => error,
        })?;
    }
    for number in 1..=MAX_SAME {
        let name = if number == 1 { format!("{stem}{ENDING}") } else { format!("{stem}-{number}{ENDING}") };
        // Neither a file that is there nor what a link leads to is ever opened.
        match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(folder.join(&name)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            outcome => return outcome.map(|file| (file, name.into())),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_folder() {
        let good = ["a", "a.wav", "2026-11-22/call_1", "call 1", "Büro/ä.b", "a-2", "x.WAV"];
        assert!(good.iter().all(|name| checked(name).is_some()));
        let long = ["a".repeat(201), "a/".repeat(100) + "b"];
        let bad = ["", "/", "/etc/passwd", "..", "../a", "a/../b", "a//b", "a/", ".wav", ".hidden", "a/.b", "a\nb", "a\0", "a\\b"];
        for name in bad.into_iter().chain(long.iter().map(String::as_str)) {
            assert_eq!(checked(name), None, "{name:?}");
        }
        assert_eq!(checked("a/b.wav"), Some("a/b"));
    }
}
