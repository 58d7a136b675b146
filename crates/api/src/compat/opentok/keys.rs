//! `play-dtmf`: keys are pressed for one, or for all.

use super::{connection::Connection, dial::body, refusal::Refusal, session::Session, who::Who};
use crate::Interface;
use axum::{
    Json,
    extract::{Path, Request, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tandem_model::{CallCommand, CallId, Key, KeyPress, LegId, MAX_PRESSES};
use tokio::time::sleep;

/// What `p` stands for.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a key takes, with the silence behind it.
const PRESS: Duration = Duration::from_millis(KeyPress::USUAL_MS as u64 + 100);

/// Signs that one request may have.
const MAX_DIGITS: usize = 128;

#[derive(Deserialize)]
struct Wanted {
    digits: String,
}

/// Keys without a pause between them, and what is waited for before them.
struct Group {
    after: Duration,
    keys: Box<[KeyPress]>,
}

/// `POST …/play-dtmf`.
pub(super) async fn play_to_all(
    State(interface): State<Arc<Interface>>,
    Who(project): Who,
    Path((_, session)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let groups = read(&body::<Wanted>(&interface, request).await?.digits)?;
    let session = Session::read(&project, &session)?;
    let present = interface.present(&session).await;
    let (call, all) = present.map(|present| (present.call, present.all)).ok_or_else(nobody)?;
    let legs: Vec<LegId> = all.iter().filter(|known| known.has_answered).map(|known| known.leg).collect();
    if legs.is_empty() {
        return Err(nobody());
    }
    play(&interface, call, legs, groups).await
}

/// `POST …/connection/{connection}/play-dtmf`.
pub(super) async fn play_to_one(
    State(interface): State<Arc<Interface>>,
    Who(project): Who,
    Path((_, session, connection)): Path<(String, String, String)>,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let groups = read(&body::<Wanted>(&interface, request).await?.digits)?;
    let session = Session::read(&project, &session)?;
    let (call, Connection { leg, .. }) = interface.connection(&session, &connection).await?;
    play(&interface, call, vec![leg], groups).await
}

fn nobody() -> Refusal {
    Refusal::unknown("nobody in the session could hear them")
}

/// Those before the first pause are pressed now, and the others in their time.
async fn play(interface: &Arc<Interface>, call: CallId, legs: Vec<LegId>, groups: Vec<Group>) -> Result<Json<Value>, Refusal> {
    let mut groups = groups.into_iter().peekable();
    if let Some(first) = groups.next_if(|group| group.after.is_zero()) {
        for leg in &legs {
            interface.node.command(call, CallCommand::Press { leg: *leg, keys: first.keys.clone() }).await?;
        }
    }
    let interface = interface.clone();
    tokio::spawn(async move {
        for Group { after, keys } in groups {
            sleep(after).await;
            for leg in &legs {
                // Who has left by now hears nothing.
                let _ = interface.node.command(call, CallCommand::Press { leg: *leg, keys: keys.clone() }).await;
            }
        }
    });
    Ok(Json(json!({})))
}

fn read(digits: &str) -> Result<Vec<Group>, Refusal> {
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return Err(Refusal::bad(format!("digits: from 1 to {MAX_DIGITS} are possible")));
    }
    let (mut groups, mut keys, mut after, mut pause) = (Vec::new(), Vec::new(), Duration::ZERO, Duration::ZERO);
    for sign in digits.chars() {
        if sign == 'p' {
            pause += PAUSE;
            continue;
        }
        let key = Key::of_sign(sign).filter(|_| !sign.is_ascii_alphabetic());
        let key = key.ok_or_else(|| Refusal::bad("digits: 0 to 9, *, # and p are possible"))?;
        if !keys.is_empty() && (!pause.is_zero() || keys.len() == MAX_PRESSES) {
            let time = PRESS * keys.len() as u32;
            groups.push(Group { after, keys: std::mem::take(&mut keys).into() });
            after = time;
        }
        after += std::mem::take(&mut pause);
        keys.push(KeyPress { key, ms: KeyPress::USUAL_MS });
    }
    if !keys.is_empty() {
        groups.push(Group { after, keys: keys.into() });
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(digits: &str) -> Option<Vec<(u64, String)>> {
        let shown = |group: &Group| (group.after.as_millis() as u64, group.keys.iter().map(|press| press.key.sign()).collect());
        read(digits).ok().map(|groups| groups.iter().map(shown).collect())
    }

    #[test]
    fn pauses_stand_between_keys() {
        let is = |groups: &[(u64, &str)]| Some(groups.iter().map(|(after, keys)| (*after, (*keys).to_owned())).collect::<Vec<_>>());
        assert_eq!(said("12#*"), is(&[(0, "12#*")]));
        assert_eq!(said("1pp2p3p"), is(&[(0, "1"), (1260, "2"), (760, "3")]));
        assert_eq!(said("p1"), is(&[(500, "1")]));
        assert_eq!(said("p"), is(&[]));
        let long = "7".repeat(40);
        assert_eq!(said(&long), is(&[(0, &long[..32]), (8320, &long[..8])]));
        for wrong in ["", "A", "1 2", "w", "P", &"1".repeat(129)] {
            assert_eq!(said(wrong), None, "{wrong}");
        }
    }
}
