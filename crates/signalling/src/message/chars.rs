//! Character classes of RFC 3261 §25.1, as bits of one table.

pub(super) const TOKEN: u8 = 1;
pub(super) const USER: u8 = 1 << 1;
pub(super) const PASSWORD: u8 = 1 << 2;
pub(super) const PARAM: u8 = 1 << 3;
pub(super) const HEADER: u8 = 1 << 4;
pub(super) const HOST: u8 = 1 << 5;
pub(super) const SPACE: u8 = 1 << 6;
/// Wider than `token / host`, what a header parameter's value may be: peers write unquoted addresses and base 64 there, and
/// nothing of it can end a parameter.
pub(super) const VALUE: u8 = 1 << 7;

const ALPHANUMERIC: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const MARK: &[u8] = b"-_.!~*'()";

static CLASSES: [u8; 256] = {
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
    table
};

const fn add(table: &mut [u8; 256], bytes: &[u8], class: u8) {
    let mut place = 0;
    while place < bytes.len() {
        table[bytes[place] as usize] |= class;
        place += 1;
    }
}

/// Whether `byte` belongs to one of `classes`.
pub(super) fn is(byte: u8, classes: u8) -> bool {
    CLASSES[usize::from(byte)] & classes != 0
}

/// The length of the run of `classes` that `text` begins with.
pub(super) fn run(text: &[u8], classes: u8) -> usize {
    text.iter().position(|byte| !is(*byte, classes)).unwrap_or(text.len())
}

/// Whether all of `text`, at least one byte, belongs to `classes`.
pub(super) fn all(text: &[u8], classes: u8) -> bool {
    !text.is_empty() && run(text, classes) == text.len()
}

/// Without the white space and line folds around it (LWS, SWS).
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| matches!(character, ' ' | '\t' | '\r' | '\n'))
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
