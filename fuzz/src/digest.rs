//! Digest authentication: challenges as a peer may make them, and credentials as one may show them.

use std::net::{IpAddr, Ipv4Addr};
use tandem_model::{Account, Accounts, Challenge, DigestAlgorithm, Login, Random, Secret, Timestamp};
use tandem_signalling::auth::{Answers, Credentials, Guard, Outcome, Scheme, Source, Tried};
use tandem_signalling::message::{HeaderName, Message, Printer};

/// Whatever is asked of us is answered in a way that can be read again, for one realm once; and nobody gets in who was never asked.
pub fn digest(bytes: &[u8]) {
    let _ = Scheme::read_all(&String::from_utf8_lossy(bytes));
    if let Some(response) = with("SIP/2.0 401 Unauthorized", "WWW-Authenticate", bytes) {
        answered(&response);
    }
    if let Some(request) = with("INVITE sip:b@c SIP/2.0", "Authorization", bytes) {
        let challenge = Challenge {
            trunk: "t".into(),
            realm: "r".into(),
            algorithms: [DigestAlgorithm::Md5].into(),
            accounts: Accounts::One(Account { username: "u".into(), password: Secret::new("p") }),
        };
        let source = Source { address: IpAddr::V4(Ipv4Addr::LOCALHOST), is_known: false };
        let outcome = Guard::new([1; 16]).check(Timestamp::ZERO, &challenge, source, &request);
        assert!(!matches!(outcome, Outcome::Granted(_)), "nobody was asked yet");
    }
}

fn answered(response: &Message) {
    let login = Login { username: "a\"b".into(), password: Secret::new("p"), realm: None };
    let (mut answers, mut tried, mut random) = (Answers::default(), Tried::default(), Random::new(1));
    if answers.take(Some(&login), &mut tried, response, &mut random).is_err() {
        assert!(answers.is_empty(), "what cannot be answered leaves nothing");
        return;
    }
    answers.renew(response);
    let Some(request) = with("INVITE sip:b@c SIP/2.0", "CSeq", b"1 INVITE") else { return };
    let mut printer = Printer::request("INVITE", "sip:b@c");
    answers.write(&login, &request, &mut printer);
    let written = Message::parse(printer.finish()).ok();
    let written = written.iter().flat_map(Message::headers).filter(|line| line.name == HeaderName::Authorization);
    let mut realms = Vec::new();
    for line in written {
        let schemes = Scheme::read_all(line.value).unwrap_or_default();
        let read = schemes.first().and_then(Credentials::from_scheme);
        assert!(schemes.len() == 1 && read.is_some_and(|read| read.username == "a\"b" && read.uri == "sip:b@c"), "{}", line.value);
        realms.extend(read.map(|read| read.realm.to_owned()));
    }
    assert!(!realms.is_empty(), "an answer without credentials");
    let count = realms.len();
    realms.sort();
    realms.dedup();
    assert_eq!(realms.len(), count, "a realm twice");
}

fn with(start: &str, name: &str, value: &[u8]) -> Option<Message> {
    let bytes = [start.as_bytes(), b"\r\n", name.as_bytes(), b": ", value, b"\r\nContent-Length: 0\r\n\r\n"].concat();
    Message::parse(bytes.into()).ok()
}
