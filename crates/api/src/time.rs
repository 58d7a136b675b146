//! Points in time and spans of it, as JSON has them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{ops::Range, str::FromStr, time::Duration};
use tandem_config::parse_duration;
use tandem_model::{Epoch, Timestamp};
use tandem_runtime::log::Rfc3339;

/// Microseconds since the Unix epoch; in JSON as RFC 3339 has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

impl Time {
    pub(crate) fn of(at: Timestamp, epoch: Epoch) -> Time {
        Time(epoch.unix_us(at))
    }

    /// Whole milliseconds from then to now; none if it lies ahead.
    pub(crate) fn ms_since(self, then: Time) -> u64 {
        u64::try_from((self.0 - then.0) / 1000).unwrap_or(0)
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Rfc3339(self.0).fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Time {
    type Err = &'static str;

    /// RFC 3339 §5.6, since 1970.
    fn from_str(text: &str) -> Result<Time, Self::Err> {
        parse(text).ok_or("a time is wanted like `2026-01-31T12:00:00Z` or `2026-01-31T13:00:00.5+01:00`")
    }
}

fn parse(text: &str) -> Option<Time> {
    let number = |range: Range<usize>| text.get(range).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?.parse().ok();
    let (year, month, day): (i64, i64, i64) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second): (i64, i64, i64) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let stands = |place: usize, marks: &[u8]| text.as_bytes().get(place).is_some_and(|byte| marks.contains(byte));
    let is_formed = stands(4, b"-") && stands(7, b"-") && stands(10, b"Tt ") && stands(13, b":") && stands(16, b":");
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days_of_month = *days.get(usize::try_from(month - 1).ok()?)?;
    if !is_formed || year < 1970 || !(1..=days_of_month).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|digit: char| !digit.is_ascii_digit())?),
        None => ("", rest),
    };
    if rest.starts_with('.') && fraction.is_empty() {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let offset_min = match zone.as_bytes() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let number = |range: Range<usize>| zone.get(range)?.parse::<u8>().ok().map(i64::from);
            let (hours, minutes) = (number(1..3).filter(|hours| *hours < 24)?, number(4..6).filter(|minutes| *minutes < 60)?);
            if *sign == b'-' { -(60 * hours + minutes) } else { 60 * hours + minutes }
        }
        _ => return None,
    };
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let before: i64 = days.iter().take(usize::try_from(month - 1).ok()?).sum();
    let day = 365 * (year - 1970) + leap_days(year - 1) - leap_days(1969) + before + day - 1;
    let seconds = ((day * 24 + hour) * 60 + minute - offset_min) * 60 + second;
    Some(Time(seconds * 1_000_000 + micros))
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A span as the configuration writes it: `"30s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Span).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_everybody_does() {
        assert_eq!(serde_json::to_string(&Time(1_767_225_600_000_001)).unwrap(), "\"2026-01-01T00:00:00.000001Z\"");
        assert_eq!((Time(5_000).ms_since(Time(1_500)), Time(0).ms_since(Time(9_000))), (3, 0));
        assert_eq!(serde_json::from_str::<Span>("\"30s\"").unwrap(), Span(Duration::from_secs(30)));
        assert!(serde_json::from_str::<Span>("\"30\"").is_err());
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        for micros in [0, 951_782_400_000_000, 1_709_164_800_000_000, 1_767_225_599_999_999, 4_102_444_800_000_000] {
            assert_eq!(Time(micros).to_string().parse(), Ok(Time(micros)));
        }
        let second = |text: &str| text.parse::<Time>().map(|time| time.0 / 1_000_000);
        assert_eq!(second("2026-01-01T01:30:00.5+01:30"), Ok(1_767_225_600));
        assert_eq!(second("2025-12-31t22:00:00-02:00"), Ok(1_767_225_600));
        let wrong = "2026 2026-01-01 2026-13-01T00:00:00Z 2026-02-29T00:00:00Z 2026-01-01T24:00:00Z 2026-01-01T00:00:00 2026-01-01T00:00:00.Z \
            2026-01-01T00:00:00+1:00 1969-01-01T00:00:00Z +026-01-01T00:00:00Z 2026-01-01T00:00:00Zé";
        assert!(wrong.split(' ').all(|text| text.parse::<Time>().is_err()));
    }
}
