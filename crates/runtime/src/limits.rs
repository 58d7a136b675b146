//! What the system allows the process, and how much of its disk the process takes.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Dumps of failed calls in `[node] dump_dir`; the oldest is deleted for one more.
pub const MAX_DUMPS: usize = 100;

/// Raises the soft limit on open descriptors to the hard limit; says what it is then.
///
/// # Errors
/// The system's error where the limit can be neither read nor raised.
pub fn raise_descriptor_limit() -> std::io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}
