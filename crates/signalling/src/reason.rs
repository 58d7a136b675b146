//! The Reason header (RFC 3326, and RFC 6432 in responses): what a peer says of why, read, judged, and written anew for the other
//! side.

use crate::message::{HeaderName, Message, Params, comma_separated};

/// Values of one message that are looked at.
const MAX_VALUES: usize = 8;

/// Bytes of a `text` that goes on; a longer one is left out.
const MAX_TEXT: usize = 128;

/// For whoever rings no longer because somebody else took the call (RFC 3326 §3.1).
pub(crate) const COMPLETED_ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// The protocols whose causes are known by number, and the numbers that they have. What other protocols say is between those who
/// agreed on them.
const PROTOCOLS: [(&str, std::ops::RangeInclusive<u16>); 3] = [
    ("SIP", 100..=699),
    ("Q.850", 0..=127),
    // RFC 4411
    ("Preemption", 1..=5),
];

/// What a Reason header says in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// A SIP status.
    pub sip: Option<u16>,
    /// A Q.850 cause.
    pub q850: Option<u8>,
}

/// The Reason of a message as it may go on to somebody else: of each protocol that is known the first value that can be read
/// (RFC 3326 §2 allows one), with cause, location and text. `None` where nothing is left.
pub fn passable(message: &Message) -> Option<Box<str>> {
    // Most have none.
    message.header(HeaderName::Reason)?;
    let mut said = [None, None, None];
    let mut written = String::new();
    for item in message.values(HeaderName::Reason).take(MAX_VALUES) {
        let Some(value) = Value::read(item).filter(|value| said[value.protocol].is_none()) else { continue };
        said[value.protocol] = Some(());
        if !written.is_empty() {
            written.push_str(", ");
        }
        value.write(&mut written);
    }
    (!written.is_empty()).then(|| written.into())
}

/// The numbers of a Reason header.
pub fn told(header: &str) -> Told {
    let mut told = Told::default();
    for value in comma_separated(header).take(MAX_VALUES).filter_map(Value::read) {
        match PROTOCOLS[value.protocol].0 {
            "SIP" => told.sip = told.sip.or(Some(value.cause)),
            "Q.850" => told.q850 = told.q850.or(u8::try_from(value.cause).ok()),
            _ => {}
        }
    }
    told
}

/// Control characters, which a backslash lets into quoted strings; those of folds are none.
fn is_odd(character: char) -> bool {
    character.is_control() && !matches!(character, '\r' | '\n' | '\t')
}

/// One value.
struct Value<'a> {
    /// By its place in [`PROTOCOLS`].
    protocol: usize,
    cause: u16,
    /// RFC 8606: where in the network of telephones it was decided.
    location: Option<&'a str>,
    /// With its quotes.
    text: Option<&'a str>,
}

impl<'a> Value<'a> {
    /// `None` for a protocol that is not known, and for one that says no number of it.
    fn read(item: &'a str) -> Option<Value<'a>> {
        let end = item.find(';')?;
        let name = item[..end].trim();
        let protocol = PROTOCOLS.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        let params = Params::parse(&item[end..]).ok()?;
        let digits = params.get("cause").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        let cause = digits.parse().ok().filter(|cause| PROTOCOLS[protocol].1.contains(cause))?;
        let raw = |wanted: &str| params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).and_then(|(_, value)| value);
        let location = raw("location").filter(|word| word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let text = raw("text").filter(|text| text.starts_with('"') && text.len() <= MAX_TEXT && !text.chars().any(is_odd));
        Some(Value { protocol, cause, location, text })
    }

    fn write(&self, out: &mut String) {
        out.push_str(PROTOCOLS[self.protocol].0);
        out.push_str(";cause=");
        out.push_str(&self.cause.to_string());
        let params = [(";location=", self.location), (";text=", self.text)];
        for (name, value) in params.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            out.push_str(name);
            out.push_str(value);
        }
    }
}
