//! The countries whose tones are known.

use serde::{Deserialize, Serialize};
use std::{error::Error, fmt, str::FromStr};

/// By their letters, in their order.
const CODES: [&str; 38] = [
    "at", "au", "be", "bg", "br", "ca", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr", "gb", "gr", "hu", "il", "in", "it",
    "jp", "lt", "mx", "my", "nl", "no", "nz", "pl", "pt", "ru", "se", "sg", "th", "tw", "us", "za",
];

/// A country, by its two letters of ISO 3166. What its networks say without words, ringing and busy, is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Box<str>", into = "Box<str>")]
pub struct Country(u8);

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({self})")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Its tones are not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCountry;

impl fmt::Display for UnknownCountry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no tones are known of that country: write its two letters as ISO 3166 does (`de`, `gb`, `us`)")
    }
}

impl Error for UnknownCountry {}

impl FromStr for Country {
    type Err = UnknownCountry;

    /// Two letters, of either case; `uk` is `gb`.
    fn from_str(text: &str) -> Result<Country, UnknownCountry> {
        let code = if text.eq_ignore_ascii_case("uk") { "gb" } else { text };
        CODES.iter().position(|known| known.eq_ignore_ascii_case(code)).map(|place| Country(place as u8)).ok_or(UnknownCountry)
    }
}

impl TryFrom<Box<str>> for Country {
    type Error = UnknownCountry;

    fn try_from(text: Box<str>) -> Result<Country, UnknownCountry> {
        text.parse()
    }
}

impl From<Country> for Box<str> {
    fn from(country: Country) -> Box<str> {
        country.code().into()
    }
}

impl Default for Country {
    /// The United States: whose tones most telephone systems have where nobody says which.
    fn default() -> Country {
        Country(CODES.iter().position(|code| *code == "us").unwrap_or_default() as u8)
    }
}

impl Country {
    /// Every one that is known, by its letters.
    pub fn all() -> impl Iterator<Item = Country> {
        (0..CODES.len() as u8).map(Country)
    }

    /// Its letters.
    pub fn code(self) -> &'static str {
        CODES.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_found_by_their_letters() {
        assert!(CODES.is_sorted());
        assert_eq!(["de", "DE", "uk", "Us"].map(|code| code.parse::<Country>().unwrap().to_string()), ["de", "de", "gb", "us"]);
        assert_eq!(["", "d", "xx", "deu"].map(str::parse::<Country>), [Err(UnknownCountry); 4]);
        assert!(Country::all().all(|country| country.to_string().parse() == Ok(country)));
    }
}
