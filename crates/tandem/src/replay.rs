//! `tandem replay`: a dumped call, once more.

use crate::{BAD_INPUT, FAILED, OK, answer, cli, tell};
use std::fmt::Display;
use tandem_runtime::{flight_recorder::Dump, log::Escaped, replay};

/// Runs the dump and shows its ladder. A call that failed must fail again, in the same way, and one that did not must not:
/// anything else is [`FAILED`].
pub(crate) fn replay(options: &cli::Replay) -> anyhow::Result<u8> {
    let name = options.dump.display();
    let bad = |problem: &dyn Display| {
        tell(format_args!("{name}: {problem}"));
        Ok(BAD_INPUT)
    };
    let text = match std::fs::read_to_string(&options.dump) {
        Ok(text) => text,
        Err(error) => return bad(&format_args!("cannot be read: {error}")),
    };
    let dump = match Dump::from_text(&text) {
        Ok(dump) => dump,
        Err(error) => return bad(&error),
    };
    let replayed = match replay::replay(&dump) {
        Ok(replayed) => replayed,
        Err(error) => return bad(&error),
    };
    answer(format_args!("{} of {}, {} inputs\n", Escaped(&dump.setup.name), Escaped(&dump.setup.program), dump.entries.len()))?;
    answer(replayed.ladder())?;
    if let Some(index) = replayed.stopped_at {
        answer(format_args!(
            "input {index} is a letter from another call: what came with it is not in the dump, so the call cannot be run further"
        ))?;
        return Ok(FAILED);
    }
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
    answer(verdict)?;
    Ok(status)
}
