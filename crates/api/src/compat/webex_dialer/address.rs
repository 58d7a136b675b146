//! Whom a leg calls. Somebody has written it who was asked for no key: nothing but a SIP address or a number goes on.

use tandem_config::{Endpoint, Toll};

/// Where a leg goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// As the node takes it.
    pub(super) to: String,
    /// By which trunk, where that does not say.
    pub(super) trunk: Option<Box<str>>,
}

impl Address {
    /// Where `text` leads by that trunk, if it may be called.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn of(text: &str, trunk: &str, may_call: &Toll) -> Result<Address, &'static str> {
        let text = text.trim();
        if let Some(number) = number(text) {
            return may(may_call, number, Address { to: format!("trunk:{trunk}/{number}"), trunk: None });
        }
        let has_scheme = ["sip:", "sips:"].iter().any(|scheme| has_scheme(text, scheme));
        let to = if has_scheme { text.to_owned() } else { format!("sip:{text}") };
        let Ok(Endpoint::Uri(target)) = Endpoint::parse(&to) else { return Err("it is not a SIP address") };
        let Some(user) = &target.user else { return Err("it is not a SIP address") };
        // Without port and parameters, and without its scheme.
        let aor = target.aor("");
        let host = aor.rsplit_once('@').map_or("", |(_, host)| host).to_ascii_lowercase();
        may(may_call, &format!("{user}@{host}"), Address { to, trunk: Some(trunk.into()) })
    }
}

fn may(may_call: &Toll, called: &str, address: Address) -> Result<Address, &'static str> {
    if may_call.lets_call(called) { Ok(address) } else { Err("it may not be called") }
}

fn number(text: &str) -> Option<&str> {
    let number = if has_scheme(text, "tel:") { &text["tel:".len()..] } else { text };
    let digits = number.strip_prefix('+').unwrap_or(number);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*' || byte == b'#');
    is_number.then_some(number)
}

pub(super) fn has_scheme(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(text: &str) -> Result<(String, bool), &'static str> {
        Address::of(text, "pbx", &Toll::default()).map(|address| (address.to, address.trunk.is_some()))
    }

    #[test]
    fn an_address_goes_as_it_is_and_a_number_to_the_trunk() {
        for (text, to) in [
            ("alice@example.com", "sip:alice@example.com"),
            ("sip:alice@example.com;transport=tls", "sip:alice@example.com;transport=tls"),
            ("SIPS:alice@example.com", "SIPS:alice@example.com"),
            (" alice@192.0.2.1:5070 ", "sip:alice@192.0.2.1:5070"),
        ] {
            assert_eq!(leads(text), Ok((to.to_owned(), true)), "{text}");
        }
        assert_eq!(leads("+15551230001"), Ok(("trunk:pbx/+15551230001".to_owned(), false)));
        assert_eq!(leads("tel:4711"), Ok(("trunk:pbx/4711".to_owned(), false)));
    }

    #[test]
    fn nothing_else_goes_on() {
        for text in [
            "",
            "alice",
            "user:alice",
            "trunk:pbx",
            "trunk:pbx/1",
            "sip:example.com",
            "a@b\r\nVia: x",
            "a@b?Route=x",
            "a@b@c",
            "<sip:a@b>",
            "tel:",
            "+",
            "https://example.com/",
            "a:b@c",
        ] {
            assert!(leads(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_may_not_be_called_is_not() {
        let webex = "[[listen]]\nname = 'l'\nbind = '127.0.0.1:0'\n[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-20999'\n\
            [api]\nbind = '127.0.0.1'\n[[trunk]]\nname = 'pbx'\ntargets = [{ uri = 'sip:127.0.0.9' }]\n\
            [webex]\ntrunk = 'pbx'\nmay_call = ['@([a-z0-9-]+\\.)*webex\\.com$', '^\\+1555\\d{7}$']";
        let config = tandem_config::load(webex, "test.toml", &|_| None).unwrap();
        let may_call = config.webex.unwrap().may_call;
        let may = |text: &str| Address::of(text, "pbx", &may_call).is_ok();
        for text in ["123@acme.webex.com", "sip:123@ACME.WEBEX.COM:5061;transport=tls", "+15551230001"] {
            assert!(may(text), "{text}");
        }
        for text in
            ["+19005550001", "123@webex.com.evil.example", "123@evil.example;x=a.webex.com", "+15551230001@evil.example", "x@evilwebex.com"]
        {
            assert!(!may(text), "{text}");
        }
    }
}
