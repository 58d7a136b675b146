//! Text that came from the wire, made safe to print: a log line stays one line and a terminal is told nothing.

use std::fmt::{self, Write};

/// Prints text with every control character escaped, and with the characters that reverse or hide what is read.
#[derive(Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

/// Prints bytes that should be text: as [`Escaped`], and what is not UTF-8 as `\xNN`.
#[derive(Clone, Copy)]
pub struct EscapedBytes<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nearly always there is nothing to escape; that is seen many bytes at a time.
        if self.0.bytes().fold(true, |plain, byte| plain & (b' '..0x7f).contains(&byte)) {
            return f.write_str(self.0);
        }
        let mut clean = 0;
        for (at, character) in self.0.char_indices().filter(|(_, character)| is_dangerous(*character)) {
            f.write_str(&self.0[clean..at])?;
            write!(f, "{}", character.escape_default())?;
            clean = at + character.len_utf8();
        }
        f.write_str(&self.0[clean..])
    }
}

impl fmt::Debug for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        fmt::Display::fmt(self, f)?;
        f.write_char('"')
    }
}

impl fmt::Display for EscapedBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            Escaped(chunk.valid()).fmt(f)?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

/// C0, DEL and C1 controls; line and paragraph separators; marks that turn the reading direction or have no width.
fn is_dangerous(character: char) -> bool {
    character.is_control() || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        assert_eq!(Escaped("sip:jürgen@example.com").to_string(), "sip:jürgen@example.com");
    }

    #[test]
    fn every_control_byte_is_escaped() {
        let all: String = (0..0xa0u8).map(char::from).collect();
        let shown = Escaped(&all).to_string();
        assert!(!shown.chars().any(char::is_control), "{shown}");
        assert_eq!(Escaped("a\r\nb\x1b[2Jc\u{9b}d").to_string(), "a\\r\\nb\\u{1b}[2Jc\\u{9b}d");
        assert_eq!(Escaped("a\u{202e}b").to_string(), "a\\u{202e}b");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_numbers() {
        assert_eq!(EscapedBytes(b"ok\xff\xfe\n").to_string(), "ok\\xff\\xfe\\n");
    }
}
