//! The Rust files of the project, each with what kind of code it holds.

use crate::{
    house::{ROOMS, Room},
    source::Source,
    tree::Tree,
};

/// All Rust files.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) files: Vec<File<'a>>,
}

/// A Rust file.
#[derive(Debug)]
pub(crate) struct File<'a> {
    pub(crate) path: &'a str,
    /// The crate it belongs to; `None` for a crate outside the workspace.
    pub(crate) room: Option<&'static Room>,
    /// All of it is test code: it is under `tests/`, `benches/` or `examples/`, or declared under `#[cfg(test)]`.
    pub(crate) is_test: bool,
    pub(crate) source: Source,
}

impl<'a> Sources<'a> {
    pub(crate) fn of(tree: &'a Tree) -> Sources<'a> {
        let mut files: Vec<File<'a>> = tree.ending(".rs").map(|(path, text)| File::new(path, Source::of(text))).collect();
        let declared: Vec<String> = files.iter().flat_map(|file| test_files(file.path, &file.source)).collect();
        for file in &mut files {
            file.is_test |= declared.iter().any(|test| file.path == format!("{test}.rs") || file.path.starts_with(&format!("{test}/")));
        }
        Sources { files }
    }

    /// Files that ship, or that build what ships.
    pub(crate) fn production(&self) -> impl Iterator<Item = &File<'a>> {
        self.files.iter().filter(|file| !file.is_test)
    }
}

impl<'a> File<'a> {
    fn new(path: &'a str, source: Source) -> File<'a> {
        let room = ROOMS.iter().find(|room| path.strip_prefix(room.path).is_some_and(|rest| rest.starts_with('/')));
        let inside = room.map_or(path, |room| &path[room.path.len()..]);
        let is_test = ["tests/", "benches/", "examples/"]
            .iter()
            .any(|folder| inside.trim_start_matches('/').starts_with(folder) || inside.contains(&format!("/{folder}")));
        File { path, room, is_test, source }
    }
}

/// Paths without their ending of the files that `source` at `path` declares as tests.
fn test_files(path: &str, source: &Source) -> Vec<String> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let folder = match stem.rsplit_once('/') {
        Some((folder, "mod" | "lib" | "main")) => folder,
        _ => stem,
    };
    source.test_modules.iter().map(|name| format!("{folder}/{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_declared_as_tests_are_tests() {
        let tree = Tree::of(&[
            ("crates/model/src/lib.rs", "mod a;\n#[cfg(test)]\nmod b;\n"),
            ("crates/model/src/a.rs", "#[cfg(test)]\nmod c;\n"),
            ("crates/model/src/a/c.rs", ""),
            ("crates/model/src/b/mod.rs", ""),
            ("crates/model/tests/d.rs", ""),
        ]);
        let sources = Sources::of(&tree);
        let production: Vec<&str> = sources.production().map(|file| file.path).collect();
        assert_eq!(production, ["crates/model/src/a.rs", "crates/model/src/lib.rs"]);
        assert!(sources.files.iter().all(|file| file.room.is_some_and(|room| room.name == "tandem-model")));
    }
}
