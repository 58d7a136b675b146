//! A terminal that is gone and a disk that is full end no command with a panic; and what a bad argument exits with.

use std::{
    fs::{self, File, OpenOptions},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/tandem.toml");

fn tandem(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// The end of a pipe that nobody reads.
fn broken() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn ended(output: &Output, status: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(status) && said.contains(words) && !said.contains("panicked"), "{:?}: {said}", output.status);
}

/// A file of this test's own.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn who_stops_reading_is_no_failure() {
    let dump = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/founded.dump");
    for arguments in [&["check", "--config", SAMPLE][..], &["replay", dump], &["--help"], &["--version"]] {
        ended(&tandem(arguments).stdout(broken()).stderr(Stdio::piped()).output().unwrap(), 0, "");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_one() {
    for arguments in [&["check", "--config", SAMPLE][..], &["--help"]] {
        ended(&tandem(arguments).stdout(full()).output().unwrap(), 1, "standard output cannot be written");
    }
}

#[test]
fn a_node_that_cannot_say_that_it_is_ready_does_not_run() {
    let config = file(
        "unheard.toml",
        "[[listen]]\nname = \"a\"\nbind = \"127.0.0.1:0\"\n[[media]]\nname = \"a\"\nbind = \"127.0.0.1\"\nports = \"42000-42099\"\n[calls]\nmax = 4\n",
    );
    let serve = ["serve", "--config", config.to_str().unwrap()];
    for out in [full().into(), broken()] {
        ended(&tandem(&serve).stdout(out).output().unwrap(), 1, "standard output cannot be written");
    }
}

#[test]
fn a_standard_error_that_fails_changes_nothing() {
    for arguments in [&["check", "--config", "/nowhere.toml"][..], &["replay", "/nowhere.dump"], &["--nonsense"]] {
        for stderr in [full().into(), broken()] {
            assert_eq!(tandem(arguments).stderr(stderr).output().unwrap().status.code(), Some(2), "{arguments:?}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_or_not_right_is_bad_usage() {
    let nonsense = file("nonsense.dump", "a recipe for soup\n");
    for arguments in [&["check", "--config", "/nowhere.toml"][..], &["replay", "/nowhere.dump"], &["replay", nonsense.to_str().unwrap()]] {
        ended(&tandem(arguments).output().unwrap(), 2, arguments.last().unwrap());
    }
}
