//! What callers hear of us: prompts, and the tones of countries.

use crate::{
    nearest::nearest,
    reader::{Reader, Table},
    route::Do,
};
use tandem_model::{Announce, Announcement, BuiltIn, NetworkTone, Sound, Then};

/// The longest name of a prompt, in bytes.
const MAX_NAME: usize = 255;

/// How often something may be heard.
const TIMES: std::ops::RangeInclusive<u32> = 0..=1_000;

/// What stands under `answer`.
enum Answer {
    BuiltIn(BuiltIn),
    Sound(Sound),
}

/// The `answer` of a table, if it has one.
pub(crate) fn read_answer(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Do> {
    let answer = table.parsed(reader, "answer", parse_answer)?;
    let early = read_announcement(reader, table, "announce");
    let then = match answer.value {
        Answer::BuiltIn(built_in) if early.is_none() && !table.has("announce") => {
            if table.has("times") {
                reader.report(table.place, format!("{} goes only with what is played", table.what("times")));
            }
            return Some(Do::Answer(built_in));
        }
        Answer::BuiltIn(built_in) => Then::Answer(built_in),
        Answer::Sound(sound) => {
            let usual = usual_times(&sound);
            let times = if table.has("announce") { usual } else { read_times(reader, table).unwrap_or(usual) };
            Then::Play(Announcement { sound, times })
        }
    };
    Some(Do::Announce(Announce { early, then }))
}

/// What is heard before a call is answered or refused.
pub(crate) fn read_announcement(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str) -> Option<Announcement> {
    let sound = table.parsed(reader, key, parse_sound)?;
    let times = read_times(reader, table).unwrap_or_else(|| usual_times(&sound));
    if times == 0 {
        let message = format!("{} would never come to its end: `times` says how often it is heard", table.what(key));
        reader.report(sound.place, message);
    }
    Some(Announcement { sound: sound.value, times })
}

/// What a caller hears while others ring.
pub(crate) fn read_ringback(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Sound> {
    table.parsed(reader, "ringback", parse_ringback).map(|sound| sound.value)
}

/// A prompt is heard once, a tone for as long as somebody listens.
fn usual_times(sound: &Sound) -> u16 {
    if let Sound::Prompt(_) = sound { 1 } else { 0 }
}

fn read_times(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<u16> {
    table.number(reader, "times", TIMES).and_then(|times| u16::try_from(*times).ok())
}

fn parse_answer(text: &str) -> Result<Answer, String> {
    match text {
        "echo" => Ok(Answer::BuiltIn(BuiltIn::Echo)),
        "tone" => Ok(Answer::BuiltIn(BuiltIn::Tone)),
        _ if text.contains([':', '.']) => parse_sound(text).map(Answer::Sound),
        _ => {
            let near = nearest(text, ["echo", "tone"]).unwrap_or("echo");
            Err(format!(
                "`{}` answers no call: \"echo\", \"tone\", a prompt (\"welcome.wav\") or a tone (\"busy:de\") does; the nearest is \"{near}\"",
                text.escape_debug()
            ))
        }
    }
}

fn parse_ringback(text: &str) -> Result<Sound, String> {
    if text.contains([':', '.']) {
        return parse_sound(text);
    }
    let country = text.parse().map_err(|unknown| format!("`{}`: {unknown}, or the name of a prompt (`music.wav`)", text.escape_debug()))?;
    Ok(Sound::Tone { country, tone: NetworkTone::Ringing })
}

/// A prompt (`welcome.wav`) or a tone of a country (`busy:de`).
///
/// # Errors
/// What is wrong with it.
pub fn parse_sound(text: &str) -> Result<Sound, String> {
    let Some((tone, country)) = text.split_once(':') else { return check_prompt(text).map(|()| Sound::Prompt(text.into())) };
    let known = tone.parse().map_err(|_| {
        let near = nearest(tone, NetworkTone::NAMES).unwrap_or("ringing");
        format!("`{}` is no tone: write `ringing:de`, `busy:de` or `congestion:de`; the nearest is `{near}:`", text.escape_debug())
    })?;
    let country = country.parse().map_err(|unknown| format!("`{}`: {unknown}", text.escape_debug()))?;
    Ok(Sound::Tone { country, tone: known })
}

/// A prompt is a file of the folder for prompts, or of one below it.
fn check_prompt(name: &str) -> Result<(), String> {
    let refused = |why: &str| Err(format!("`{}`: {why}", name.escape_debug()));
    if name.len() > MAX_NAME || name.contains(char::is_control) {
        return refused("a prompt's name is one line of at most 255 bytes");
    }
    if !name.rsplit_once('.').is_some_and(|(stem, kind)| !stem.is_empty() && kind.eq_ignore_ascii_case("wav")) {
        return refused("a prompt is a WAV file, like `welcome.wav`");
    }
    if name.split('/').any(|part| part.is_empty() || part == "." || part == "..") || name.contains('\\') {
        return refused(
            "a prompt lies in the folder of `prompts` in [files], or below it: neither a path from the root nor `..` is possible",
        );
    }
    Ok(())
}
