//! JSON (RFC 8259) as TOML: what is said of one call from outside is read by those who read the file.

/// How deep lists and objects may nest.
const MAX_DEPTH: usize = 4;

/// The longest text, in bytes.
pub(crate) const MAX_JSON: usize = 64 * 1024;

/// The value as TOML writes it in one line. Variables are not expanded in it.
pub(crate) fn toml_of(json: &str) -> Result<String, String> {
    if json.len() > MAX_JSON {
        return Err(format!("more than {MAX_JSON} bytes"));
    }
    let mut walker = Walker { rest: json, out: String::with_capacity(json.len() + 16) };
    walker.value(0)?;
    walker.space();
    if walker.rest.is_empty() { Ok(walker.out) } else { Err(walker.odd("the end")) }
}

struct Walker<'j> {
    rest: &'j str,
    out: String,
}

impl Walker<'_> {
    fn value(&mut self, depth: usize) -> Result<(), String> {
        self.space();
        if depth > MAX_DEPTH {
            return Err(format!("lists and objects nest deeper than {MAX_DEPTH}"));
        }
        match self.rest.bytes().next() {
            Some(b'{') => self.list(('{', '}'), |walker| {
                walker.text()?;
                walker.space();
                walker.take(':')?;
                walker.out.push_str(" = ");
                walker.value(depth + 1)
            }),
            Some(b'[') => self.list(('[', ']'), |walker| walker.value(depth + 1)),
            Some(b'"') => self.text(),
            _ => self.word(),
        }
    }

    fn list(&mut self, (open, close): (char, char), mut entry: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.take(open)?;
        self.out.push(open);
        self.space();
        if !self.rest.starts_with(close) {
            loop {
                self.space();
                entry(self)?;
                self.space();
                if !self.rest.starts_with(',') {
                    break;
                }
                self.take(',')?;
                self.out.push_str(", ");
            }
        }
        self.take(close)?;
        self.out.push(close);
        Ok(())
    }

    /// A number, `true` or `false`.
    fn word(&mut self) -> Result<(), String> {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let digits = word.strip_prefix('-').unwrap_or(word);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        if matches!(word, "true" | "false") || is_number && !digits.is_empty() {
            self.out.push_str(word);
            self.rest = rest;
            return Ok(());
        }
        Err(self.odd("a value (whole numbers, no `null`)"))
    }

    fn text(&mut self) -> Result<(), String> {
        self.take('"')?;
        let mut text = String::new();
        let mut signs = self.rest.char_indices();
        let end = loop {
            match signs.next() {
                Some((at, '"')) => break at + 1,
                Some((_, '\\')) => text.push(escaped(&mut signs).ok_or("an escape in a text is not JSON")?),
                Some((_, sign)) if sign >= ' ' => text.push(sign),
                _ => return Err("a text has no end, or a control character in it".to_owned()),
            }
        };
        self.rest = &self.rest[end..];
        self.out.push('"');
        for sign in text.replace("${", "$${").chars() {
            match sign {
                '"' | '\\' => self.out.extend(['\\', sign]),
                sign if sign.is_control() => self.out.push_str(&format!("\\u{:04X}", u32::from(sign))),
                sign => self.out.push(sign),
            }
        }
        self.out.push('"');
        Ok(())
    }

    fn take(&mut self, wanted: char) -> Result<(), String> {
        self.rest = self.rest.strip_prefix(wanted).ok_or_else(|| self.odd(&format!("`{wanted}`")))?;
        Ok(())
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn odd(&self, wanted: &str) -> String {
        match self.rest.chars().next() {
            Some(sign) => format!("not the JSON that is wanted: {sign:?} stands where {wanted} should"),
            None => format!("not the JSON that is wanted: it ends where {wanted} should stand"),
        }
    }
}

/// What stands behind a backslash.
fn escaped(signs: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match signs.next()?.1 {
        sign @ ('"' | '\\' | '/') => sign,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let first = unit(signs)?;
            // RFC 8259 §7: what has no place in 16 bits is two of them.
            if !(0xd800..0xdc00).contains(&first) {
                return char::from_u32(first);
            }
            if (signs.next()?.1, signs.next()?.1) != ('\\', 'u') {
                return None;
            }
            let second = unit(signs).filter(|second| (0xdc00..0xe000).contains(second))?;
            return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        }
        _ => return None,
    })
}

fn unit(signs: &mut std::str::CharIndices<'_>) -> Option<u32> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = 16 * unit + signs.next()?.1.to_digit(16)?;
    }
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_said_is_said_in_toml() {
        for (json, toml) in [
            (r#"{"bridge": ["trunk:a", "user:b"], "timeout": "30s"}"#, r#"{"bridge" = ["trunk:a", "user:b"], "timeout" = "30s"}"#),
            (" { \"reject\" : 403 ,\n\"ok\":true } ", r#"{"reject" = 403, "ok" = true}"#),
            (r#"{"a":"\"\\\/\u00e4\ud83d\ude00\n"}"#, r#"{"a" = "\"\\/ä😀\u000A"}"#),
            (r#"{"a":"${HOME} $${x}"}"#, r#"{"a" = "$${HOME} $$${x}"}"#),
            ("{}", "{}"),
            ("[[], {}, -1, 0]", "[[], {}, -1, 0]"),
        ] {
            assert_eq!(toml_of(json).as_deref(), Ok(toml), "{json}");
        }
    }

    #[test]
    fn what_is_no_json_is_not() {
        let deep = "[".repeat(6) + &"]".repeat(6);
        let long = format!("\"{}\"", "a".repeat(MAX_JSON));
        for json in [
            "",
            "{",
            "}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "[1 2]",
            "null",
            "1.5",
            "01",
            "-",
            "1e3",
            "\"",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "{} {}",
            "{\"a\":1}\nb = 2",
            &deep,
            &long,
        ] {
            assert!(toml_of(json).is_err(), "{json}: {:?}", toml_of(json));
        }
    }
}
