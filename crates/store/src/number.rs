//! The number in a URI, by which calls are found.

/// The user part of a SIP URI without its parameters, or what a `tel:` URI has; the text itself where it is neither. As it is written: `+49…`
/// and `0049…` are two numbers.
pub(crate) fn number(uri: &str) -> &str {
    let Some((scheme, rest)) = uri.split_once(':') else { return uri };
    let user = match scheme.to_ascii_lowercase().as_str() {
        "sip" | "sips" => rest.split_once('@').map_or("", |(user, _)| user),
        "tel" => rest,
        _ => return uri,
    };
    // A password, parameters.
    user.split([':', ';']).next().unwrap_or(user)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn it_is_the_user_part() {
        let numbers = ["sip:+4930123@example.com", "SIPS:alice;x=1@h", "tel:+4930123;ext=7", "sip:example.com", "alice", "sip:a:b@h"];
        assert_eq!(numbers.map(number), ["+4930123", "alice", "+4930123", "", "alice", "a"]);
    }
}
