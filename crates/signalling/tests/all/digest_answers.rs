//! What a leg makes of challenges: which it answers, how often, and with what counts.

use tandem_model::{Login, Random, Secret};
use tandem_signalling::auth::{Answers, Credentials, Scheme, Terms, Tried, Unanswerable};
use tandem_signalling::message::{HeaderName, Message, Printer};

fn login(realm: Option<&str>) -> Login {
    Login { username: "acme".into(), password: Secret::new("s3cret"), realm: realm.map(Into::into) }
}

fn challenged(lines: &[&str]) -> Message {
    let text = format!("SIP/2.0 401 Unauthorized\r\n{}\r\nContent-Length: 0\r\n\r\n", lines.join("\r\n"));
    Message::parse(text.into()).expect("a response")
}

fn www(params: &str) -> String {
    format!("WWW-Authenticate: Digest {params}")
}

/// A leg that was challenged.
struct Bench {
    answers: Answers,
    tried: Tried,
    login: Option<Login>,
}

impl Bench {
    fn new(login: Option<Login>) -> Bench {
        Bench { answers: Answers::default(), tried: Tried::default(), login }
    }

    fn take(&mut self, lines: &[&str]) -> Result<(), Unanswerable> {
        self.answers.take(self.login.as_ref(), &mut self.tried, &challenged(lines), &mut Random::new(3))
    }

    /// Name and value of each header with credentials.
    fn written(&mut self) -> Vec<(HeaderName, String)> {
        let request = Message::parse(Printer::request("INVITE", "sip:1@peer").finish()).expect("a request");
        let mut printer = Printer::request("INVITE", "sip:1@peer");
        self.answers.write(&login(None), &request, &mut printer);
        let message = Message::parse(printer.finish()).expect("a request");
        message.headers().filter(|line| line.name != HeaderName::ContentLength).map(|line| (line.name, line.value.to_owned())).collect()
    }
}

#[test]
fn the_first_challenge_of_a_realm_that_we_know_is_answered() {
    let mut bench = Bench::new(Some(login(None)));
    let lines = [
        www("realm=\"r\", nonce=\"0\", algorithm=FUTURE-1, qop=\"auth\""),
        www("realm=\"r\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\", opaque=\"o\""),
        www("realm=\"r\", nonce=\"2\", algorithm=MD5, qop=\"auth\""),
    ];
    assert_eq!(bench.take(&[&lines[0], &lines[1], &lines[2]]), Ok(()));
    let written = bench.written();
    assert_eq!(written.len(), 1);
    let value = &written[0].1;
    assert!(value.contains("nonce=\"1\"") && value.contains("algorithm=SHA-256") && value.contains("opaque=\"o\""), "{value}");
    let schemes = Scheme::read_all(value).unwrap();
    let read = Credentials::from_scheme(&schemes[0]).unwrap();
    let (count, written, cnonce) = read.auth.unwrap();
    assert_eq!((count, written), (1, "00000001"));
    let terms = Terms {
        algorithm: read.algorithm,
        username: "acme",
        realm: "r",
        password: "s3cret",
        nonce: "1",
        method: "INVITE",
        uri: "sip:1@peer",
        auth: Some((written, cnonce)),
    };
    assert_eq!(read.response, terms.response().as_str());
}

#[test]
fn counts_grow_with_every_request() {
    let mut bench = Bench::new(Some(login(None)));
    bench.take(&[&www("realm=\"r\", nonce=\"1\", qop=\"auth\"")]).unwrap();
    for count in ["00000001", "00000002", "00000003"] {
        assert!(bench.written()[0].1.contains(count));
    }
}

#[test]
fn a_challenge_of_rfc_2069_is_answered_in_kind() {
    let mut bench = Bench::new(Some(login(None)));
    bench.take(&[&www("realm=\"r\", nonce=\"1\"")]).unwrap();
    let value = bench.written()[0].1.clone();
    assert!(!value.contains("qop") && !value.contains("cnonce") && !value.contains("algorithm"), "{value}");
}

#[test]
fn a_proxy_and_the_peer_behind_it_are_both_answered() {
    let mut bench = Bench::new(Some(login(None)));
    let proxy = "Proxy-Authenticate: Digest realm=\"p\", nonce=\"1\", qop=\"auth\", Digest realm=\"q\", nonce=\"2\"";
    bench.take(&[proxy, &www("realm=\"p\", nonce=\"3\"")]).unwrap();
    let names: Vec<HeaderName> = bench.written().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [HeaderName::ProxyAuthorization, HeaderName::ProxyAuthorization, HeaderName::Authorization]);
}

#[test]
fn only_our_own_realm_is_answered() {
    let mut bench = Bench::new(Some(login(Some("ours"))));
    assert_eq!(bench.take(&[&www("realm=\"other\", nonce=\"1\"")]), Err(Unanswerable::OtherRealm("other".into())));
    assert!(bench.answers.is_empty());
    assert_eq!(bench.take(&[&www("realm=\"other\", nonce=\"1\""), &www("realm=\"ours\", nonce=\"1\"")]), Ok(()));
    assert_eq!(bench.written().len(), 1);
}

#[test]
fn the_same_realm_is_not_answered_twice() {
    let mut bench = Bench::new(Some(login(None)));
    bench.take(&[&www("realm=\"r\", nonce=\"1\"")]).unwrap();
    assert_eq!(bench.take(&[&www("realm=\"r\", nonce=\"2\"")]), Err(Unanswerable::Refused("r".into())));
}

#[test]
fn a_nonce_that_was_too_old_is_replaced_once() {
    let mut bench = Bench::new(Some(login(None)));
    bench.take(&[&www("realm=\"r\", nonce=\"1\"")]).unwrap();
    assert_eq!(bench.take(&[&www("realm=\"r\", nonce=\"2\", stale=TRUE")]), Ok(()));
    assert!(bench.written()[0].1.contains("nonce=\"2\""));
    assert_eq!(bench.take(&[&www("realm=\"r\", nonce=\"3\", stale=TRUE")]), Err(Unanswerable::Refused("r".into())));
}

#[test]
fn a_later_request_may_be_challenged_again() {
    let mut bench = Bench::new(Some(login(None)));
    bench.take(&[&www("realm=\"r\", nonce=\"1\"")]).unwrap();
    bench.tried = Tried::default();
    assert_eq!(bench.take(&[&www("realm=\"r\", nonce=\"2\"")]), Ok(()));
}

#[test]
fn what_cannot_be_answered_says_why() {
    assert_eq!(Bench::new(None).take(&[&www("realm=\"r\", nonce=\"1\"")]), Err(Unanswerable::NoLogin));
    let mut bench = Bench::new(Some(login(None)));
    assert_eq!(bench.take(&[]), Err(Unanswerable::NoChallenge));
    assert_eq!(bench.take(&["WWW-Authenticate: Basic realm=\"r\""]), Err(Unanswerable::Unsupported));
    assert_eq!(bench.take(&["WWW-Authenticate: \"\""]), Err(Unanswerable::NoChallenge));
}

#[test]
fn realms_and_answers_are_bounded() {
    let mut bench = Bench::new(Some(login(None)));
    for round in 0..2 {
        assert_eq!(bench.take(&[&www(&format!("realm=\"{round}\", nonce=\"1\""))]), Ok(()));
    }
    assert_eq!(bench.take(&[&www("realm=\"more\", nonce=\"1\"")]), Err(Unanswerable::TooMany));
    assert_eq!(bench.take(&[&www("realm=\"0\", nonce=\"1\", stale=true")]), Ok(()));
    assert_eq!(bench.take(&[&www("realm=\"1\", nonce=\"1\", stale=true")]), Err(Unanswerable::TooMany));
}

#[test]
fn the_next_nonce_is_taken() {
    let mut bench = Bench::new(Some(login(None)));
    bench.take(&[&www("realm=\"r\", nonce=\"1\", qop=\"auth\"")]).unwrap();
    bench.written();
    bench.answers.renew(&challenged(&["Authentication-Info: nextnonce=\"2\", qop=auth"]));
    let value = bench.written()[0].1.clone();
    assert!(value.contains("nonce=\"2\"") && value.contains("nc=00000001"), "{value}");
}
