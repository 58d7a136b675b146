use super::*;
use std::{
    sync::mpsc::{Sender, channel},
    time::SystemTime,
};

/// A folder of this test alone, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("tandem-prompts-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("prompts/de")).unwrap();
        Folder(path)
    }

    fn store(&self) -> PromptStore {
        PromptStore::new(&self.0.join("prompts"))
    }

    fn write(&self, name: &str, rate_hz: u32, samples: usize) {
        let sound = vec![1; samples * 2];
        let bytes = [&wav::header(rate_hz, 1, sound.len() as u32)[..], &sound].concat();
        fs::write(self.0.join(name), bytes).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_prompt_is_read_and_kept_until_its_file_changes() {
    let folder = Folder::new("kept");
    folder.write("prompts/de/a.wav", 8_000, 100);
    let store = folder.store();
    let first = store.read("de/a.wav").unwrap();
    assert_eq!((first.rate_hz(), first.samples().len()), (8_000, 100));
    assert_eq!(store.read("de/a.wav").unwrap().samples().as_ptr(), first.samples().as_ptr(), "it is shared");
    folder.write("prompts/de/a.wav", 8_000, 200);
    assert_eq!(store.read("de/a.wav").unwrap().samples().len(), 200, "another length");
    let file = File::options().write(true).open(folder.0.join("prompts/de/a.wav")).unwrap();
    let before = store.read("de/a.wav").unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
    assert_ne!(store.read("de/a.wav").unwrap().samples().as_ptr(), before.samples().as_ptr(), "another time");
}

#[test]
fn another_rate_becomes_one_that_codecs_have() {
    let folder = Folder::new("rates");
    folder.write("prompts/cd.wav", 44_100, 44_100);
    folder.write("prompts/old.wav", 11_025, 11_025);
    let of = |name| folder.store().read(name).map(|clip| (clip.rate_hz(), clip.samples().len())).unwrap();
    let (cd, old) = (of("cd.wav"), of("old.wav"));
    assert!(cd.0 == 48_000 && (48_000..48_030).contains(&cd.1), "{cd:?}");
    assert!(old.0 == 16_000 && (16_000..16_030).contains(&old.1), "{old:?}");
}

#[test]
fn what_lies_elsewhere_is_not_read() {
    let folder = Folder::new("elsewhere");
    folder.write("secret.wav", 8_000, 10);
    folder.write("prompts/own.wav", 8_000, 10);
    std::os::unix::fs::symlink("../secret.wav", folder.0.join("prompts/link.wav")).unwrap();
    std::os::unix::fs::symlink("own.wav", folder.0.join("prompts/inside.wav")).unwrap();
    std::os::unix::fs::symlink("..", folder.0.join("prompts/up")).unwrap();
    let store = folder.store();
    let absolute = folder.0.join("secret.wav").display().to_string();
    for name in ["../secret.wav", "de/../../secret.wav", "link.wav", "up/secret.wav", "./own.wav", "", "/etc/passwd", &absolute] {
        let read = store.read(name);
        assert!(matches!(read, Err(PromptError::Outside(_))), "{name}: {read:?}");
    }
    assert!(store.read("inside.wav").is_ok());
}

#[test]
fn what_cannot_be_played_says_why() {
    let folder = Folder::new("why");
    fs::write(folder.0.join("prompts/text.wav"), "no sound").unwrap();
    let store = folder.store();
    assert!(matches!(store.read("none.wav"), Err(PromptError::Missing(_))));
    assert!(matches!(store.read("none/at.wav"), Err(PromptError::Missing(_))));
    assert!(matches!(store.read("text.wav/a.wav"), Err(PromptError::Missing(_))));
    assert!(matches!(store.read("de"), Err(PromptError::NoFile)));
    assert!(matches!(store.read("text.wav"), Err(PromptError::Wav(WavError::NoWav))));
    assert!(matches!(PromptStore::new(Path::new("/nowhere/at/all")).read("a.wav"), Err(PromptError::Missing(_))));
    File::create(folder.0.join("prompts/long.wav")).unwrap().set_len(MAX_FILE + 1).unwrap();
    assert!(matches!(store.read("long.wav"), Err(PromptError::Long)));
}

fn wanted(file: &str) -> Wanted {
    Wanted { call: CallId::new(1, 1), file: file.into(), instead: None }
}

type Told = Result<usize, PlayFailure>;

/// Somebody who is told how many samples a prompt has.
fn telling(tell: Sender<Told>) -> impl Fn(Result<Clip, PlayFailure>) + Clone + Send + 'static {
    move |read| tell.send(read.map(|clip| clip.samples().len())).unwrap()
}

#[test]
fn whoever_asks_is_told_from_elsewhere() {
    let folder = Folder::new("told");
    folder.write("prompts/a.wav", 8_000, 100);
    let (background, thread) = crate::background::start().unwrap();
    let reader = PromptReader::new(folder.store().into(), background);
    let (tell, told) = channel();
    ["a.wav", "b.wav"].iter().for_each(|name| reader.read(wanted(name), telling(tell.clone())));
    let mut heard = [told.recv().unwrap(), told.recv().unwrap()];
    heard.sort_by_key(Result::is_err);
    assert_eq!(heard, [Ok(100), Err(PlayFailure::Missing)]);
    drop(thread);
}

#[test]
fn the_warning_names_the_file_and_what_is_heard_instead() {
    let said = |wanted: &Wanted| {
        let text = crate::log::written(crate::log::LogFormat::Json, || wanted.warn("is gone"));
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let line = said(&Wanted { instead: Some(Country::default()), ..wanted("a.wav") });
    assert_eq!((&line["level"], &line["file"], &line["instead"]), (&"WARN".into(), &"a.wav".into(), &"ringing:us".into()));
    assert!(said(&wanted("a.wav")).get("instead").is_none());
}

#[test]
fn whoever_asks_is_told_though_the_reading_panics() {
    let (background, thread) = crate::background::start().unwrap();
    let reader = PromptReader::new(Folder::new("panics").store().into(), background);
    let (tell, told) = channel();
    reader.read_by(|_, _| panic!("this panic is part of the test"), wanted("a.wav"), telling(tell));
    assert_eq!(told.recv(), Ok(Err(PlayFailure::Unreadable)));
    drop(thread);
}

#[test]
fn whoever_asks_is_told_though_the_reading_never_ends() {
    let (background, thread) = crate::background::start().unwrap();
    let mut reader = PromptReader::new(Folder::new("hangs").store().into(), background);
    reader.patience = Duration::ZERO;
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (tell, told) = channel();
    let hang = move |_: &PromptStore, _: &str| {
        held.recv().unwrap_err();
        Err(PromptError::NoFile)
    };
    reader.read_by(hang, wanted("a.wav"), telling(tell));
    assert_eq!(told.recv(), Ok(Err(PlayFailure::Unreadable)));
    drop(release);
    drop(thread);
}
