//! Where the messages are.

use bytes::Bytes;
use std::path::PathBuf;

/// The folder of RFC 4475's messages: in `TANDEM_CORPORA`, or beside the checkout.
pub(crate) fn rfc4475_folder() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    std::env::var_os("TANDEM_CORPORA").map_or_else(beside, PathBuf::from).join("rfc4475")
}

/// A message of RFC 4475, `None` (and a line that says so) where the corpus is absent.
pub(crate) fn rfc4475(file: &str) -> Option<Bytes> {
    let folder = rfc4475_folder();
    if !folder.is_dir() {
        println!("absent: {} (the project's own set covers the same troubles)", folder.display());
        return None;
    }
    let path = folder.join(file);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into())
}

/// A message of the project's own set.
pub(crate) fn own(file: &str) -> Option<Bytes> {
    let path = own_folder().join(file);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into())
}

pub(crate) fn own_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/torture/messages")
}

/// Every message that is there, with its file name.
pub(crate) fn all() -> Vec<(String, Bytes)> {
    let folders = [own_folder(), rfc4475_folder()];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let read = |file: std::fs::DirEntry| (file.file_name().to_string_lossy().into_owned(), std::fs::read(file.path()).unwrap().into());
    let mut all: Vec<(String, Bytes)> = files.map(|file| read(file.unwrap())).collect();
    all.sort();
    all
}

/// The files of a folder that have this ending, sorted; `None` if there is no such folder.
pub(crate) fn listing(folder: &std::path::Path, ending: &str) -> Option<Vec<String>> {
    let files = std::fs::read_dir(folder).ok()?.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = files.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    Some(names)
}
