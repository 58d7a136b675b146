//! What can be typed.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A SIP back-to-back user agent: it joins one call to another, with the media in between.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: OptionalServe,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run (the default command).
    Serve(Serve),
    /// Read and check a configuration; exit with 0, or with 2 and every mistake by file and line.
    Check(Check),
    /// Run a dumped call again, deterministically, and print its ladder.
    Replay(Replay),
    /// Show what a call of a running node has sent and got.
    Trace(Trace),
}

/// What `serve` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Serve {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) options: ServeOptions,
}

/// `serve` without its name: then --config is asked for after parsing, so that `tandem --help` needs none.
#[derive(Args, Clone, Debug)]
struct OptionalServe {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: ServeOptions,
}

/// What can be told beside the configuration.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServeOptions {
    /// Let two phones inside the process place one call through the sockets, and show it.
    #[arg(long)]
    pub(crate) demo: bool,
}

/// What `check` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Check {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

/// What `replay` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Replay {
    /// A dump that a node wrote.
    #[arg(value_name = "FILE")]
    pub(crate) dump: PathBuf,
}

/// What `trace` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Trace {
    /// The call, as /v1/calls shows it: `call_…`.
    pub(crate) call: String,
    /// Where the node is asked; else where --config says, or at port 8080 of this machine.
    #[arg(long, value_name = "URL")]
    pub(crate) api: Option<String>,
    /// A key with the scope `read`; else that of the variable `TANDEM_API_KEY`, or one of --config.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// The node's configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Write a picture there, instead of text.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Write a capture for Wireshark there, instead of text.
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
}

/// Reads the arguments of the process.
///
/// # Errors
/// What clap says of them; `--help` and `--version` come this way too.
pub(crate) fn read() -> Result<Command, clap::Error> {
    command(Cli::try_parse()?)
}

fn command(cli: Cli) -> Result<Command, clap::Error> {
    if let Some(command) = cli.command {
        return Ok(command);
    }
    let OptionalServe { config, options } = cli.serve;
    let missing = || {
        let mut usage = <Cli as clap::CommandFactory>::command();
        usage.error(clap::error::ErrorKind::MissingRequiredArgument, "a configuration is needed: --config FILE")
    };
    Ok(Command::Serve(Serve { config: config.ok_or_else(missing)?, options }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        command(Cli::try_parse_from(line.split(' '))?)
    }

    #[test]
    fn serve_is_the_default() {
        for line in ["tandem --config a.toml --demo", "tandem serve --config a.toml --demo"] {
            let Ok(Command::Serve(serve)) = parse(line) else { panic!("{line}") };
            assert!(serve.config.as_os_str() == "a.toml" && serve.options.demo);
        }
    }

    #[test]
    fn mistakes_are_told() {
        for line in ["tandem", "tandem serve", "tandem check", "tandem replay", "tandem trace"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_definition_holds() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
