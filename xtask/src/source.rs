//! Rust source, split into what runs and what is said about it, and into production code and tests.

/// One file, in layers of the same shape: each has the length and the line breaks of the text, with spaces where
/// another layer has something. String and character literals are in none.
#[derive(Debug)]
pub(crate) struct Source {
    /// Code that ships.
    pub(crate) production: String,
    /// Code under `#[cfg(test)]`.
    pub(crate) tests: String,
    /// Comments of both.
    pub(crate) comments: String,
    /// Lines of the file that are not inside `#[cfg(test)]` items.
    pub(crate) production_lines: usize,
    /// Names of `#[cfg(test)] mod name;`: files of tests.
    pub(crate) test_modules: Vec<String>,
}

impl Source {
    pub(crate) fn of(text: &str) -> Source {
        let (code, comments) = split_comments(text);
        let whole = code.contains("#![cfg(test)]");
        let regions = if whole { vec![(0, code.len())] } else { test_regions(&code) };
        let inside = |place: usize| regions.iter().any(|&(from, to)| (from..to).contains(&place));
        let layer = |tests: bool| -> String {
            let chosen = |(place, byte): (usize, u8)| if byte == b'\n' || inside(place) == tests { byte } else { b' ' };
            String::from_utf8(code.bytes().enumerate().map(chosen).collect()).unwrap_or_default()
        };
        let (production, tests) = (layer(false), layer(true));
        let mut start = 0;
        let production_lines = text
            .split_inclusive('\n')
            .filter(|line| {
                let first = start + line.len() - line.trim_start().len();
                start += line.len();
                !inside(first.min(start - 1))
            })
            .count();
        let test_modules = regions.iter().filter_map(|&(from, to)| outside_module(&code[from..to])).collect();
        Source { production, tests, comments, production_lines, test_modules }
    }
}

/// The identifiers of a layer with their line numbers.
pub(crate) fn identifiers(layer: &str) -> impl Iterator<Item = (usize, &str)> {
    layer.lines().enumerate().flat_map(|(index, line)| {
        line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
            .filter(|word| !word.is_empty())
            .map(move |word| (index + 1, word))
    })
}

/// The name in `#[cfg(test)] mod name;`.
fn outside_module(item: &str) -> Option<String> {
    let (_, declaration) = item.trim_end().strip_suffix(';')?.rsplit_once("mod ")?;
    Some(declaration.trim().to_owned())
}

/// Byte ranges of the items under `#[cfg(test)]` (or a `cfg` whose first condition is `test`).
fn test_regions(code: &str) -> Vec<(usize, usize)> {
    let mut regions: Vec<(usize, usize)> = Vec::new();
    for marker in ["#[cfg(test)]", "#[cfg(all(test", "#[cfg(any(test"] {
        let mut from = 0;
        while let Some(found) = code[from..].find(marker) {
            let start = from + found;
            let end = item_end(code, start);
            regions.push((start, end));
            from = end;
        }
    }
    regions
}

/// Where the item ends whose first attribute starts at `start`: its `;` or its closing brace.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0usize;
    let mut in_attribute = false;
    for (offset, byte) in code.as_bytes()[start..].iter().enumerate() {
        match byte {
            b'#' if depth == 0 => in_attribute = true,
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && *byte == b'}' {
                    return start + offset + 1;
                }
                if depth == 0 && *byte == b']' && in_attribute {
                    in_attribute = false;
                }
            }
            b';' if depth == 0 && !in_attribute => return start + offset + 1,
            _ => {}
        }
    }
    code.len()
}

/// Code without comments and literals, and comments without code. Both keep every byte's place.
fn split_comments(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let mut code = blank(bytes);
    let mut comments = code.clone();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = at + literal_or_comment(rest, at > 0 && is_word(bytes[at - 1])).unwrap_or(0);
        if end > at && rest.starts_with(b"/") {
            comments[at..end].copy_from_slice(&bytes[at..end]);
        }
        if end > at {
            at = end;
        } else {
            code[at] = bytes[at];
            at += 1;
        }
    }
    // Literals and comments begin and end on ASCII, so that both layers are cut between characters.
    (String::from_utf8(code).unwrap_or_default(), String::from_utf8(comments).unwrap_or_default())
}

fn blank(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|&byte| if byte == b'\n' { byte } else { b' ' }).collect()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The length of the comment or literal that `rest` begins with, if it begins with one.
fn literal_or_comment(rest: &[u8], after_word: bool) -> Option<usize> {
    match rest {
        [b'/', b'/', ..] => Some(rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(block_comment(rest)),
        [b'"', ..] => Some(quoted(rest, b'"')),
        [b'\'', b'\\', ..] => Some(quoted(rest, b'\'')),
        [b'\'', ..] => character(rest),
        [b'r' | b'b' | b'c', ..] if !after_word => prefixed(rest),
        _ => None,
    }
}

/// `'x'`, but not the lifetime `'x`.
fn character(rest: &[u8]) -> Option<usize> {
    let text = &rest[1..];
    let length = match text.first()? {
        0x00..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    (text.get(length) == Some(&b'\'')).then_some(length + 2)
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `b'x'`, `c"…"`.
fn prefixed(rest: &[u8]) -> Option<usize> {
    let letters = rest.iter().take(2).take_while(|byte| matches!(byte, b'r' | b'b' | b'c')).count();
    let raw = rest[..letters].contains(&b'r');
    let after = &rest[letters..];
    if !raw {
        return match after.first()? {
            quote @ (b'"' | b'\'') => Some(letters + quoted(after, *quote)),
            _ => None,
        };
    }
    let hashes = after.iter().take_while(|&&byte| byte == b'#').count();
    if after.get(hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = &after[hashes + 1..];
    let length = body.windows(close.len()).position(|window| window == close).map_or(body.len(), |place| place + close.len());
    Some(letters + hashes + 1 + length)
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Block comments nest.
fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at + 1 < rest.len() {
        match &rest[at..at + 2] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(layer: &str) -> Vec<&str> {
        identifiers(layer).map(|(_, word)| word).collect()
    }

    #[test]
    fn literals_and_comments_are_not_code() {
        let source = Source::of(concat!(
            "let a = \"one \\\" two\"; // three\n",
            "let b = r#\"four \" five\"#; /* six /* seven */ eight */ nine\n",
            "let c = 'x'; let d: &'static u8 = b'y'; let e = br\"ten\"; let r = 1; '\\'' eleven\n",
        ));
        assert_eq!(
            words(&source.production),
            ["let", "a", "let", "b", "nine", "let", "c", "let", "d", "static", "u8", "let", "e", "let", "r", "1", "eleven"]
        );
        assert_eq!(words(&source.comments), ["three", "six", "seven", "eight"]);
    }

    #[test]
    fn a_test_module_is_not_production() {
        let source = Source::of("fn a() {}\n\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    fn b() { if true {} }\n}\nfn c() {}\n");
        assert_eq!(words(&source.production), ["fn", "a", "fn", "c"]);
        assert!(words(&source.tests).contains(&"b"));
        assert_eq!(source.production_lines, 3);
    }

    #[test]
    fn a_test_function_with_an_array_ends_at_its_brace() {
        let source = Source::of("#[cfg(test)]\nfn a(b: [u8; 3]) -> u8 {\n  b[0]\n}\nfn c() {}\n");
        assert_eq!(words(&source.production), ["fn", "c"]);
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_is_named() {
        let source = Source::of("#[cfg(test)]\nmod torture;\nmod real;\n");
        assert_eq!(source.test_modules, ["torture"]);
        assert_eq!(words(&source.production), ["mod", "real"]);
    }

    #[test]
    fn letters_beyond_ascii_keep_their_place() {
        let source = Source::of("let ä = 'ö'; // ü\nlet b = \"→\";\n");
        assert_eq!(words(&source.production), ["let", "ä", "let", "b"]);
        assert_eq!(words(&source.comments), ["ü"]);
    }
}
