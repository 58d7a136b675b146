//! The journal alone: what is written, by whom ever it was interrupted, is read.

use super::*;
use crate::{Bounds, CallRow, health::Tally};
use std::{
    env, fs,
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder that goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        Scratch(env::temp_dir().join(format!("tandem-journal-{}-{}", process::id(), FOLDERS.fetch_add(1, Relaxed))))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn bounds() -> Bounds {
    Bounds { in_memory: 10_000, segment_bytes: 2_000, journal_bytes: 20_000, sync_every: Duration::ZERO, ..Bounds::default() }
}

/// A journal that is being written.
struct Bench {
    queue: SyncSender<Item>,
    thread: JoinHandle<()>,
    tally: Arc<Tally>,
    reader: Reader,
    leftover: open::Leftover,
    end: Position,
}

impl Bench {
    fn open(scratch: &Scratch) -> Bench {
        Bench::bounded(scratch, bounds())
    }

    fn bounded(scratch: &Scratch, bounds: Bounds) -> Bench {
        let journal = Journal::open(&scratch.0).unwrap();
        let (tally, leftover) = (Arc::new(Tally::default()), journal.leftover);
        let reader = Reader::new(journal.folder.clone(), Arc::clone(&journal.marks));
        let (queue, items) = sync_channel(bounds.in_memory);
        let writer = Writer::new(items, journal, Arc::clone(&tally), bounds);
        Bench { queue, thread: thread::spawn(move || writer.run()), tally, reader, leftover, end: Position::default() }
    }

    fn push(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let row = CallRow { call: format!("call_{number}").into(), ..CallRow::default() };
            self.queue.send(Item::Record(i64::from(number), Box::new(row))).unwrap();
        }
    }

    fn settled(&self, records: u64) {
        let mut settled = self.tally.settled();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(settled.wait_for(|settled| *settled >= records)).unwrap();
    }

    /// All that can be read, without telling that the database has it.
    fn read(&mut self) -> (Vec<String>, u64) {
        let (mut names, mut damaged) = (Vec::new(), 0);
        loop {
            let batch = self.reader.read(7).unwrap();
            damaged += batch.damaged;
            self.end = batch.end;
            if batch.records.is_empty() {
                return (names, damaged);
            }
            names.extend(batch.records.iter().map(|(_, record)| serde_json::from_slice::<CallRow>(record).unwrap().call.to_string()));
        }
    }

    /// The database has all that was read.
    fn commit(&mut self, records: u64) {
        self.reader.marks.commit(&self.reader.folder, self.end, records).unwrap();
    }

    fn end(self) {
        self.reader.marks.end();
        let _ = self.queue.try_send(Item::Wake);
        self.thread.join().unwrap();
    }

    fn files(&self) -> usize {
        self.reader.folder.segments().unwrap().len()
    }
}

fn names(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("call_{number}")).collect()
}

#[test]
fn what_was_written_is_read_by_the_next_process_until_the_database_has_it() {
    let scratch = Scratch::new();
    let bench = Bench::open(&scratch);
    bench.push(0..50);
    bench.end();
    let mut bench = Bench::open(&scratch);
    assert_eq!((bench.leftover, bench.reader.marks.state().waiting), (open::Leftover { records: 50, torn: 0 }, 50));
    bench.push(50..60);
    bench.settled(10);
    assert!(bench.files() > 3);
    assert_eq!(bench.read(), (names(0..60), 0));
    bench.commit(60);
    assert_eq!((bench.files(), bench.reader.marks.state().waiting), (1, 0));
    bench.end();
    let mut bench = Bench::open(&scratch);
    assert_eq!((bench.read(), bench.leftover), ((Vec::new(), 0), open::Leftover::default()));
    bench.push(60..61);
    bench.settled(1);
    assert_eq!(bench.read(), (names(60..61), 0));
    bench.end();
}

#[test]
fn a_file_that_ends_anywhere_has_the_records_that_are_whole() {
    let scratch = Scratch::new();
    let bench = Bench::open(&scratch);
    bench.push(0..4);
    bench.settled(4);
    let path = scratch.0.join("000000000001.journal");
    bench.end();
    let whole = fs::read(&path).unwrap();
    let length = (whole.len() - 8) / 4;
    for cut in (0..=whole.len()).step_by(7) {
        let scratch = Scratch::new();
        fs::create_dir_all(&scratch.0).unwrap();
        fs::write(scratch.0.join("000000000001.journal"), &whole[..cut]).unwrap();
        let mut bench = Bench::open(&scratch);
        let left = cut.saturating_sub(8) / length;
        assert_eq!(bench.leftover, open::Leftover { records: left as u64, torn: (cut.saturating_sub(8) % length) as u64 }, "cut at {cut}");
        bench.push(9..10);
        bench.settled(1);
        assert_eq!(bench.read(), ([names(0..left as u32), names(9..10)].concat(), 0), "cut at {cut}");
        bench.end();
    }
}

#[test]
fn damage_is_left_out_and_told() {
    let scratch = Scratch::new();
    let bench = Bench::open(&scratch);
    bench.push(0..5);
    bench.end();
    let path = scratch.0.join("000000000001.journal");
    let mut bytes = fs::read(&path).unwrap();
    let length = (bytes.len() - 8) / 5;
    bytes[8 + 2 * length + 30] ^= 0x40;
    fs::write(&path, bytes).unwrap();
    let mut bench = Bench::open(&scratch);
    assert_eq!(bench.leftover.records, 4);
    let expected: Vec<String> = names(0..5).into_iter().filter(|name| name != "call_2").collect();
    assert_eq!(bench.read(), (expected, length as u64));
    bench.end();
}

#[test]
fn a_position_that_cannot_be_read_costs_reading_again() {
    let scratch = Scratch::new();
    let mut bench = Bench::open(&scratch);
    bench.push(0..5);
    bench.settled(5);
    assert_eq!(bench.read().0.len(), 5);
    bench.commit(5);
    bench.end();
    for damaged in [&b""[..], b"nothing that anybody wrote"] {
        fs::write(scratch.0.join("position"), damaged).unwrap();
        let mut bench = Bench::open(&scratch);
        assert_eq!(bench.read(), (names(0..5), 0));
        bench.end();
    }
    // One from before, of a file that has gone.
    Folder::open(&scratch.0).unwrap().set_position(Position { segment: 0, offset: 77 }).unwrap();
    let mut bench = Bench::open(&scratch);
    assert_eq!(bench.read(), (names(0..5), 0));
    bench.end();
}

#[test]
fn at_its_bound_the_journal_takes_no_more_until_there_is_room() {
    let scratch = Scratch::new();
    let mut bench = Bench::bounded(&scratch, Bounds { in_memory: 1_000, ..bounds() });
    bench.push(0..500);
    // Some 60 of them have room; nobody knows when the thread has found out.
    let mut read = Vec::new();
    while read.len() < 500 {
        assert!(bench.reader.marks.state().bytes() <= 20_000);
        let (names, damaged) = bench.read();
        assert_eq!(damaged, 0);
        bench.commit(names.len() as u64);
        read.extend(names);
    }
    assert_eq!((read, bench.tally.lost()), (names(0..500), 0));
    bench.end();
}

#[test]
fn when_no_more_may_wait_and_the_journal_takes_none_the_end_counts_what_is_lost() {
    let scratch = Scratch::new();
    let Bench { queue, thread, tally, reader, .. } = Bench::bounded(&scratch, Bounds { in_memory: 1_000, ..bounds() });
    for number in 0..500 {
        queue.send(Item::Record(number, Box::default())).unwrap();
    }
    reader.marks.end();
    thread.join().unwrap();
    let kept = reader.marks.state().waiting;
    assert_eq!(kept + tally.lost(), 500);
    assert!(kept > 10 && tally.lost() > 10);
}

#[test]
fn a_folder_has_one_process() {
    let scratch = Scratch::new();
    let bench = Bench::open(&scratch);
    assert_eq!(Journal::open(&scratch.0).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    bench.end();
    Bench::open(&scratch).end();
}

#[test]
fn a_journal_of_a_newer_version_is_left_alone() {
    let scratch = Scratch::new();
    fs::create_dir_all(&scratch.0).unwrap();
    fs::write(scratch.0.join("000000000001.journal"), b"TANDEMJ2 and what that means").unwrap();
    assert_eq!(Journal::open(&scratch.0).unwrap_err().kind(), io::ErrorKind::InvalidData);
}
