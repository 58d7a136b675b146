//! `tandem check` reads the prompts that routes name, and says where what cannot be played is named.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// One sample of silence at 8 kHz: RIFF, `fmt ` of 16-bit PCM, `data`.
const SILENCE: &[u8] = b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x02\0\0\0\0\0";

/// A folder of this test's own with two files for prompts, of which one is none.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(folder.join("prompts/de")).unwrap();
    fs::write(folder.join("prompts/de/good.wav"), SILENCE).unwrap();
    fs::write(folder.join("prompts/text.wav"), "no sound").unwrap();
    folder
}

/// What `tandem check` says of a configuration with those routes, the first in line 12, and what it exits with.
fn checked(folder: &Path, routes: &str) -> (Option<i32>, String) {
    let head = "[files]\nprompts = '";
    let rest = "'\n[[listen]]\nname = 'inside'\nbind = '127.0.0.1:5060'\n[[media]]\nname = 'inside'\nbind = '127.0.0.1'\nports = '20000-20199'\n\n";
    let config = folder.join("edge.toml");
    fs::write(&config, format!("{head}{}{rest}\n{routes}", folder.join("prompts").display())).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    let output = command.args(["check", "--config"]).arg(&config).stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn prompts_that_can_be_played_are_good() {
    let folder = folder("prompts-good");
    let routes = "[[route]]\nname = 'a'\nto = '^1$'\ndo = { answer = 'de/good.wav' }\n[[route]]\nname = 'b'\ndo = { reject = 404, announce = 'de/good.wav' }\n";
    assert_eq!(checked(&folder, routes), (Some(0), String::new()));
}

#[test]
fn each_that_cannot_be_played_is_told_with_its_place() {
    let folder = folder("prompts-bad");
    let routes = "\
[[route]]
name = 'a'
to = '^1$'
do = { answer = 'gone.wav', announce = 'text.wav' }
[[route]]
name = 'b'
do = { reject = 404, announce = 'de/gone.wav' }
";
    let (status, said) = checked(&folder, routes);
    assert_eq!(status, Some(2), "{said}");
    let lines = |place: &str, words: &str| said.lines().filter(|line| line.contains(place) && line.contains(words)).count();
    assert_eq!(lines("edge.toml:15", "the prompt `gone.wav` of [[route]] a: there is no such file"), 1, "{said}");
    assert_eq!(lines("edge.toml:15", "the prompt `text.wav` of [[route]] a"), 1, "{said}");
    assert_eq!(lines("edge.toml:18", "the prompt `de/gone.wav` of [[route]] b"), 1, "{said}");
}
