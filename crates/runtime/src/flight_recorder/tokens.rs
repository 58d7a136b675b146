//! A dump must not hold the node's key, and what a call minted under it comes back in what the peers send. So the tokens of
//! a dumped call are minted anew under a key that everybody knows; they keep their length, and all else stays as it was.

use tandem_signalling::{MAGIC_COOKIE, Minter};

/// Replaces, where it stands, every tag, Contact user and branch that `from` minted by what `to` mints for the same leg.
pub fn translate_tokens(message: &mut [u8], from: &Minter, to: &Minter) {
    let mut start = 0;
    while start < message.len() {
        let end = message[start..].iter().position(|byte| !byte.is_ascii_alphanumeric()).map_or(message.len(), |at| start + at);
        let translated = std::str::from_utf8(&message[start..end]).ok().and_then(|word| translate(word, from, to));
        if let Some(word) = translated.filter(|word| word.len() == end - start) {
            message[start..end].copy_from_slice(word.as_bytes());
        }
        start = end + 1;
    }
}

fn translate(word: &str, from: &Minter, to: &Minter) -> Option<String> {
    // The cookie's letters have their own case; everything else that is long enough to be a token is tried.
    let minted = if word.starts_with(MAGIC_COOKIE) {
        let (leg, serial) = from.read_branch(word)?;
        to.branch(leg, serial)
    } else if let Some(leg) = from.read_tag(word) {
        to.tag(leg)
    } else {
        to.contact(from.read_contact(word)?)
    };
    Some(minted.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::CallId;

    #[test]
    fn what_was_minted_changes_its_key_and_nothing_else_changes() {
        let (from, to) = (Minter::new([1; 16]), Minter::new([2; 16]));
        let leg = CallId::new(1_700_000_000_000, 4).leg(1).unwrap();
        let text = |minter: &Minter| {
            format!(
                "BYE sip:{}@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch={}\r\nTo: <sip:b@c>;tag={}\r\nFrom: <sip:\u{e4}@d>;tag=1x",
                minter.contact(leg),
                minter.branch(leg, 7),
                minter.tag(leg)
            )
        };
        let mut bytes = text(&from).into_bytes();
        translate_tokens(&mut bytes, &from, &to);
        assert_eq!(String::from_utf8(bytes).unwrap(), text(&to));
    }

    #[test]
    fn what_others_minted_stays() {
        let (from, to) = (Minter::new([1; 16]), Minter::new([2; 16]));
        let leg = CallId::new(5, 4).leg(0).unwrap();
        let mut bytes = to.tag(leg).to_string().into_bytes();
        let before = bytes.clone();
        translate_tokens(&mut bytes, &from, &to);
        assert_eq!(bytes, before);
    }
}
