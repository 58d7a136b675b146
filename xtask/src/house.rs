//! Who may know whom. ARCHITECTURE.md says why; a change here is a change of the plan and is reviewed as one.

/// What a crate of the project may use.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) name: &'static str,
    /// Its directory from the root.
    pub(crate) path: &'static str,
    /// Free of time, sockets, files, threads, locks and randomness.
    pub(crate) pure: bool,
    /// The crates of the project that it may depend on.
    pub(crate) house: &'static [&'static str],
    /// The crates from outside that it may depend on. Checked for pure crates only: the shell chooses for itself, under
    /// the eye of review.
    pub(crate) outside: &'static [&'static str],
}

const fn pure(name: &'static str, path: &'static str, house: &'static [&'static str], outside: &'static [&'static str]) -> Room {
    Room { name, path, pure: true, house, outside }
}

const fn shell(name: &'static str, path: &'static str, house: &'static [&'static str]) -> Room {
    Room { name, path, pure: false, house, outside: &[] }
}

/// Every crate of the workspace. One that is not here does not pass.
pub(crate) const ROOMS: [Room; 15] = [
    pure("tandem-model", "crates/model", &[], &["serde"]),
    pure("tandem-config", "crates/config", &["tandem-model"], &["regex", "serde", "thiserror", "toml"]),
    pure(
        "tandem-signalling",
        "crates/signalling",
        &["tandem-model"],
        &["bytes", "bytestring", "md-5", "memchr", "sha2", "siphasher", "subtle", "thiserror"],
    ),
    pure("tandem-media", "crates/media", &["tandem-model", "tandem-sound"], &["thiserror"]),
    pure("tandem-sound", "crates/sound", &["tandem-model"], &["opus", "thiserror"]),
    pure("tandem-policy", "crates/policy", &["tandem-model", "tandem-config"], &["regex", "regex-automata", "thiserror"]),
    pure("tandem-phone", "crates/phone", &["tandem-model"], &["bytes", "md-5", "sha2"]),
    shell(
        "tandem-runtime",
        "crates/runtime",
        &["tandem-model", "tandem-signalling", "tandem-media", "tandem-policy", "tandem-config", "tandem-sound"],
    ),
    shell("tandem-hooks", "crates/hooks", &[]),
    shell(
        "tandem-sim",
        "crates/sim",
        &["tandem-model", "tandem-signalling", "tandem-media", "tandem-policy", "tandem-config", "tandem-phone"],
    ),
    shell("tandem-store", "crates/store", &["tandem-model"]),
    shell(
        "tandem-api",
        "crates/api",
        &["tandem-model", "tandem-config", "tandem-policy", "tandem-runtime", "tandem-hooks", "tandem-phone"],
    ),
    shell(
        "tandem",
        "crates/tandem",
        &["tandem-model", "tandem-config", "tandem-policy", "tandem-runtime", "tandem-hooks", "tandem-phone", "tandem-api", "tandem-store"],
    ),
    shell("tandem-fuzz", "fuzz", &["tandem-model", "tandem-signalling", "tandem-media", "tandem-phone"]),
    shell("xtask", "xtask", &[]),
];

/// What the tests of a pure crate may use besides; the simulator is a crate of the house.
pub(crate) const TEST_TOOLS: [&str; 4] = ["insta", "proptest", "serde_json", "bytes"];

/// Crates that may not be reached from a pure crate, however far down.
pub(crate) const NEVER_BELOW_PURE: [&str; 10] =
    ["tokio", "mio", "socket2", "getrandom", "rand", "rand_core", "async-std", "smol", "futures-executor", "libc"];

/// Crates below which is not looked. cpufeatures asks the processor what it can do, which on some needs libc, and does nothing else.
pub(crate) const CLOSED_BELOW: [&str; 1] = ["cpufeatures"];

/// Identifiers that have no business in the production code of a pure crate, and why. clippy.toml bans the calls; this
/// also sees through imports, macros and conditional code that clippy did not compile.
pub(crate) const IMPURE_WORDS: [(&str, &str); 27] = [
    ("tokio", "the shell owns tasks"),
    ("mio", "the shell owns sockets"),
    ("socket2", "the shell owns sockets"),
    ("async", "a machine is a value: it is handed inputs and polled for outputs"),
    ("await", "a machine is a value: it is handed inputs and polled for outputs"),
    ("spawn", "the shell owns tasks and threads"),
    ("thread_local", "state has one owner"),
    ("UdpSocket", "the shell owns sockets"),
    ("TcpStream", "the shell owns sockets"),
    ("TcpListener", "the shell owns sockets"),
    ("UnixStream", "the shell owns sockets"),
    ("Instant", "time is an input: take a `Timestamp`"),
    ("SystemTime", "time is an input"),
    ("sleep", "ask to be woken with `poll_timeout`"),
    ("Mutex", "a machine has one owner"),
    ("RwLock", "a machine has one owner"),
    ("Condvar", "a machine has one owner"),
    ("OnceLock", "no global state"),
    ("LazyLock", "no global state"),
    ("RandomState", "randomness is a seed given at construction"),
    ("getrandom", "randomness is a seed given at construction"),
    ("thread_rng", "randomness is a seed given at construction"),
    ("File", "the shell owns files"),
    ("println", "emit an event; the shell logs it"),
    ("eprintln", "emit an event; the shell logs it"),
    ("unsafe", "not needed to move values"),
    ("extern", "not needed to move values"),
];

/// Modules of the standard library whose use as `std::name` is a sign of the same.
pub(crate) const IMPURE_MODULES: [&str; 6] = ["std::thread", "std::fs", "std::env", "std::process", "std::os", "std::sync::mpsc"];
