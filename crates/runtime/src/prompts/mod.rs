//! Prompts: WAV files of one folder, read when somebody is to hear them.
//!
//! Reading blocks, so it is done in the background. What was read is kept as samples that all who play it share, up to a bound; whether the
//! file is still the same is looked at each time.

mod cache;

use crate::{background::Background, log::Escaped};
use cache::{Cache, Stamp};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tandem_media::Clip;
use tandem_model::{CallId, Country, PlayFailure};
use tandem_sound::wav::{self, WavError};

/// The longest file, in bytes: more than ten minutes in any form that telephones carry.
pub const MAX_FILE: u64 = 64 << 20;

/// Samples that are kept, in bytes; who was not heard for longest goes first.
const MAX_KEPT: usize = 128 << 20;

/// Reading may take so long; a call that waits for it gives up by itself a while later.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a prompt is not played.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// It would lie elsewhere.
    #[error("it lies outside of the folder for prompts, `{0}`")]
    Outside(String),
    /// There is no such file.
    #[error("there is no such file in `{0}`")]
    Missing(String),
    /// The system does not let it be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is no file, but a folder or the like.
    #[error("is no file")]
    NoFile,
    /// It is too long.
    #[error("is longer than {MAX_FILE} bytes")]
    Long,
    /// Whoever read it panicked.
    #[error("the reading of it failed inside")]
    Panicked,
    /// Nothing came of it in time.
    #[error("was not read within {} seconds", READ_TIMEOUT.as_secs())]
    Slow,
    /// It is none that can be played.
    #[error("{0}")]
    Wav(#[from] WavError),
}

impl PromptError {
    /// As calls are told.
    fn failure(&self) -> PlayFailure {
        match self {
            PromptError::Missing(_) | PromptError::Outside(_) => PlayFailure::Missing,
            _ => PlayFailure::Unreadable,
        }
    }
}

/// The folder, and what was read of it.
#[derive(Debug)]
pub struct PromptStore {
    folder: PathBuf,
    cache: Mutex<Cache>,
}

impl PromptStore {
    /// Of that folder, which need not be there as long as nothing is asked for.
    pub fn new(folder: &Path) -> PromptStore {
        PromptStore { folder: folder.into(), cache: Mutex::new(Cache::new(MAX_KEPT)) }
    }

    /// The prompt of that name. Blocks on the file.
    ///
    /// # Errors
    /// Why it cannot be played.
    pub fn read(&self, name: &str) -> Result<Clip, PromptError> {
        let path = self.path(name)?;
        let mut file = File::open(&path).map_err(|error| self.missing(error))?;
        let about = file.metadata().map_err(PromptError::Unreadable)?;
        if !about.is_file() {
            return Err(PromptError::NoFile);
        }
        if about.len() > MAX_FILE {
            return Err(PromptError::Long);
        }
        let stamp = Stamp { modified: about.modified().ok(), length: about.len() };
        if let Some(clip) = self.cache().find(name, stamp) {
            return Ok(clip);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
        file.by_ref().take(MAX_FILE).read_to_end(&mut bytes).map_err(PromptError::Unreadable)?;
        let clip = Clip::of(&wav::read(&bytes)?);
        self.cache().keep(name, stamp, &clip);
        Ok(clip)
    }

    /// Where it lies, if that is in the folder, links followed.
    fn path(&self, name: &str) -> Result<PathBuf, PromptError> {
        let outside = || PromptError::Outside(self.folder.display().to_string());
        let name = Path::new(name);
        if name.components().any(|part| !matches!(part, Component::Normal(_))) || name.as_os_str().is_empty() {
            return Err(outside());
        }
        let folder = fs::canonicalize(&self.folder).map_err(|error| self.missing(error))?;
        let path = fs::canonicalize(folder.join(name)).map_err(|error| self.missing(error))?;
        if path.starts_with(&folder) { Ok(path) } else { Err(outside()) }
    }

    fn missing(&self, error: io::Error) -> PromptError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => PromptError::Missing(self.folder.display().to_string()),
            _ => PromptError::Unreadable(error),
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // It is whole whatever its last user did.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who wants a prompt, and what for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) call: CallId,
    /// Its name in the folder.
    pub(crate) file: Box<str>,
    /// Whose ringing tone is heard in its place, should it not be read.
    pub(crate) instead: Option<Country>,
}

impl Wanted {
    fn warn(&self, reason: &str) {
        let instead = self.instead.map(|country| tracing::field::display(format!("ringing:{country}")));
        tracing::warn!(call = %self.call, file = %Escaped(&self.file), reason = %Escaped(reason), instead, "a prompt is not played");
    }
}

/// Reads prompts for calls.
#[derive(Clone, Debug)]
pub(crate) struct PromptReader {
    store: Arc<PromptStore>,
    background: Background,
    patience: Duration,
}

impl PromptReader {
    pub(crate) fn new(store: Arc<PromptStore>, background: Background) -> PromptReader {
        PromptReader { store, background, patience: READ_TIMEOUT }
    }

    /// Reads that prompt in the background; `done` is called there with it, or at once where as much is in hand as may be. It is called
    /// whatever becomes of the reading.
    pub(crate) fn read(&self, wanted: Wanted, done: impl FnOnce(Result<Clip, PlayFailure>) + Send + 'static) {
        self.read_by(PromptStore::read, wanted, done);
    }

    fn read_by(
        &self,
        read: impl FnOnce(&PromptStore, &str) -> Result<Clip, PromptError> + Send + 'static,
        wanted: Wanted,
        done: impl FnOnce(Result<Clip, PlayFailure>) + Send + 'static,
    ) {
        let (store, file, patience) = (self.store.clone(), wanted.file.clone(), self.patience);
        let Some(reading) = self.background.run_blocking(move || read(&store, &file)) else {
            wanted.warn("too many files are being read");
            return done(Err(PlayFailure::Overloaded));
        };
        let told = self.background.run(async move {
            let read = match tokio::time::timeout(patience, reading).await {
                Ok(Ok(read)) => read,
                Ok(Err(_)) => Err(PromptError::Panicked),
                Err(_) => Err(PromptError::Slow),
            };
            if let Err(error) = &read {
                wanted.warn(&error.to_string());
            }
            done(read.map_err(|error| error.failure()));
        });
        drop(told);
    }
}

#[cfg(test)]
mod tests;
