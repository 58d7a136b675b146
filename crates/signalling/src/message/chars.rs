//! Character classes of RFC 3261 §25.1, as bits of one table.

/// Some of the classes below.
pub(super) type Classes = u16;

pub(super) const TOKEN: Classes = 1;
pub(super) const USER: Classes = 1 << 1;
pub(super) const PASSWORD: Classes = 1 << 2;
pub(super) const PARAM: Classes = 1 << 3;
pub(super) const HEADER: Classes = 1 << 4;
pub(super) const HOST: Classes = 1 << 5;
pub(super) const SPACE: Classes = 1 << 6;
/// Wider than `token / host`, what a header parameter's value may be: peers write unquoted addresses and base 64 there, and
/// nothing of it can end a parameter.
pub(super) const VALUE: Classes = 1 << 7;
/// Wider than `*(token LWS)`, a display name without quotes: names with umlauts or brackets come so, and none of this can be
/// taken for a URI.
pub(super) const DISPLAY: Classes = 1 << 8;
/// What any URI may have in it, whatever its scheme: nothing that ends one.
pub(super) const URI: Classes = 1 << 9;
/// What a scheme goes on with after its first letter (RFC 3986 §3.1).
pub(super) const SCHEME: Classes = 1 << 10;

const ALPHANUMERIC: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const MARK: &[u8] = b"-_.!~*'()";

static CLASSES: [Classes; 256] = {
    let mut table = [0; 256];
    add(&mut table, ALPHANUMERIC, TOKEN | USER | PASSWORD | PARAM | HEADER | HOST);
    add(&mut table, b"-.!%*_+`'~", TOKEN);
    add(&mut table, MARK, USER | PASSWORD | PARAM | HEADER);
    // '#' must be escaped, yet dialled feature codes carry it raw: it is let through where it cannot be mistaken.
    add(&mut table, b"&=+$,;?/#", USER);
    add(&mut table, b"&=+$,", PASSWORD);
    add(&mut table, b"[]/:&+$", PARAM);
    add(&mut table, b"[]/?:+$", HEADER);
    // '_' is no host character, yet service names carry it.
    add(&mut table, b"-._", HOST);
    add(&mut table, b" \t\r\n", SPACE);
    add(&mut table, ALPHANUMERIC, VALUE);
    add(&mut table, b"!#$%&'()*+-./:=?@[]^_`{|}~", VALUE);
    add(&mut table, ALPHANUMERIC, DISPLAY | URI | SCHEME);
    add(&mut table, b"!#$%&'()*+-./=?@[\\]^_`{|}~", DISPLAY | URI);
    add(&mut table, b" \t\r\n", DISPLAY);
    add(&mut table, b":;,", URI);
    add(&mut table, b"+-.", SCHEME);
    let mut high = 0x80;
    while high < table.len() {
        table[high] |= DISPLAY;
        high += 1;
    }
    table
};

const fn add(table: &mut [Classes; 256], bytes: &[u8], class: Classes) {
    let mut place = 0;
    while place < bytes.len() {
        table[bytes[place] as usize] |= class;
        place += 1;
    }
}

/// Whether `byte` belongs to one of `classes`.
pub(super) fn is(byte: u8, classes: Classes) -> bool {
    CLASSES[usize::from(byte)] & classes != 0
}

/// The length of the run of `classes` that `text` begins with.
pub(super) fn run(text: &[u8], classes: Classes) -> usize {
    text.iter().position(|byte| !is(*byte, classes)).unwrap_or(text.len())
}

/// Whether all of `text`, at least one byte, belongs to `classes`.
pub(super) fn all(text: &[u8], classes: Classes) -> bool {
    !text.is_empty() && run(text, classes) == text.len()
}

/// Without the white space and line folds around it (LWS, SWS).
pub(super) fn trim(text: &str) -> &str {
    let bytes = text.as_bytes();
    let Some(last) = bytes.iter().rposition(|byte| !is(*byte, SPACE)) else { return "" };
    &text[run(bytes, SPACE)..=last]
}

/// The end of the quoted string that begins at `start` (just after its closing quote); `None` if it has no end.
pub(super) fn quoted_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The place of the first `byte`. The texts are short: a plain loop beats a search that has to set itself up.
pub(super) fn find(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|found| *found == byte)
}

/// The place of the first control character at `from` or after it. Eight bytes are looked at together: below, the lowest byte
/// with its high bit set is the first that is less than a space, or DEL; what is set above it can be a borrow and does not count.
pub(super) fn control(text: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let mut at = from;
    while let Some(eight) = text.get(at..at + 8) {
        let word = u64::from_le_bytes(eight.try_into().unwrap_or_default());
        let dels = word ^ (ONES * 0x7f);
        let found = (word.wrapping_sub(ONES * 0x20) & !word | dels.wrapping_sub(ONES) & !dels) & (ONES * 0x80);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    text.get(at..)?.iter().position(u8::is_ascii_control).map(|place| at + place)
}
