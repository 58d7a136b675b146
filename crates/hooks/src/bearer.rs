//! Who asks says so with a token (RFC 6750).

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

/// The longest token, in bytes.
const MAX_TOKEN: usize = 8192;

/// The header that shows `token`; `None` for what is no token (RFC 6750 §2.1).
pub fn bearer(token: &str) -> Option<(HeaderName, HeaderValue)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || token.len() > MAX_TOKEN || !token.bytes().all(is_token) {
        return None;
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some((AUTHORIZATION, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_is_not_sent() {
        let (name, value) = bearer("abc.DEF-1~2+3/4=").unwrap();
        assert_eq!((name, value.to_str().unwrap(), value.is_sensitive()), (AUTHORIZATION, "Bearer abc.DEF-1~2+3/4=", true));
        for wrong in ["", "a b", "a\r\nX: y", "ä", &"x".repeat(MAX_TOKEN + 1)] {
            assert_eq!(bearer(wrong), None, "{wrong}");
        }
    }
}
