//! Digests as RFC 7616 §3.4 has them, written apart from the signalling crate, and what a phone asks for and answers with.

use crate::{Message, message::split_list};
use md5::Digest;

/// What a phone asks of who sends it requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// 401, or 407 as a proxy before the phone would.
    pub status: u16,
    /// Realm.
    pub realm: String,
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
    /// Offered, in this order: `MD5`, `SHA-256`, or what nobody knows.
    pub algorithms: Vec<String>,
    /// Methods that are asked for it.
    pub methods: Vec<String>,
    /// Whether `qop` is offered.
    pub qop: bool,
    /// How often a nonce may be used; then it is stale. 0: without end.
    pub uses: u32,
    /// No answer is ever good enough.
    pub never: bool,
}

impl Demand {
    /// 401 to INVITE, by MD5 with `qop`.
    pub fn new(username: &str, password: &str) -> Demand {
        Demand {
            status: 401,
            realm: "phones".into(),
            username: username.into(),
            password: password.into(),
            algorithms: vec!["MD5".into()],
            methods: vec!["INVITE".into()],
            qop: true,
            uses: 0,
            never: false,
        }
    }

    /// The credentials with which `login` answers a challenge, for a request of this method and URI; `None` if it is none.
    pub fn answer_to(challenge: &str, login: (&str, &str), method: &str, uri: &str) -> Option<String> {
        Params::parse(challenge).map(|challenge| credentials(challenge, login, (method, uri), "0a4f113b"))
    }

    fn names(&self) -> (&'static str, &'static str) {
        if self.status == 407 { ("Proxy-Authenticate", "Proxy-Authorization") } else { ("WWW-Authenticate", "Authorization") }
    }

    /// The challenges, under this nonce.
    pub(crate) fn ask(&self, response: &mut Message, nonce: &str, stale: bool) {
        for algorithm in &self.algorithms {
            let qop = if self.qop { ", qop=\"auth\"" } else { "" };
            let stale = if stale { ", stale=TRUE" } else { "" };
            let realm = &self.realm;
            response.push(
                self.names().0,
                format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", opaque=\"0\", algorithm={algorithm}{qop}{stale}"),
            );
        }
    }

    /// The credentials for this realm, if `request` has any.
    pub(crate) fn given(&self, request: &Message) -> Option<Params> {
        let lines = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(self.names().1));
        lines.filter_map(|(_, value)| Params::parse(value)).find(|params| params.get("realm") == self.realm)
    }

    /// Whether they are right, whatever their nonce.
    pub(crate) fn is_met(&self, request: &Message, given: &Params) -> bool {
        let expected = digest(given, &self.username, &self.password, request.method(), given.get("uri"));
        let offered = self.algorithms.iter().any(|algorithm| algorithm == given.algorithm());
        !self.never
            && offered
            && given.get("username") == self.username
            && given.get("uri") == request.uri()
            && given.get("response") == expected
    }
}

/// A challenge or an answer, in its parts.
#[derive(Clone, Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(value: &str) -> Option<Params> {
        let parts = split_list(value.strip_prefix("Digest ")?).into_iter();
        let pairs =
            parts.map(|part| part.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches('"').to_owned())));
        pairs.collect::<Option<Vec<_>>>().map(Params)
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn count(&self) -> u32 {
        u32::from_str_radix(self.get("nc"), 16).unwrap_or(0)
    }

    fn algorithm(&self) -> &str {
        if self.get("algorithm").is_empty() { "MD5" } else { self.get("algorithm") }
    }
}

/// Puts the answer to the challenges of `response` into `request`. False: it has nothing that could be answered.
pub(crate) fn answer(request: &mut Message, response: &Message, login: (&str, &str), cnonce: &str) -> bool {
    let mut answered = false;
    for (asking, giving) in [("WWW-Authenticate", "Authorization"), ("Proxy-Authenticate", "Proxy-Authorization")] {
        let lines = response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(asking));
        let known = |params: &Params| matches!(params.algorithm(), "MD5" | "SHA-256");
        let Some(params) = lines.filter_map(|(_, value)| Params::parse(value)).find(known) else { continue };
        let credentials = credentials(params, login, (request.method(), request.uri()), cnonce);
        request.set(giving, credentials);
        answered = true;
    }
    answered
}

/// The credentials that answer a challenge.
fn credentials(challenge: Params, (username, password): (&str, &str), (method, uri): (&str, &str), cnonce: &str) -> String {
    let has_qop = !challenge.get("qop").is_empty();
    let mut params = challenge;
    params.0.retain(|(name, _)| name != "stale" && name != "qop");
    let counted = [("qop", "auth"), ("nc", "00000001"), ("cnonce", cnonce)].into_iter().filter(|_| has_qop);
    for (name, value) in counted.chain([("username", username), ("uri", uri)]) {
        params.0.push((name.into(), value.into()));
    }
    let response = digest(&params, username, password, method, uri);
    let bare = |name: &str| matches!(name, "qop" | "nc" | "algorithm");
    let shown = params.0.iter().map(|(name, value)| if bare(name) { format!("{name}={value}") } else { format!("{name}=\"{value}\"") });
    let text = shown.chain([format!("response=\"{response}\"")]).collect::<Vec<_>>().join(", ");
    format!("Digest {text}")
}

fn digest(params: &Params, username: &str, password: &str, method: &str, uri: &str) -> String {
    let hash = |text: String| match params.algorithm() {
        "SHA-256" => hex(&sha2::Sha256::digest(text)),
        _ => hex(&md5::Md5::digest(text)),
    };
    let first = hash(format!("{username}:{}:{password}", params.get("realm")));
    let second = hash(format!("{method}:{uri}"));
    let nonce = params.get("nonce");
    match params.get("qop") {
        "" => hash(format!("{first}:{nonce}:{second}")),
        qop => hash(format!("{first}:{nonce}:{}:{}:{qop}:{second}", params.get("nc"), params.get("cnonce"))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2617() {
        let text = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                    uri=\"/dir/index.html\", qop=auth, nc=00000001, cnonce=\"0a4f113b\"";
        let params = Params::parse(text).unwrap();
        assert_eq!(digest(&params, "Mufasa", "Circle Of Life", "GET", "/dir/index.html"), "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn what_a_phone_answers_another_takes() {
        for algorithm in ["MD5", "SHA-256"] {
            let demand = Demand { algorithms: vec!["FUTURE".into(), algorithm.into()], ..Demand::new("u", "p") };
            let mut response = Message::response(401, "");
            demand.ask(&mut response, "n", false);
            let mut request = Message::request("INVITE", "sip:a@b");
            assert!(answer(&mut request, &response, ("u", "p"), "c"));
            assert!(demand.is_met(&request, &demand.given(&request).unwrap()));
            assert!(answer(&mut request, &response, ("u", "x"), "c"));
            assert!(!demand.is_met(&request, &demand.given(&request).unwrap()));
        }
    }
}
