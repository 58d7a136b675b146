//! The files of the journal, and how far it has been read.

use super::checksum::checksum;
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// What a segment begins with; the digit is the version of its format.
pub(super) const HEADER: [u8; 8] = *b"TANDEMJ1";

const POSITION_FILE: &str = "position";
const REFUSED_FILE: &str = "refused.jsonl";
const SUFFIX: &str = ".journal";

/// A place in the journal: bytes from the beginning of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

impl Position {
    pub(super) fn start_of(segment: u64) -> Position {
        Position { segment, offset: HEADER.len() as u64 }
    }
}

/// The folder that the journal has for itself.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes it if it is not there.
    pub(super) fn open(path: &Path) -> io::Result<Folder> {
        fs::create_dir_all(path)?;
        Ok(Folder(path.to_owned()))
    }

    /// Ours for as long as the file lives: two writers would write over each other.
    pub(super) fn lock(&self) -> io::Result<File> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.0.join("lock"))?;
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::Error(error) => error,
            fs::TryLockError::WouldBlock => io::Error::new(io::ErrorKind::ResourceBusy, "another process has this journal"),
        })?;
        Ok(file)
    }

    pub(super) fn path(&self, segment: u64) -> PathBuf {
        self.0.join(format!("{segment:012}{SUFFIX}"))
    }

    /// The segments that are there, with their sizes.
    pub(super) fn segments(&self) -> io::Result<BTreeMap<u64, u64>> {
        let mut segments = BTreeMap::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let number = entry.file_name().to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok());
            if let Some(number) = number {
                segments.insert(number, entry.metadata()?.len());
            }
        }
        Ok(segments)
    }

    /// A new segment, with its header, that will be found after a crash.
    pub(super) fn create(&self, segment: u64) -> io::Result<File> {
        let path = self.path(segment);
        let made = File::create_new(&path).and_then(|mut file| {
            file.write_all(&HEADER)?;
            file.sync_data()?;
            File::open(&self.0)?.sync_all()?;
            Ok(file)
        });
        if made.is_err() {
            // A header without room for anything behind it is in the way of the next attempt.
            let _ = fs::remove_file(path);
        }
        made
    }

    /// What a segment has between two offsets, or up to its end.
    pub(super) fn read(&self, from: Position, to: Option<u64>) -> io::Result<Vec<u8>> {
        let mut file = match File::open(self.path(from.segment)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        file.seek(SeekFrom::Start(from.offset))?;
        let mut bytes = Vec::new();
        let most = to.map_or(u64::MAX, |to| to.saturating_sub(from.offset));
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn cut(&self, segment: u64, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(segment))?.set_len(length)
    }

    pub(super) fn delete(&self, segment: u64) -> io::Result<()> {
        match fs::remove_file(self.path(segment)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// How far everything is in the database. Nothing, or too little, may be known: what is written twice is kept once.
    pub(super) fn position(&self) -> Option<Position> {
        let bytes: [u8; 20] = fs::read(self.0.join(POSITION_FILE)).ok()?.try_into().ok()?;
        let (segment, rest) = bytes.split_first_chunk::<8>()?;
        let (offset, sum) = rest.split_first_chunk::<8>()?;
        (checksum(&[segment, offset]).to_le_bytes() == *sum)
            .then(|| Position { segment: u64::from_le_bytes(*segment), offset: u64::from_le_bytes(*offset) })
    }

    pub(super) fn set_position(&self, position: Position) -> io::Result<()> {
        let (segment, offset) = (position.segment.to_le_bytes(), position.offset.to_le_bytes());
        let sum = checksum(&[&segment, &offset]).to_le_bytes();
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.0.join(POSITION_FILE))?;
        file.write_all_at(&[&segment[..], &offset, &sum].concat(), 0)
    }

    /// Adds what no database takes to a file for people: a line of JSON each.
    pub(crate) fn refuse(&self, line: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.0.join(REFUSED_FILE))?;
        file.write_all(&[line, b"\n"].concat())
    }
}
