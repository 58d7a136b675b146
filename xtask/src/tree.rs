//! The project's text files, read once; tests build one by hand.

use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// Directories that are not the project's own text.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

/// A file larger than this is data, not text to be read by people.
const MAX_FILE: u64 = 1 << 20;

/// Paths relative to the root, with `/`, and what is in them.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
    /// Everything that exists, directories and binary files too: what a link may point to.
    pub(crate) paths: Vec<String>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        let mut waiting = vec![PathBuf::new()];
        while let Some(directory) = waiting.pop() {
            let full = root.join(&directory);
            for entry in std::fs::read_dir(&full).with_context(|| format!("cannot list {}", full.display()))? {
                let entry = entry?;
                let name = entry.file_name();
                let path = directory.join(&name);
                let kind = entry.file_type()?;
                if kind.is_dir() && !SKIPPED.contains(&name.to_string_lossy().as_ref()) {
                    tree.paths.push(path.to_string_lossy().into_owned());
                    waiting.push(path);
                } else if kind.is_file() {
                    tree.add_from_disk(root, &path, entry.metadata()?.len());
                }
            }
        }
        tree.paths.sort();
        Ok(tree)
    }

    fn add_from_disk(&mut self, root: &Path, path: &Path, size: u64) {
        let key = path.to_string_lossy().into_owned();
        self.paths.push(key.clone());
        if size <= MAX_FILE
            && let Ok(text) = std::fs::read_to_string(root.join(path))
        {
            self.files.insert(key, text);
        }
    }

    /// Files whose path ends in `suffix`.
    pub(crate) fn ending<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files.iter().filter(move |(path, _)| path.ends_with(suffix)).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.files.insert((*path).to_owned(), (*text).to_owned());
            tree.paths.push((*path).to_owned());
            let mut parent = Path::new(path);
            while let Some(up) = parent.parent().filter(|up| !up.as_os_str().is_empty()) {
                tree.paths.push(up.to_string_lossy().into_owned());
                parent = up;
            }
        }
        tree.paths.sort();
        tree.paths.dedup();
        tree
    }
}

/// The root of the project, whatever the current directory.
pub(crate) fn project_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Something to mend, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// From 1; 0 where no line is meant.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{}: {}", self.path, line, self.message),
        }
    }
}
