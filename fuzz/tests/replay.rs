//! Every file of every corpus, through its target.
#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use tandem_fuzz::TARGETS;

/// The longest file of a corpus: what a bug needs is seldom longer.
const MAX_FILE: usize = 8192;

/// The most files of a corpus: it is replayed with every test.
const MAX_FILES: usize = 400;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_corpus_holds() {
    for (name, target) in TARGETS {
        let files = files(&corpora().join(name));
        assert!((1..=MAX_FILES).contains(&files.len()), "{name}: {} files", files.len());
        for file in files {
            let bytes = fs::read(&file).unwrap();
            assert!(bytes.len() <= MAX_FILE, "{} is long", file.display());
            // What fails says why; this says for which file.
            println!("{}", file.display());
            target(&bytes);
        }
    }
}

#[test]
fn no_target_panics_for_less_than_a_file() {
    for (name, target) in TARGETS {
        target(&[]);
        for file in files(&corpora().join(name)).iter().take(20) {
            let bytes = fs::read(file).unwrap();
            (0..bytes.len()).step_by(bytes.len() / 50 + 1).for_each(|len| target(&bytes[..len]));
        }
    }
}

#[test]
fn every_corpus_has_a_target_and_every_target_a_corpus() {
    let folders: BTreeSet<String> = files(&corpora()).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(folders, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
}
