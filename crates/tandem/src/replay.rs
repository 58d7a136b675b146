//! `tandem replay`: a dumped call, once more.

use crate::{BAD_INPUT, FAILED, OK, cli, say, tell};
use anyhow::Context;
use tandem_runtime::{flight_recorder::Dump, log::Escaped, replay};

/// Runs the dump and shows its ladder. A call that failed must fail again, in the same way, and one that did not must not:
/// anything else is [`FAILED`].
pub(crate) fn replay(options: &cli::Replay) -> anyhow::Result<u8> {
    let name = options.dump.display();
    let text = std::fs::read_to_string(&options.dump).with_context(|| format!("{name} cannot be read"))?;
    let dump = match Dump::from_text(&text) {
        Ok(dump) => dump,
        Err(error) => {
            tell(format_args!("{name}: {error}"));
            return Ok(BAD_INPUT);
        }
    };
    let replayed = match replay::replay(&dump) {
        Ok(replayed) => replayed,
        Err(error) => {
            tell(format_args!("{name}: {error}"));
            return Ok(BAD_INPUT);
        }
    };
    say(format_args!("{} of {}, {} inputs\n", Escaped(&dump.setup.name), Escaped(&dump.setup.program), dump.entries.len()));
    say(&replayed.ladder);
    let (verdict, status) = match (&dump.setup.fault, &replayed.fault) {
        (Some(then), Some(now)) if then.message == now.message => {
            (format!("reproduced: the call fails inside at {}: {}", now.place, Escaped(&now.message)), OK)
        }
        (Some(then), Some(now)) => (
            format!("it failed then with \"{}\" and fails now with \"{}\" at {}", Escaped(&then.message), Escaped(&now.message), now.place),
            FAILED,
        ),
        (Some(then), None) => {
            (format!("not reproduced: it failed then with \"{}\" at {}", Escaped(&then.message), Escaped(&then.place)), FAILED)
        }
        (None, Some(now)) => (format!("it did not fail then and fails now at {}: {}", now.place, Escaped(&now.message)), FAILED),
        (None, None) => (replayed.ended.map_or("the call had not ended".into(), |reason| format!("the call ended: {reason}")), OK),
    };
    say(verdict);
    Ok(status)
}
