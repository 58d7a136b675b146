//! The front desk: who must prove who they are, and whether they have.

use super::challenge::DigestChallenge;
use super::credentials::Credentials;
use super::digest::{Algorithm, Hash, Terms};
use super::guesses::{Guesses, Who};
use super::nonce::{Found, Given, Nonces};
use super::scheme::Scheme;
use super::used::Used;
use crate::message::{HeaderName, Message, Method, Printer, Uri};
use std::fmt;
use std::net::IpAddr;
use subtle::ConstantTimeEq;
use tandem_model::{Account, Accounts, Challenge, DigestAlgorithm, Timestamp, neighbourhood};

/// Characters of a wrong user name that are told.
const MAX_TOLD: usize = 64;

/// Wrong answers on end, each to the challenge that came of the one before, after which nothing more is asked: 403. A client that
/// answers without thinking would go on for ever (RFC 3261 §22.1).
const MAX_ROUNDS: u8 = 2;

/// Checks credentials. One a node.
pub struct Guard {
    nonces: Nonces,
    used: Used,
    guesses: Guesses,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are who they should be: that one, where several could be.
    Granted(Option<Box<str>>),
    /// They are to be asked (again).
    Asked {
        /// Their nonce was ours and is too old, or they knew the password and had used it up.
        stale: bool,
        /// They answered, and wrong.
        wrong: Option<Wrong>,
    },
    /// They answered wrong, and did so when they were last asked: they are told no.
    Refused(Wrong),
}

/// How somebody is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Their nonce was ours and will not do any more.
    pub stale: bool,
    /// They have just answered wrong, to a nonce of ours.
    pub again: bool,
    /// They would not get over the sight of another algorithm.
    pub md5_alone: bool,
}

/// User agents that know MD5 alone and give up where a challenge beside it names another algorithm, which they should pass over (RFC 8760
/// §2.4). What they send is theirs to say: whoever says that they are one of these is asked by MD5, which they could have chosen anyway.
const TRIPS_OVER_ALGORITHMS: [&str; 3] = ["baresip v0.", "baresip v1.", "baresip v2."];

impl How {
    /// How the sender of `request` is asked.
    pub fn to_ask(request: &Message, stale: bool, wrong: Option<&Wrong>) -> How {
        // On nonces of nobody passwords could be tried without end: right or wrong, they are told the same.
        let again = wrong.is_some_and(|wrong| wrong.holder.is_some());
        let agent = request.header(HeaderName::UserAgent).unwrap_or_default();
        How { stale, again, md5_alone: TRIPS_OVER_ALGORITHMS.iter().any(|known| agent.starts_with(known)) }
    }
}

/// A wrong answer, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What was wrong with it, in words.
    pub why: &'static str,
    /// The user name that it gave, cut to 64 characters.
    pub username: Box<str>,
    /// How many wrong answers there were from that address within a minute, this one counted.
    pub count: u32,
    /// Who was given the challenge that it answers, if that was ours. Unlike a source address it cannot be forged.
    pub holder: Option<IpAddr>,
    /// It was not looked at, and would have been right: it is told what a wrong one is, and held against nobody.
    pub is_unheard: bool,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address; it may be forged.
    pub address: IpAddr,
    /// The flow is known to be somebody's who has proved it.
    pub is_known: bool,
}

impl Guard {
    /// A guard whose nonces are made under a key from `secret`.
    pub fn new(secret: [u8; 16]) -> Self {
        Guard { nonces: Nonces::new(secret), used: Used::default(), guesses: Guesses::default() }
    }

    /// Whether `request`, which came from `source`, proves what `challenge` asks for.
    pub fn check(&mut self, now: Timestamp, challenge: &Challenge, source: Source, request: &Message) -> Outcome {
        for header in request.headers().filter(|header| header.name == HeaderName::Authorization) {
            let value = header.unfolded();
            let Ok(schemes) = Scheme::read_all(&value) else { continue };
            let ours = |scheme: &&Scheme<'_>| scheme.is_digest() && scheme.get("realm") == Some(&*challenge.realm);
            if let Some(scheme) = schemes.iter().find(ours) {
                return self.judge(now, challenge, source, request, scheme);
            }
        }
        Outcome::Asked { stale: false, wrong: None }
    }

    fn judge(&mut self, now: Timestamp, challenge: &Challenge, source: Source, request: &Message, scheme: &Scheme<'_>) -> Outcome {
        let (found, given) = self.nonces.read(now, scheme.get("nonce").unwrap_or_default(), challenge);
        // RFC 7616 §3.3: stale whatever the answer. It is not looked at: passwords could be tried on an old nonce from anywhere, long after
        // its holder is banned, and wrong answers to it would shut the holder out for ever.
        if found == Found::Old {
            return Outcome::Asked { stale: true, wrong: None };
        }
        let holder = given.map(|given| given.holder);
        let username = scheme.get("username").unwrap_or_default();
        let is_there = holder == Some(neighbourhood(source.address));
        let who = match holder {
            Some(_) if source.is_known && is_there => Who::Known,
            Some(_) => Who::Asked,
            None => Who::Unasked,
        };
        let is_over = holder.is_some_and(|holder| !self.guesses.may_try(now, holder, who));
        let mut wrong_or_unheard = |why, is_unheard: bool| {
            let count = if is_unheard { 0 } else { self.guesses.count(now, holder.unwrap_or(source.address), who) };
            let username = username.chars().take(MAX_TOLD).collect::<String>().into();
            let wrong = Wrong { why, username, count, holder, is_unheard };
            match given {
                Some(Given { round, .. }) if round + 1 >= MAX_ROUNDS => Outcome::Refused(wrong),
                _ => Outcome::Asked { stale: false, wrong: Some(wrong) },
            }
        };
        let Some(credentials) = Credentials::from_scheme(scheme) else { return wrong_or_unheard("malformed", false) };
        // Computed whatever else is wrong, and for an unknown user too: it takes as long as a wrong password.
        let knows = proves(challenge, &credentials, request);
        if !offered(challenge).any(|algorithm| algorithm == credentials.algorithm) {
            return wrong_or_unheard("algorithm that was not offered", false);
        }
        // Before it counts whether they know: right or wrong, they are told the same.
        if is_over {
            return wrong_or_unheard("after too many wrong ones", knows);
        }
        let mut wrong = |why| wrong_or_unheard(why, false);
        if !knows {
            return wrong("wrong user name or password");
        }
        if !is_for(credentials.uri, request.uri()) {
            return wrong("answer for another URI");
        }
        match found {
            // Where somebody registers from is where their calls go: nobody says that in the name of another's address.
            Found::Fresh { .. } if request.method() == Method::Register && !is_there => Outcome::Asked { stale: true, wrong: None },
            Found::Fresh { number, until } => {
                let count = credentials.auth.map(|(count, ..)| count);
                if !self.used.take(now, number, until, count) {
                    return Outcome::Asked { stale: true, wrong: None };
                }
                Outcome::Granted(matches!(challenge.accounts, Accounts::Any(_)).then(|| username.into()))
            }
            // As for one who never answered, and for one who answered wrong: else passwords could be tried on nonces that nobody counts.
            Found::Old | Found::Foreign => Outcome::Asked { stale: false, wrong: None },
        }
    }

    /// Adds the challenges: one header for each algorithm, all with one new nonce. They are as long whoever is asked, and why.
    /// `source` is who asked for it.
    pub fn ask(&mut self, now: Timestamp, challenge: &Challenge, source: IpAddr, how: How, printer: &mut Printer) {
        let How { stale, again, md5_alone } = how;
        let nonce = self.nonces.make(now, challenge, Given { holder: source, round: u8::from(again) });
        let md5_alone = md5_alone && challenge.algorithms.contains(&DigestAlgorithm::Md5);
        for algorithm in offered(challenge).filter(|algorithm| !md5_alone || algorithm.hash == Hash::Md5) {
            let challenge = DigestChallenge {
                realm: &challenge.realm,
                nonce: nonce.as_str(),
                opaque: None,
                algorithm,
                names_algorithm: true,
                auth: true,
                stale,
            };
            challenge.write(printer);
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

fn offered(challenge: &Challenge) -> impl Iterator<Item = Algorithm> {
    let hashes = challenge.algorithms.iter().map(|algorithm| match algorithm {
        DigestAlgorithm::Sha256 => Hash::Sha256,
        DigestAlgorithm::Md5 => Hash::Md5,
    });
    hashes.map(|hash| Algorithm { hash, session: false })
}

/// Whether the digest is that of the user and the password that are asked for.
fn proves(challenge: &Challenge, credentials: &Credentials<'_>, request: &Message) -> bool {
    let (username, account) = account_of(&challenge.accounts, credentials.username);
    let terms = Terms {
        algorithm: credentials.algorithm,
        username,
        realm: &challenge.realm,
        password: account.map_or("", |account| account.password.expose()),
        nonce: credentials.nonce,
        method: request.method_token(),
        uri: credentials.uri,
        auth: credentials.auth.map(|(_, written, cnonce)| (written, cnonce)),
    };
    let given = credentials.response.to_ascii_lowercase();
    let is_digest = terms.response().as_str().as_bytes().ct_eq(given.as_bytes());
    let is_user = account.is_some_and(|account| account.username.as_bytes().ct_eq(credentials.username.as_bytes()).into());
    is_user & bool::from(is_digest)
}

/// The name to compute with, and the account that it is compared with. Who has none is compared with another's, which is no longer and no
/// shorter than one of their own would be.
fn account_of<'a>(accounts: &'a Accounts, given: &'a str) -> (&'a str, Option<&'a Account>) {
    match accounts {
        Accounts::One(account) => (&account.username, Some(account)),
        Accounts::Any(accounts) => {
            let found = accounts.binary_search_by(|account| (*account.username).cmp(given));
            let place = found.unwrap_or_else(|_| given.len().checked_rem(accounts.len()).unwrap_or(0));
            (given, accounts.get(place))
        }
    }
}

/// Whether an answer for `answered` is one for a request to `asked` (RFC 7616 §3.4.6). Hosts are rewritten on the way and may differ; the
/// called user may not. Some peers name no user at all: theirs is not protected.
fn is_for(answered: &str, asked: &str) -> bool {
    if answered == asked {
        return true;
    }
    let Ok(answered) = Uri::parse(answered) else { return false };
    if answered.user.is_none() {
        return true;
    }
    Uri::parse(asked).is_ok_and(|asked| asked.user_unescaped() == answered.user_unescaped())
}

#[cfg(test)]
mod tests {
    use super::super::digest::counted;
    use super::*;
    use std::time::Duration;
    use tandem_model::Secret;

    const NOW: Timestamp = Timestamp::from_millis(5_000);
    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const AT_SOURCE: Source = at(SOURCE);

    const fn at(address: IpAddr) -> Source {
        Source { address, is_known: false }
    }

    fn challenge() -> Challenge {
        Challenge {
            trunk: "pbx".into(),
            realm: "example.com".into(),
            algorithms: [DigestAlgorithm::Sha256, DigestAlgorithm::Md5].into(),
            accounts: Accounts::One(account("acme", "s3cret")),
        }
    }

    fn account(username: &str, password: &str) -> Account {
        Account { username: username.into(), password: Secret::new(password) }
    }

    fn users() -> Challenge {
        let accounts = [account("acme", "s3cret"), account("alice", "w0nder"), account("bob", "bu1lder")];
        Challenge { trunk: "users".into(), accounts: Accounts::Any(accounts.into()), ..challenge() }
    }

    /// What a peer answers.
    struct Answer<'a> {
        method: &'a str,
        username: &'a str,
        password: &'a str,
        nonce: String,
        uri: &'a str,
        algorithm: &'a str,
        count: Option<u32>,
    }

    impl Answer<'_> {
        fn to(guard: &mut Guard, now: Timestamp) -> Answer<'static> {
            let nonce = asked(guard, now, false).0;
            Answer {
                method: "INVITE",
                username: "acme",
                password: "s3cret",
                nonce,
                uri: "sip:1@tandem",
                algorithm: "SHA-256",
                count: Some(1),
            }
        }

        fn of_users(guard: &mut Guard) -> Answer<'static> {
            let mut printer = Printer::response(401, "Unauthorized");
            guard.ask(NOW, &users(), SOURCE, How::default(), &mut printer);
            let message = Message::parse(printer.finish()).unwrap();
            let line = message.header(HeaderName::WwwAuthenticate).unwrap();
            let nonce = Scheme::read_all(line).unwrap()[0].get("nonce").unwrap().to_owned();
            Answer { nonce, ..Answer::to(guard, NOW) }
        }

        fn message(&self) -> Message {
            let count = self.count.map(|count| format!("{count:08x}"));
            let terms = Terms {
                algorithm: Algorithm::parse(self.algorithm).unwrap(),
                username: self.username,
                realm: "example.com",
                password: self.password,
                nonce: &self.nonce,
                method: self.method,
                uri: self.uri,
                auth: count.as_deref().map(|count| (count, "c")),
            };
            let qop = count.as_ref().map(|count| format!(", qop=auth, nc={count}, cnonce=\"c\"")).unwrap_or_default();
            let mut printer = Printer::request(self.method, "sip:1@tandem");
            let value = format!(
                "Digest username=\"{}\", realm=\"example.com\", nonce=\"{}\", uri=\"{}\", response=\"{}\", algorithm={}{qop}",
                self.username,
                self.nonce,
                self.uri,
                terms.response().as_str(),
                self.algorithm
            );
            printer.header_str(HeaderName::Authorization, &value);
            Message::parse(printer.finish()).unwrap()
        }

        fn given(&self, guard: &mut Guard, now: Timestamp) -> Outcome {
            guard.check(now, &challenge(), AT_SOURCE, &self.message())
        }
    }

    /// The nonce that is asked for, and all that is said.
    fn asked(guard: &mut Guard, now: Timestamp, stale: bool) -> (String, Vec<String>) {
        let mut printer = Printer::response(401, "Unauthorized");
        guard.ask(now, &challenge(), SOURCE, How { stale, ..How::default() }, &mut printer);
        let message = Message::parse(printer.finish()).unwrap();
        let lines: Vec<String> =
            message.headers().filter(|line| line.name == HeaderName::WwwAuthenticate).map(|line| line.value.into()).collect();
        let nonce = Scheme::read_all(&lines[0]).unwrap()[0].get("nonce").unwrap().to_owned();
        (nonce, lines)
    }

    fn why(outcome: &Outcome) -> Option<&'static str> {
        match outcome {
            Outcome::Asked { wrong: Some(wrong), .. } | Outcome::Refused(wrong) => Some(wrong.why),
            _ => None,
        }
    }

    const STALE: Outcome = Outcome::Asked { stale: true, wrong: None };
    const GRANTED: Outcome = Outcome::Granted(None);
    const PLAIN: Outcome = Outcome::Asked { stale: false, wrong: None };

    #[test]
    fn the_strongest_algorithm_is_asked_for_first() {
        let (_, lines) = asked(&mut Guard::new([1; 16]), NOW, false);
        assert!(lines[0].contains("algorithm=SHA-256, qop=\"auth\"") && lines[1].contains("algorithm=MD5, qop=\"auth\""), "{lines:?}");
        assert_eq!(lines.len(), 2);
        let (_, lines) = asked(&mut Guard::new([1; 16]), NOW, true);
        assert!(lines.iter().all(|line| line.ends_with(", stale=true")), "{lines:?}");
    }

    #[test]
    fn who_would_trip_over_another_algorithm_is_asked_by_md5_alone() {
        for (agent, count) in [("baresip v1.0.0 (x86_64/linux)", 1), ("baresip v3.10.0", 2), ("Yealink", 2)] {
            let mut request = Printer::request("REGISTER", "sip:example.com");
            request.header_str(HeaderName::UserAgent, agent);
            let request = Message::parse(request.finish()).unwrap();
            let mut printer = Printer::response(401, "Unauthorized");
            Guard::new([1; 16]).ask(NOW, &challenge(), SOURCE, How::to_ask(&request, false, None), &mut printer);
            let message = Message::parse(printer.finish()).unwrap();
            let lines: Vec<&str> =
                message.headers().filter(|line| line.name == HeaderName::WwwAuthenticate).map(|line| line.value).collect();
            assert_eq!((lines.len(), lines[lines.len() - 1].contains("algorithm=MD5")), (count, true), "{agent}");
        }
    }

    #[test]
    fn either_algorithm_opens_and_none_opens_twice() {
        for algorithm in ["SHA-256", "MD5"] {
            let mut guard = Guard::new([1; 16]);
            let answer = Answer { algorithm, ..Answer::to(&mut guard, NOW) };
            assert_eq!(answer.given(&mut guard, NOW), GRANTED);
            assert_eq!(answer.given(&mut guard, NOW), STALE, "a replay");
            assert_eq!(Answer { count: Some(2), ..answer }.given(&mut guard, NOW), GRANTED);
        }
    }

    #[test]
    fn a_register_is_from_whom_was_asked() {
        let mut guard = Guard::new([1; 16]);
        let other = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 77));
        let answer = Answer { method: "REGISTER", ..Answer::to(&mut guard, NOW) };
        assert_eq!(guard.check(NOW, &challenge(), at(other), &answer.message()), STALE, "it may be forged");
        assert_eq!(answer.given(&mut guard, NOW), GRANTED);
        let answer = Answer::to(&mut guard, NOW);
        assert_eq!(guard.check(NOW, &challenge(), at(other), &answer.message()), GRANTED, "a call goes nowhere for that");
    }

    #[test]
    fn peers_without_qop_are_let_in_once_a_nonce() {
        let mut guard = Guard::new([1; 16]);
        let answer = Answer { algorithm: "MD5", count: None, ..Answer::to(&mut guard, NOW) };
        assert_eq!(answer.given(&mut guard, NOW), GRANTED);
        assert_eq!(answer.given(&mut guard, NOW), STALE);
        assert_eq!(Answer { count: Some(1), ..answer }.given(&mut guard, NOW), STALE);
    }

    #[test]
    fn an_old_nonce_is_stale_and_no_answer_to_it_is_looked_at() {
        let mut guard = Guard::new([1; 16]);
        let (answer, later) = (Answer::to(&mut guard, NOW), NOW + Duration::from_secs(60));
        assert_eq!(answer.given(&mut guard, later), STALE);
        let wrong = Answer { password: "x", ..answer };
        for _ in 0..=super::super::guesses::MAX_GUESSES {
            assert_eq!(wrong.given(&mut guard, later), STALE);
        }
        assert_eq!(Answer::to(&mut guard, later).given(&mut guard, later), GRANTED, "nobody is shut out by them");
    }

    #[test]
    fn a_nonce_that_is_not_ours_tells_nothing() {
        let mut guard = Guard::new([1; 16]);
        let answer = Answer { nonce: "00".repeat(37), ..Answer::to(&mut guard, NOW) };
        assert_eq!(answer.given(&mut guard, NOW), PLAIN);
    }

    /// What comes back to who gives that answer: the status, and each challenge without time, number and check of its nonce.
    fn told(guard: &mut Guard, now: Timestamp, answer: &Answer<'_>) -> (u16, Vec<String>) {
        let message = answer.message();
        let (stale, wrong) = match guard.check(now, &challenge(), AT_SOURCE, &message) {
            Outcome::Granted(_) => return (200, Vec::new()),
            Outcome::Refused(_) => return (403, Vec::new()),
            Outcome::Asked { stale, wrong } => (stale, wrong),
        };
        let mut printer = Printer::response(401, "Unauthorized");
        guard.ask(now, &challenge(), SOURCE, How::to_ask(&message, stale, wrong.as_ref()), &mut printer);
        let message = Message::parse(printer.finish()).unwrap();
        let lines = message.headers().filter(|line| line.name == HeaderName::WwwAuthenticate);
        let bare = lines.map(|line| {
            let nonce = Scheme::read_all(line.value).unwrap()[0].get("nonce").unwrap().to_owned();
            line.value.replace(&nonce, &nonce[24..42])
        });
        (401, bare.collect())
    }

    /// A nonce that is given after a wrong answer.
    fn second(guard: &mut Guard) -> String {
        let mut printer = Printer::response(401, "Unauthorized");
        guard.ask(NOW, &challenge(), SOURCE, How { again: true, ..How::default() }, &mut printer);
        let message = Message::parse(printer.finish()).unwrap();
        Scheme::read_all(message.header(HeaderName::WwwAuthenticate).unwrap()).unwrap()[0].get("nonce").unwrap().to_owned()
    }

    #[test]
    fn a_nonce_that_is_not_ours_tells_no_right_password_from_a_wrong_one() {
        let mut guard = Guard::new([1; 16]);
        for nonce in ["00".repeat(37), "00".repeat(12) + "01" + &"00".repeat(24), asked(&mut Guard::new([2; 16]), NOW, false).0] {
            let right = Answer { nonce, ..Answer::to(&mut guard, NOW) };
            let heard = told(&mut guard, NOW, &right);
            assert_eq!((heard.0, heard.1.len()), (401, 2));
            for (username, password) in [("acme", "x"), ("other", "s3cret")] {
                let wrong = Answer { username, password, nonce: right.nonce.clone(), ..Answer::to(&mut guard, NOW) };
                assert_eq!(told(&mut guard, NOW, &wrong), heard, "{username}");
            }
        }
    }

    #[test]
    fn an_old_nonce_tells_no_right_password_from_a_wrong_one() {
        let mut guard = Guard::new([1; 16]);
        let later = NOW + Duration::from_secs(60);
        for nonce in [asked(&mut guard, NOW, false).0, second(&mut guard)] {
            let right = Answer { nonce, ..Answer::to(&mut guard, NOW) };
            let wrong = Answer { password: "x", nonce: right.nonce.clone(), ..Answer::to(&mut guard, NOW) };
            let heard = told(&mut guard, later, &right);
            assert!(heard.0 == 401 && heard.1.iter().all(|line| line.ends_with(", stale=true")), "{heard:?}");
            assert_eq!(told(&mut guard, later, &wrong), heard);
        }
    }

    #[test]
    fn over_the_limit_nothing_tells_a_right_password_from_a_wrong_one() {
        let mut guard = Guard::new([1; 16]);
        for _ in 0..super::super::guesses::MAX_GUESSES {
            let wrong = Answer { password: "x", ..Answer::to(&mut guard, NOW) };
            assert_eq!(told(&mut guard, NOW, &wrong).0, 401);
        }
        for (nonce, status) in [(asked(&mut guard, NOW, false).0, 401), (second(&mut guard), 403)] {
            let right = Answer { nonce, ..Answer::to(&mut guard, NOW) };
            let wrong = Answer { password: "x", nonce: right.nonce.clone(), ..Answer::to(&mut guard, NOW) };
            let heard = told(&mut guard, NOW, &right);
            assert_eq!((heard.0, &heard), (status, &told(&mut guard, NOW, &wrong)));
            // Both are wrong answers, and count as such.
            let outcomes = [&right, &wrong].map(|answer| answer.given(&mut guard, NOW));
            assert!(outcomes.iter().all(|outcome| why(outcome) == Some("after too many wrong ones")), "{outcomes:?}");
        }
    }

    #[test]
    fn an_unknown_user_and_a_wrong_password_are_one() {
        let mut guard = Guard::new([1; 16]);
        for answer in [
            Answer { username: "other", ..Answer::to(&mut guard, NOW) },
            Answer { password: "other", ..Answer::to(&mut guard, NOW) },
            Answer { username: "other", password: "other", ..Answer::to(&mut guard, NOW) },
        ] {
            assert_eq!(why(&answer.given(&mut guard, NOW)), Some("wrong user name or password"));
        }
    }

    #[test]
    fn whoever_is_unknown_costs_the_same_hashes() {
        for algorithm in ["SHA-256", "MD5"] {
            let mut guard = Guard::new([1; 16]);
            let mut costs = |username: &str, password: &str| {
                let message = Answer { username, password, algorithm, ..Answer::to(&mut guard, NOW) }.message();
                counted::during(|| assert!(guard.check(NOW, &challenge(), AT_SOURCE, &message) != GRANTED || password == "s3cret"))
            };
            let right = costs("acme", "s3cret");
            assert_eq!(right.len(), 3, "user, request, response");
            for (username, password) in [("acme", "other"), ("other", "s3cret"), ("a-user-of-a-much-longer-name", "other")] {
                assert_eq!(costs(username, password), right, "{username}");
            }
        }
    }

    #[test]
    fn of_several_accounts_it_is_told_whose_answer_it_was() {
        for (username, password) in [("acme", "s3cret"), ("alice", "w0nder"), ("bob", "bu1lder")] {
            let mut guard = Guard::new([1; 16]);
            let answer = Answer { username, password, ..Answer::of_users(&mut guard) };
            assert_eq!(guard.check(NOW, &users(), AT_SOURCE, &answer.message()), Outcome::Granted(Some(username.into())));
        }
        for (username, password) in [("alice", "s3cret"), ("bobby", "bu1lder"), ("", "s3cret"), ("zoe", "")] {
            let mut guard = Guard::new([1; 16]);
            let answer = Answer { username, password, ..Answer::of_users(&mut guard) };
            assert_eq!(why(&guard.check(NOW, &users(), AT_SOURCE, &answer.message())), Some("wrong user name or password"), "{username}");
        }
        let mut guard = Guard::new([1; 16]);
        let of_trunk = Answer::to(&mut guard, NOW);
        assert_eq!(guard.check(NOW, &users(), AT_SOURCE, &of_trunk.message()), PLAIN, "a nonce for a trunk is none for a user");
    }

    #[test]
    fn whoever_has_no_account_costs_the_same_hashes() {
        for algorithm in ["SHA-256", "MD5"] {
            let mut guard = Guard::new([1; 16]);
            let mut costs = |username: &str, password: &str| {
                let message = Answer { username, password, algorithm, ..Answer::of_users(&mut guard) }.message();
                let is_right = (username, password) == ("alice", "w0nder");
                let made = counted::during(|| {
                    let outcome = guard.check(NOW, &users(), AT_SOURCE, &message);
                    assert_eq!(matches!(outcome, Outcome::Granted(_)), is_right);
                });
                // What a hash costs is its blocks of 64 bytes; nine are filled up at the least.
                made.into_iter().map(|(hash, bytes)| (hash, (bytes + 9).div_ceil(64))).collect::<Vec<_>>()
            };
            let right = costs("alice", "w0nder");
            for (username, password) in [("alice", "other"), ("alicf", "w0nder"), ("zzzzz", "x"), ("aaaaa", "other")] {
                assert_eq!(costs(username, password), right, "{username}");
            }
        }
    }

    #[test]
    fn an_answer_is_for_its_number_and_its_algorithm() {
        let mut guard = Guard::new([1; 16]);
        let answer = |guard: &mut Guard| Answer::to(guard, NOW);
        let elsewhere = Answer { uri: "sip:2@tandem", ..answer(&mut guard) };
        assert_eq!(why(&elsewhere.given(&mut guard, NOW)), Some("answer for another URI"));
        for uri in ["sip:1@192.0.2.1:5060", "sip:tandem"] {
            assert_eq!(Answer { uri, ..answer(&mut guard) }.given(&mut guard, NOW), GRANTED);
        }
        let odd = Answer { algorithm: "SHA-512-256", ..answer(&mut guard) };
        assert_eq!(why(&odd.given(&mut guard, NOW)), Some("algorithm that was not offered"));
    }

    #[test]
    fn what_is_for_another_realm_or_scheme_is_no_answer() {
        let mut guard = Guard::new([1; 16]);
        for value in ["Digest realm=\"other\", username=\"acme\"", "Basic YWNtZTpz", "Digest", "realm=\"example.com\""] {
            let mut printer = Printer::request("INVITE", "sip:1@tandem");
            printer.header_str(HeaderName::Authorization, value);
            let message = Message::parse(printer.finish()).unwrap();
            assert_eq!(guard.check(NOW, &challenge(), AT_SOURCE, &message), PLAIN, "{value}");
        }
    }

    #[test]
    fn who_has_guessed_too_often_is_not_let_in_even_when_right() {
        let mut guard = Guard::new([1; 16]);
        for _ in 0..super::super::guesses::MAX_GUESSES {
            let wrong = Answer { password: "x", ..Answer::to(&mut guard, NOW) };
            assert!(why(&wrong.given(&mut guard, NOW)).is_some());
        }
        let [right, wrong] = ["s3cret", "x"].map(|password| Answer { password, ..Answer::to(&mut guard, NOW) });
        let [unheard, heard] = [&right, &wrong].map(|answer| match answer.given(&mut guard, NOW) {
            Outcome::Asked { wrong: Some(wrong), stale: false } => wrong,
            other => panic!("{other:?}"),
        });
        assert_eq!((unheard.is_unheard, unheard.count, unheard.why), (true, 0, "after too many wrong ones"), "that counts against nobody");
        assert_eq!((heard.is_unheard, heard.why, heard.holder), (false, unheard.why, unheard.holder));
        assert_eq!(told(&mut guard, NOW, &right), told(&mut guard, NOW, &wrong));
        // Over a flow that is known to be somebody's they are looked at, as long as that is where the challenge went.
        let known = |address| Source { address, is_known: true };
        let other = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
        assert!(why(&guard.check(NOW, &challenge(), known(other), &right.message())).is_some());
        assert_eq!(guard.check(NOW, &challenge(), known(SOURCE), &right.message()), GRANTED);
        let later = NOW + super::super::guesses::PERIOD;
        assert_eq!(Answer::to(&mut guard, later).given(&mut guard, later), GRANTED);
    }

    #[test]
    fn who_answers_wrong_on_end_is_asked_twice_and_then_told_no() {
        let mut guard = Guard::new([1; 16]);
        let wrong = |nonce: String| Answer { password: "x", nonce, ..Answer::to(&mut Guard::new([1; 16]), NOW) };
        let first = wrong(asked(&mut guard, NOW, false).0).given(&mut guard, NOW);
        assert!(matches!(first, Outcome::Asked { wrong: Some(_), .. }), "{first:?}");
        let again = second(&mut guard);
        let second = wrong(again.clone()).given(&mut guard, NOW);
        assert!(matches!(second, Outcome::Refused(_)), "{second:?}");
        // Whoever comes to know better is let in.
        assert_eq!(Answer { nonce: again, ..Answer::to(&mut guard, NOW) }.given(&mut guard, NOW), GRANTED);
    }

    #[test]
    fn who_was_given_the_challenge_has_guessed_whatever_address_the_answer_comes_from() {
        let mut guard = Guard::new([1; 16]);
        let other = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
        for _ in 0..super::super::guesses::MAX_GUESSES {
            let wrong = Answer { password: "x", ..Answer::to(&mut guard, NOW) }.message();
            let Outcome::Asked { wrong: Some(wrong), .. } = guard.check(NOW, &challenge(), at(other), &wrong) else { panic!("let in") };
            assert_eq!(wrong.holder, Some(SOURCE));
        }
        assert_eq!(why(&Answer::to(&mut guard, NOW).given(&mut guard, NOW)), Some("after too many wrong ones"));
        let mut printer = Printer::response(401, "Unauthorized");
        guard.ask(NOW, &challenge(), other, How::default(), &mut printer);
        let message = Message::parse(printer.finish()).unwrap();
        let nonce = Scheme::read_all(message.header(HeaderName::WwwAuthenticate).unwrap()).unwrap()[0].get("nonce").unwrap().to_owned();
        let right = Answer { nonce, ..Answer::to(&mut guard, NOW) }.message();
        assert_eq!(guard.check(NOW, &challenge(), at(other), &right), GRANTED);
    }

    #[test]
    fn guesses_on_nonces_of_nobody_shut_nobody_out() {
        let mut guard = Guard::new([1; 16]);
        for _ in 0..100 {
            let forged = Answer { password: "x", nonce: "00".repeat(37), ..Answer::to(&mut guard, NOW) };
            assert!(why(&forged.given(&mut guard, NOW)).is_some());
        }
        assert_eq!(Answer::to(&mut guard, NOW).given(&mut guard, NOW), GRANTED);
    }
}
