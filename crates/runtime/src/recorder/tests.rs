//! Real files, in a folder of each test's own.

use super::*;
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::channel,
};
use tandem_model::MediaEvent;
use tandem_sound::wav;

/// Long enough for a machine that is busy; only a failing test waits for so long.
const LONG: Duration = Duration::from_secs(20);

const FORMAT: Format = Format { rate_hz: 8_000, channels: 1 };

/// Set in a process of a test's own, which plays its second part: where its recordings are.
const ELSEWHERE: &str = "TANDEM_TEST_RECORDINGS";

struct Bench {
    recorder: Recorder,
    thread: RecorderThread,
    events: Receiver<(CallId, MediaEvent)>,
    folder: PathBuf,
}

fn start_in(folder: PathBuf) -> Bench {
    let (sender, events) = channel();
    let (recorder, thread) = start(folder.clone(), Arc::new(move |call, event| drop(sender.send((call, event))))).unwrap();
    Bench { recorder, thread, events, folder }
}

fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("tandem-recordings-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn bench(name: &str) -> Bench {
    start_in(folder(name))
}

fn call(number: u16) -> CallId {
    CallId::new(1, number)
}

fn block(sample: i16) -> Vec<u8> {
    [sample; 4_000].iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

impl Bench {
    fn begin(&self, file: &str) -> Tape {
        self.recorder.begin(call(1), RecordingId(1), file.into(), FORMAT).unwrap()
    }

    /// The next recording that is told of: file, milliseconds, why it ended.
    fn told(&self) -> (String, u64, RecordingEnd) {
        match self.events.recv_timeout(LONG).unwrap() {
            (_, MediaEvent::Recorded { file, ms, end, .. }) => (file.into(), ms, end),
            other => panic!("{other:?}"),
        }
    }

    fn samples(&self, file: &str) -> Vec<i16> {
        wav::read(&fs::read(self.folder.join(file)).unwrap()).unwrap().samples.into_vec()
    }

    fn stop(self) {
        let Bench { recorder, thread, folder, .. } = self;
        drop(recorder);
        drop(thread);
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn a_recording_becomes_a_file_and_is_told_of() {
    let bench = bench("file");
    let mut tape = bench.begin("2026-11-22/one");
    (0..30).for_each(|n| {
        tape.write(&block(n)).unwrap();
        bench.recorder.wait().send(()).unwrap();
    });
    tape.write(&block(30)[..1_600]).unwrap();
    tape.end(RecordingEnd::Stopped);
    assert_eq!(bench.told(), ("2026-11-22/one.wav".into(), 15_100, RecordingEnd::Stopped));
    let samples = bench.samples("2026-11-22/one.wav");
    assert!(samples.len() == 120_800 && samples.iter().enumerate().all(|(n, sample)| *sample == (n / 4_000) as i16));
    let mode = |name: &str| fs::metadata(bench.folder.join(name)).unwrap().permissions().mode();
    assert_eq!((mode("2026-11-22/one.wav") & 0o137, mode("2026-11-22") & 0o027), (0, 0), "others read nothing");
    bench.stop();
}

#[test]
fn a_tape_that_is_dropped_ends_its_recording() {
    let bench = bench("dropped");
    let mut tape = bench.begin("one");
    tape.write(&block(1)).unwrap();
    drop(tape);
    assert_eq!(bench.told(), ("one.wav".into(), 500, RecordingEnd::LegGone));
    bench.stop();
}

#[test]
fn no_file_is_written_over() {
    let bench = bench("twice");
    fs::create_dir_all(&bench.folder).unwrap();
    fs::write(bench.folder.join("one.wav"), "precious").unwrap();
    symlink(bench.folder.join("elsewhere"), bench.folder.join("one-2.wav")).unwrap();
    for expected in ["one-3.wav", "one-4.wav"] {
        bench.begin("one.wav").end(RecordingEnd::Stopped);
        assert_eq!(bench.told(), (expected.into(), 0, RecordingEnd::Stopped));
        assert!(bench.samples(expected).is_empty());
    }
    assert_eq!(fs::read(bench.folder.join("one.wav")).unwrap(), b"precious");
    assert!(!bench.folder.join("elsewhere").exists());
    (5..=99).for_each(|number| fs::write(bench.folder.join(format!("one-{number}.wav")), "").unwrap());
    let _tape = bench.begin("one");
    assert_eq!(bench.told(), ("".into(), 0, RecordingEnd::Failed(RecordingFailure::Exists)));
    drop(_tape);
    bench.stop();
}

#[test]
fn what_may_not_be_or_cannot_be_is_told_and_takes_nothing() {
    let bench = bench("refused");
    fs::create_dir_all(&bench.folder).unwrap();
    fs::write(bench.folder.join("file"), "").unwrap();
    let mut tape = bench.begin("../one");
    assert_eq!(bench.told(), ("".into(), 0, RecordingEnd::Failed(RecordingFailure::Name)));
    assert_eq!(tape.write(&block(1)), Err(Over));
    let _below_a_file = bench.begin("file/one");
    let (file, 0, RecordingEnd::Failed(RecordingFailure::System(words))) = bench.told() else { panic!() };
    assert!(file.is_empty() && words.contains("os error"), "{words}");
    drop((tape, _below_a_file));
    bench.stop();
}

#[test]
fn a_slow_disk_ends_the_recording_and_keeps_nobody_waiting() {
    let bench = bench("slow");
    let (mut slow, mut other) = (bench.begin("slow"), bench.begin("other"));
    let disk = bench.recorder.wait();
    other.write(&block(7)).unwrap();
    (0..MAX_BLOCKS).for_each(|n| slow.write(&block(n as i16)).unwrap());
    assert_eq!(slow.write(&block(99)), Err(Over));
    drop((slow, disk));
    assert_eq!(bench.told(), ("slow.wav".into(), 10_000, RecordingEnd::Failed(RecordingFailure::Slow)));
    other.write(&block(8)).unwrap();
    other.end(RecordingEnd::Stopped);
    assert_eq!(bench.told(), ("other.wav".into(), 1_000, RecordingEnd::Stopped));
    assert_eq!(bench.recorder.totals.bytes.load(Relaxed), 0);
    bench.stop();
}

#[test]
fn all_recordings_together_take_no_more_memory_than_may() {
    let bench = bench("memory");
    let disk = bench.recorder.wait();
    let wide = Format { rate_hz: 48_000, channels: 2 };
    let mut tapes: Vec<Tape> =
        (0..40).map(|n| bench.recorder.begin(call(n), RecordingId(1), format!("{n}").into(), wide).unwrap()).collect();
    let block = vec![0; wide.block()];
    let written = tapes.iter_mut().map(|tape| (0..MAX_BLOCKS).take_while(|_| tape.write(&block).is_ok()).count()).sum::<usize>();
    assert_eq!(written, MAX_BYTES / wide.block());
    drop((tapes, disk));
    (0..40).for_each(|_| drop(bench.told()));
    assert_eq!(bench.recorder.totals.bytes.load(Relaxed), 0);
    bench.stop();
}

#[test]
fn no_more_recordings_run_than_may() {
    let bench = bench("many");
    let disk = bench.recorder.wait();
    let begin = |n: usize| bench.recorder.begin(call(n as u16), RecordingId(1), "/".into(), FORMAT);
    let tapes: Vec<Tape> = (0..MAX_TAPES).map(|n| begin(n).unwrap()).collect();
    assert_eq!(begin(0).unwrap_err(), RecordingEnd::Failed(RecordingFailure::TooMany));
    drop((tapes, disk));
    (0..MAX_TAPES).for_each(|_| drop(bench.told()));
    bench.recorder.wait().send(()).unwrap();
    assert_eq!(bench.recorder.totals.tapes.load(Relaxed), 0);
    let last = begin(0).unwrap();
    drop((bench.told(), last));
    // No folder came to be.
    drop((bench.recorder, bench.thread));
}

#[test]
fn files_are_finished_before_the_thread_is_gone() {
    let bench = bench("end");
    let mut tape = bench.begin("one");
    (0..MAX_BLOCKS).for_each(|n| tape.write(&block(n as i16)).unwrap());
    drop((tape, bench.recorder, bench.thread));
    let (_, event) = bench.events.try_recv().unwrap();
    assert!(matches!(event, MediaEvent::Recorded { ms: 10_000, end: RecordingEnd::LegGone, .. }), "{event:?}");
    fs::remove_dir_all(&bench.folder).unwrap();
}

/// Runs one of the tests below once more, in a process of its own with that folder.
fn run_elsewhere(test: &str, folder: &Path, through: &[&str]) -> Child {
    let me = env::current_exe().unwrap();
    let mut words = through.iter().copied().chain([me.to_str().unwrap()]);
    let test = format!("recorder::tests::{test}");
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--exact", &test, "--nocapture"]);
    command.env(ELSEWHERE, folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Its word, behind what the test harness says.
fn hear(child: &mut Child) -> Option<String> {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
    lines.filter_map(|line| Some(line.split_once("told: ")?.1.to_owned())).next()
}

#[test]
fn a_file_whose_process_is_killed_plays_up_to_its_last_block() {
    if let Some(folder) = env::var_os(ELSEWHERE) {
        return record_without_end(folder.into());
    }
    let folder = folder("killed");
    let mut child = run_elsewhere("a_file_whose_process_is_killed_plays_up_to_its_last_block", &folder, &[]);
    assert_eq!(hear(&mut child).as_deref(), Some("7 blocks"));
    child.kill().unwrap();
    child.wait().unwrap();
    let bytes = fs::read(folder.join("one.wav")).unwrap();
    let played = wav::read(&bytes).unwrap();
    assert!(played.samples.len() == 28_000 && played.samples.iter().enumerate().all(|(n, sample)| *sample == (n / 4_000) as i16));
    // Not only a reader that takes what there is finds all of it.
    assert_eq!(bytes[..wav::HEADER], wav::header(8_000, 1, 56_000));
    fs::remove_dir_all(&folder).unwrap();
}

fn record_without_end(folder: PathBuf) {
    let bench = start_in(folder);
    let mut tape = bench.begin("one");
    (0..7).for_each(|n| tape.write(&block(n)).unwrap());
    bench.recorder.wait().send(()).unwrap();
    println!("told: 7 blocks");
    // Until somebody ends this process.
    std::io::stdin().lines().for_each(drop);
}

#[test]
fn on_a_full_disk_the_recording_ends_and_plays() {
    if let Some(folder) = env::var_os(ELSEWHERE) {
        return fill_the_disk(folder.into());
    }
    let folder = folder("full");
    fs::create_dir_all(&folder).unwrap();
    let mount = format!("mount -t tmpfs -o size=64k none '{}' && exec \"$0\" \"$@\"", folder.display());
    let mut child = run_elsewhere(
        "on_a_full_disk_the_recording_ends_and_plays",
        &folder,
        &["unshare", "--mount", "--map-root-user", "sh", "-c", &mount],
    );
    let told = hear(&mut child);
    child.wait().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    match told.as_deref() {
        Some("full and whole") => {}
        // What a file does on a disk that is full, `wav_file` shows too.
        None => eprintln!("not shown: nothing may be mounted here"),
        Some(other) => panic!("{other}"),
    }
}

fn fill_the_disk(folder: PathBuf) {
    let bench = start_in(folder);
    let mut tape = bench.begin("one");
    let written = (0..100).take_while(|n| tape.write(&block(*n)).is_ok() && bench.recorder.wait().send(()).is_ok()).count();
    let (file, ms, end) = bench.told();
    let samples = bench.samples("one.wav");
    let is_whole = samples.len() as u64 / 8 == ms && samples.iter().enumerate().all(|(n, sample)| *sample == (n / 4_000) as i16);
    let is_full = (2_000..8_000).contains(&ms) && written < 10;
    drop(tape);
    let (mut second, mut none) = (bench.begin("two"), bench.begin("three"));
    let ends = [bench.told(), bench.told()];
    let is_refused = ends.iter().all(|(file, ms, end)| file.is_empty() && *ms == 0 && *end == RecordingEnd::DiskFull);
    let is_over = [second.write(&[0; 2]), none.write(&[0; 2])] == [Err(Over); 2];
    let is_tidy = !bench.folder.join("two.wav").exists();
    let is_good = file == "one.wav" && end == RecordingEnd::DiskFull && is_whole && is_full && is_refused && is_over && is_tidy;
    let word = if is_good { "full and whole".into() } else { format!("{file} {ms} {end:?} {} {written} {ends:?}", samples.len()) };
    println!("told: {word}");
    std::io::stdout().flush().unwrap();
}
