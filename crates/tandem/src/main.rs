//! The tandem program: reads the configuration, wires everything, decides nothing.

mod certificates;
mod check;
mod cli;
mod configuration;
mod consult;
mod demo;
mod kept;
mod records;
mod reload;
mod replay;
mod serve;
mod signals;
mod trace;
mod webhook;

use anyhow::Context;
use cli::Command;
use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

/// Ended as asked.
const OK: u8 = 0;
/// Something failed that is neither the usage's nor the configuration's fault.
const FAILED: u8 = 1;
/// Bad usage, or a configuration or a dump that cannot be read or is wrong.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let command = match cli::read() {
        Ok(command) => command,
        // Help and version come this way too.
        Err(usage) if usage.use_stderr() => {
            tell(usage.render().to_string().trim_end());
            return ExitCode::from(BAD_INPUT);
        }
        Err(help) => return ExitCode::from(answer(help.render().to_string().trim_end()).map_or_else(failed, |()| OK)),
    };
    let ended = match &command {
        Command::Serve(options) => serve::serve(options),
        Command::Check(options) => check::check(options),
        Command::Replay(options) => replay::replay(options),
        Command::Trace(options) => trace::trace(options),
    };
    ExitCode::from(ended.unwrap_or_else(failed))
}

fn failed(error: anyhow::Error) -> u8 {
    tell(format_args!("tandem: {error:#}"));
    FAILED
}

/// A line for a person, on standard error.
fn tell(line: impl Display) {
    // There is nowhere left to complain.
    let _ = writeln!(io::stderr(), "{line}");
}

/// A line that nobody waits for, on standard output.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A line that was asked for, on standard output. A reader that has read enough and left is no failure.
///
/// # Errors
/// Any other reason why it cannot be written: a full disk.
fn answer(line: impl Display) -> anyhow::Result<()> {
    match announce(line) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context(UNWRITABLE),
    }
}

/// A line that somebody waits for, on standard output.
///
/// # Errors
/// It cannot be written, or nobody is there to read it.
fn announce(line: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// What is said of it.
const UNWRITABLE: &str = "standard output cannot be written";
