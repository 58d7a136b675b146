//! The tandem program: reads the configuration, wires everything, decides nothing.

mod check;
mod cli;
mod configuration;
mod demo;
mod replay;
mod serve;
mod signals;

use cli::Command;
use std::process::ExitCode;

/// Ended as asked.
const OK: u8 = 0;
/// Something failed that is neither the usage's nor the configuration's fault.
const FAILED: u8 = 1;
/// Bad usage or configuration.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let command = match cli::read() {
        Ok(command) => command,
        Err(usage) => {
            // Help and version come this way too, and go to standard output.
            let _ = usage.print();
            return ExitCode::from(if usage.use_stderr() { BAD_INPUT } else { OK });
        }
    };
    let ended = match &command {
        Command::Serve(options) => serve::serve(options),
        Command::Check(options) => check::check(options),
        Command::Replay(options) => replay::replay(options),
    };
    ExitCode::from(ended.unwrap_or_else(|error| {
        tell(format_args!("tandem: {error:#}"));
        FAILED
    }))
}

/// A line for a person, on standard error.
#[expect(clippy::print_stderr, reason = "the terminal is where a command answers")]
fn tell(line: impl std::fmt::Display) {
    eprintln!("{line}");
}

/// A line that was asked for, on standard output.
#[expect(clippy::print_stdout, reason = "the terminal is where a command answers")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
