//! How a line of text looks: `2026-01-31T12:00:00.000000Z  INFO call ended call=call_… reason="caller hung up" status=200`.
//!
//! After the message come `name=value` pairs as logfmt has them: a value that holds a space, `"` or `=`, or nothing at all, stands
//! between double quotes, and in there `"` and `\` have a `\` before them. One line a call is what the log costs while all is well, so it is written piece by piece into the buffer that takes it.

use crate::{log::Escaped, plain_text::PlainText};
use std::{
    fmt::{self, Write},
    time::{SystemTime, UNIX_EPOCH},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Formats events as text.
pub(super) struct TextLine;

impl<S, N> FormatEvent<S, N> for TextLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        write_time(&mut writer, now.as_secs(), now.subsec_micros())?;
        writer.write_str(level(*event.metadata().level()))?;
        let mut fields = Fields { writer: &mut writer, value: String::new(), written: Ok(()) };
        event.record(&mut fields);
        fields.written?;
        writer.write_char('\n')
    }
}

/// The time it is, as lines begin.
pub(super) fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_time(&mut text, now.as_secs(), now.subsec_micros());
    text
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => " ERROR",
        Level::WARN => "  WARN",
        Level::INFO => "  INFO",
        Level::DEBUG => " DEBUG",
        Level::TRACE => " TRACE",
    }
}

/// Microseconds since the Unix epoch, printed as RFC 3339 has it: in UTC, with microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Rfc3339(pub i64);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing that we know of was before 1970.
        let micros = u64::try_from(self.0).unwrap_or(0);
        write_time(f, micros / 1_000_000, (micros % 1_000_000) as u32)
    }
}

/// RFC 3339 in UTC, with microseconds.
fn write_time(writer: &mut impl Write, unix_s: u64, micros: u32) -> fmt::Result {
    let (year, month, day) = date(unix_s / 86_400);
    let second = unix_s % 86_400;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let mut put = |end: usize, mut number: u64, digits: usize| {
        for place in (end - digits..end).rev() {
            text[place] = b'0' + (number % 10) as u8;
            number /= 10;
        }
    };
    put(4, year, 4);
    put(7, month, 2);
    put(10, day, 2);
    put(13, second / 3600, 2);
    put(16, second / 60 % 60, 2);
    put(19, second % 60, 2);
    put(26, micros.into(), 6);
    writer.write_str(std::str::from_utf8(&text).unwrap_or_default())
}

/// Year, month and day of a day since 1970-01-01, by the Gregorian calendar. Years begin in March here, so that the leap day is
/// the last of its year, and 400 of them have 146 097 days.
pub(crate) fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (400 * era + year_of_era + u64::from(month <= 2), month, of_year - (153 * march_month + 2) / 5 + 1)
}

/// Writes ` name=value` for each field, and the message without its name.
struct Fields<'a, W> {
    writer: &'a mut W,
    /// A value that must be seen whole before it is written.
    value: String,
    written: fmt::Result,
}

impl<W: Write> Fields<'_, W> {
    fn name(&mut self, field: &Field) -> fmt::Result {
        self.writer.write_char(' ')?;
        self.writer.write_str(field.name())?;
        self.writer.write_char('=')
    }

    /// A value that is known to need no quotes.
    fn plain(&mut self, field: &Field, value: &str) {
        self.written = self.written.and_then(|()| self.name(field)).and_then(|()| self.writer.write_str(value));
    }

    fn any(&mut self, field: &Field, value: fmt::Arguments<'_>) -> fmt::Result {
        self.written?;
        self.value.clear();
        self.value.write_fmt(value)?;
        self.name(field)?;
        write_value(self.writer, &self.value)
    }
}

fn write_value(writer: &mut impl Write, value: &str) -> fmt::Result {
    // Most need no quotes; that is seen many bytes at a time.
    let is_plain = value.bytes().fold(true, |plain, byte| plain & (byte > b' ') & (byte != b'"') & (byte != b'='));
    if is_plain && !value.is_empty() {
        return writer.write_str(value);
    }
    writer.write_char('"')?;
    let mut clean = 0;
    for (at, _) in value.match_indices(['"', '\\']) {
        writer.write_str(&value[clean..at])?;
        writer.write_char('\\')?;
        clean = at;
    }
    writer.write_str(&value[clean..])?;
    writer.write_char('"')
}

impl<W: Write> Visit for Fields<'_, W> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.written = if field.name() == "message" {
            self.written.and_then(|()| write!(self.writer, " {value:?}"))
        } else {
            self.any(field, format_args!("{value:?}"))
        };
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, PlainText::number(value).as_str());
    }

    /// To two decimals; what we measure is never negative.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field, PlainText::hundredths((value * 100.0).round() as u64).as_str());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.written = self.any(field, format_args!("{}", Escaped(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(unix_s: u64, micros: u32) -> String {
        let mut text = String::new();
        write_time(&mut text, unix_s, micros).unwrap();
        text
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(time(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(time(951_782_399, 999_999), "2000-02-28T23:59:59.999999Z");
        assert_eq!(time(951_782_400, 1), "2000-02-29T00:00:00.000001Z");
        assert_eq!(time(1_794_000_000, 0), "2026-11-06T21:20:00.000000Z");
        assert_eq!(time(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let days: Vec<_> = (0..146_097).map(date).collect();
        assert!(days.is_sorted_by(|one, next| one < next));
        assert_eq!((days[0], days[146_096]), ((1970, 1, 1), (2369, 12, 31)));
    }

    fn value(value: &str) -> String {
        let mut text = String::new();
        write_value(&mut text, value).unwrap();
        text
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        for plain in ["PCMU", "sip:a@b", "trunk:pbx@192.0.2.1:5060", "\\x1b", "j\u{fc}rgen"] {
            assert_eq!(value(plain), plain);
        }
        assert_eq!(value(""), r#""""#);
        assert_eq!(value("caller hung up"), r#""caller hung up""#);
        assert_eq!(value("a;b=c"), r#""a;b=c""#);
        assert_eq!(value(r#""A" \r"#), r#""\"A\" \\r""#);
    }

    #[test]
    fn a_line_is_its_message_and_pairs() {
        let text = crate::log::written(crate::log::LogFormat::Text, || {
            tracing::warn!(reason = %"not here", name = "a\nb", count = 7, ratio = 12.34, none = Option::<u64>::None, of = ?("x", 1), "it is so");
        });
        let (_, rest) = text.split_once('Z').unwrap();
        assert_eq!(rest, "  WARN it is so reason=\"not here\" name=a\\nb count=7 ratio=12.34 of=\"(\\\"x\\\", 1)\"\n");
    }
}
