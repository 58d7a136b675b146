//! The project's own checks.
//!
//! `cargo xtask tidy` keeps the invariants of ARCHITECTURE.md that neither the compiler nor clippy can see;
//! `cargo xtask licences` reads the licence of every crate that the build uses. Each check is a function from a
//! [`tree::Tree`] or from `cargo metadata` to findings, so that its own tests can show it failing.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this program is for")]

mod house;
mod licences;
mod metadata;
mod source;
mod spdx;
mod tidy;
mod tree;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy | licences [MANIFEST]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy::run(),
        ["licences"] => licences::run("Cargo.toml"),
        ["licences", manifest] => licences::run(manifest),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            eprintln!("{} to mend", findings.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
