//! The grammar that challenges and credentials share (RFC 3261 §25.1, RFC 7235 §2.1): a scheme and its parameters, and several such
//! in one header.

use std::borrow::Cow;

/// Schemes read of one header line; more is malformed.
const MAX_SCHEMES: usize = 16;
/// Parameters read of one scheme; more is malformed.
const MAX_PARAMS: usize = 32;

/// One scheme with its parameters. Values are without quotes and backslashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme<'a> {
    /// `Digest`, as written.
    pub name: &'a str,
    params: Vec<(&'a str, Cow<'a, str>)>,
    /// Nothing in it was left out because it could not be read.
    pub is_whole: bool,
}

/// Not schemes and parameters at all, or too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of schemes and parameters")]
pub struct Malformed;

impl<'a> Scheme<'a> {
    /// Reads the value of one header line. What is no parameter is passed over, up to the next comma or space: other schemes have
    /// grammars of their own.
    pub fn read_all(value: &'a str) -> Result<Vec<Scheme<'a>>, Malformed> {
        let bytes = value.as_bytes();
        let mut schemes: Vec<Scheme<'a>> = Vec::new();
        let mut at = 0;
        loop {
            at = skip(bytes, at, |byte| is_space(byte) || byte == b',');
            if at == bytes.len() {
                return Ok(schemes);
            }
            let name_end = skip(bytes, at, is_token);
            let equals = skip(bytes, name_end, is_space);
            if name_end > at && bytes.get(equals) == Some(&b'=') {
                let scheme = schemes.last_mut().ok_or(Malformed)?;
                let (parsed, end) = read_value(value, skip(bytes, equals + 1, is_space));
                match parsed {
                    Some(_) if scheme.params.len() == MAX_PARAMS => return Err(Malformed),
                    Some(parsed) => scheme.params.push((&value[at..name_end], parsed)),
                    None => scheme.is_whole = false,
                }
                at = end;
            } else if name_end > at && bytes.get(name_end).is_none_or(|byte| is_space(*byte) || *byte == b',') {
                if schemes.len() == MAX_SCHEMES {
                    return Err(Malformed);
                }
                schemes.push(Scheme { name: &value[at..name_end], params: Vec::new(), is_whole: true });
                at = name_end;
            } else {
                schemes.last_mut().ok_or(Malformed)?.is_whole = false;
                at = skip(bytes, name_end, |byte| !is_space(byte) && byte != b',');
            }
        }
    }

    /// Whether it is Digest.
    pub fn is_digest(&self) -> bool {
        self.name.eq_ignore_ascii_case("Digest")
    }

    /// The first value of `name`, compared without case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Whether any name stands there twice.
    pub fn repeats(&self) -> bool {
        let params = self.params.iter().enumerate();
        params.into_iter().any(|(index, (name, _))| self.params[..index].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)))
    }
}

/// The value that begins at `start`, and where it ends; `None` where it cannot be read.
fn read_value(text: &str, start: usize) -> (Option<Cow<'_, str>>, usize) {
    let bytes = text.as_bytes();
    if bytes.get(start) != Some(&b'"') {
        let end = skip(bytes, start, |byte| !is_space(byte) && byte != b',' && byte != b'"' && !byte.is_ascii_control());
        return (Some(Cow::Borrowed(&text[start..end])), end.max(start));
    }
    let (mut end, mut escaped, mut plain) = (start + 1, false, true);
    loop {
        match bytes.get(end) {
            None => return (None, bytes.len()),
            Some(byte) if byte.is_ascii_control() && *byte != b'\t' => plain = false,
            _ if escaped => {
                escaped = false;
                end += 1;
                continue;
            }
            Some(b'"') => break,
            Some(b'\\') => escaped = true,
            Some(_) => {}
        }
        end += 1;
    }
    (plain.then(|| unescape(&text[start + 1..end])), end + 1)
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut escaped = false;
    let keep = |character: &char| {
        escaped = *character == '\\' && !escaped;
        !escaped
    };
    Cow::Owned(text.chars().filter(keep).collect())
}

/// `text` as it stands between quotes.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['"', '\\']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn skip(bytes: &[u8], at: usize, wanted: impl Fn(u8) -> bool) -> usize {
    bytes.get(at..).and_then(|rest| rest.iter().position(|byte| !wanted(*byte))).map_or(bytes.len(), |length| at + length)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// RFC 3261 §25.1.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, parameters, and whether it is whole.
    type Shown = (String, Vec<(String, String)>, bool);

    fn read(text: &str) -> Vec<Shown> {
        let schemes = Scheme::read_all(text).unwrap().into_iter();
        let params = |scheme: &Scheme<'_>| scheme.params.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
        schemes.map(|scheme| (scheme.name.to_owned(), params(&scheme), scheme.is_whole)).collect()
    }

    fn one(name: &str, params: &[(&str, &str)], is_whole: bool) -> Shown {
        (name.into(), params.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(), is_whole)
    }

    #[test]
    fn quoted_and_bare_values_are_read_alike() {
        let expected = [one("Digest", &[("realm", "a, b"), ("qop", "auth"), ("algorithm", "MD5"), ("opaque", "")], true)];
        assert_eq!(read("Digest realm=\"a, b\",qop=auth , algorithm = \"MD5\",opaque=\"\""), expected);
    }

    #[test]
    fn folds_and_empty_items_are_space() {
        let expected = [one("Digest", &[("realm", "a"), ("nonce", "b\"c")], true)];
        assert_eq!(read("Digest\r\n realm=\"a\",, \r\n\tnonce=\"b\\\"c\","), expected);
    }

    #[test]
    fn several_schemes_may_stand_on_one_line() {
        let text = "Basic realm=\"x\", Negotiate ab/cd==, Digest realm=\"a\", nonce=\"1\", Digest realm=\"b\"";
        let expected = [
            one("Basic", &[("realm", "x")], true),
            one("Negotiate", &[], false),
            one("Digest", &[("realm", "a"), ("nonce", "1")], true),
            one("Digest", &[("realm", "b")], true),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn what_cannot_be_read_is_noted() {
        assert_eq!(read("Digest realm=\"a, nonce=b"), [one("Digest", &[], false)]);
        assert_eq!(read("Digest realm=\"a\u{1}\", nonce=b"), [one("Digest", &[("nonce", "b")], false)]);
        assert_eq!(Scheme::read_all("realm=\"a\""), Err(Malformed));
        assert_eq!(Scheme::read_all(&"a ".repeat(17)), Err(Malformed));
        assert_eq!(read(""), []);
    }

    #[test]
    fn what_is_escaped_reads_back() {
        let text = "a\"b\\c";
        assert_eq!(read(&format!("Digest realm=\"{}\"", escape(text))), [one("Digest", &[("realm", text)], true)]);
    }
}
