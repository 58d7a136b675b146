//! Log lines: `tracing`, as text or JSON, through a bounded buffer that a thread of its own empties.
//!
//! Levels have meanings: one line per ended call at INFO, one per SIP message at DEBUG, what needs a person at WARN and
//! ERROR. Whatever came from the wire goes through [`Escaped`].

mod buffer;
mod escape;
mod text;

pub use text::Rfc3339;
pub(crate) use text::date;

pub use buffer::{LogBuffer, LogWriter, MAX_BUFFERED_BYTES, TICK};
pub use escape::{Escaped, EscapedBytes};

use std::io::{self, Write};
use tracing::Dispatch;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not `LEVEL` or `TARGET=LEVEL,…`.
    #[error("log filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// No thread, or a logger is there already.
    #[error("logging: {0}")]
    Start(#[from] io::Error),
}

/// Sends the log lines of the process to `sink` until the returned writer is dropped. `filter` is a level
/// (`info`, `debug`) or a list of levels by module (`info,tandem_runtime=debug`).
///
/// # Errors
/// A filter that cannot be read, or a process that has a logger already.
pub fn start(format: LogFormat, filter: &str, sink: Box<dyn Write + Send>) -> Result<LogWriter, LogError> {
    // What the library for DNS finds odd in packets, anybody could send.
    let filter = filter.parse::<Targets>()?.with_target("hickory", LevelFilter::OFF);
    let (buffer, writer) = buffer::start(sink, lost_line(format))?;
    dispatch(format, filter, buffer).try_init().map_err(io::Error::other)?;
    Ok(writer)
}

fn dispatch(format: LogFormat, filter: Targets, buffer: LogBuffer) -> Dispatch {
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => registry.with(fmt::layer().with_writer(buffer).with_ansi(false).event_format(text::TextLine)).into(),
        LogFormat::Json => registry.with(fmt::layer().json().flatten_event(true).with_writer(buffer)).into(),
    }
}

/// What stands in the place of lines that found no room. It cannot go the way of the others.
fn lost_line(format: LogFormat) -> buffer::LostLine {
    match format {
        LogFormat::Text => |lost| format!("{}  WARN log lines were lost: the log buffer was full lost={lost}\n", text::now()),
        LogFormat::Json => |lost| {
            let now = text::now();
            format!(
                "{{\"timestamp\":\"{now}\",\"level\":\"WARN\",\"message\":\"log lines were lost: the log buffer was full\",\"lost\":{lost}}}\n"
            )
        },
    }
}

/// What `work` logs on this thread.
#[cfg(test)]
pub(crate) fn written(format: LogFormat, work: impl FnOnce()) -> String {
    struct Sink(std::sync::mpsc::Sender<Vec<u8>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let (sender, lines) = std::sync::mpsc::channel();
    let (buffer, writer) = buffer::start(Box::new(Sink(sender)), lost_line(format)).unwrap();
    tracing::dispatcher::with_default(&dispatch(format, "trace".parse().unwrap(), buffer), work);
    drop(writer);
    String::from_utf8(lines.iter().flatten().collect()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_about_lost_lines_looks_like_the_others() {
        let text = lost_line(LogFormat::Text)(3);
        assert!(text.ends_with("Z  WARN log lines were lost: the log buffer was full lost=3\n"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&lost_line(LogFormat::Json)(3)).unwrap();
        assert_eq!((&json["level"], &json["lost"]), (&"WARN".into(), &3.into()));
    }
}
