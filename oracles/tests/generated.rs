//! Messages made from a seed: ordinary in content, free in everything that the grammar leaves free.

use tandem_model::Random;
use tandem_oracles::{OTHERS, OURS};

/// Messages for each parser.
const GENERATED: u64 = 5000;

struct Maker(Random);

impl Maker {
    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.0.below(choices.len() as u64) as usize]
    }

    fn number(&mut self, below: u64) -> u64 {
        self.0.below(below)
    }

    fn token(&mut self) -> String {
        (0..1 + self.number(12)).map(|_| self.pick(&["a", "Z", "7", "-", ".", "_", "~", "*", "+", "!"])).collect()
    }

    fn host(&mut self, v6: bool) -> String {
        let hosts = ["example.com", "a.b-c.example.org", "192.0.2.1", "localhost", "EXAMPLE.net"];
        let literal = ["[2001:db8::1]", "[::1]"];
        if v6 && self.number(4) == 0 { self.pick(&literal) } else { self.pick(&hosts) }.to_owned()
    }

    fn uri(&mut self, dialect: &Dialect) -> String {
        let user = self.pick(&["", "alice@", "bob@", "1001@", "+4930123@", "a.b-c_d@"]);
        let port = self.pick(&["", ":5060", ":65535", ":1"]);
        let parameters = self.pick(&["", ";transport=udp", ";lr", ";user=phone", ";x=y"]);
        format!("{}:{user}{}{port}{parameters}", self.pick(&["sip", "sips"]), self.host(dialect.v6))
    }

    fn address(&mut self, dialect: &Dialect) -> String {
        let quoted = if dialect.quotes { "\"Dr. \\\"A\\\", <b>; c\" " } else { "\"Dr. A\" " };
        format!("{}<{}>", self.pick(&["", "Alice ", quoted]), self.uri(dialect))
    }

    fn message(&mut self, dialect: &Dialect) -> String {
        let method = self.pick(&["INVITE", "OPTIONS", "BYE", "REGISTER", "INFO"]);
        let start = match self.number(3) {
            0 => format!("SIP/2.0 {} Words", 100 + self.number(600)),
            _ => format!("{method} {} SIP/2.0", self.uri(dialect)),
        };
        let rport = self.pick(&["", ";rport", ";received=192.0.2.9"]);
        let via = format!("SIP/2.0/{} {}{rport};branch=z9hG4bK{}", self.pick(&["UDP", "TCP", "TLS"]), self.host(dialect.v6), self.token());
        let mut headers = vec![
            ("Via", "v", via),
            ("From", "f", format!("{};tag={}", self.address(dialect), self.token())),
            ("To", "t", self.address(dialect)),
            ("Call-ID", "i", format!("{}@{}", self.token(), self.token())),
            ("CSeq", "CSeq", format!("{} {method}", self.number(1 << 31))),
            ("Max-Forwards", "Max-Forwards", (1 + self.number(255)).to_string()),
            ("Contact", "m", self.address(dialect)),
        ];
        for at in (1..headers.len()).rev() {
            headers.swap(at, self.number(at as u64 + 1) as usize);
        }
        let body = self.pick(&["", "v=0\r\n", "\r\n\r\n", "plain words"]);
        headers.push(("Content-Length", "l", body.len().to_string()));
        let mut text = format!("{start}\r\n");
        for (name, compact, value) in headers {
            let name = if dialect.compact && self.number(2) == 0 { compact } else { name };
            let value = if dialect.folds && self.number(8) == 0 { value.replacen(' ', "\r\n\t ", 1) } else { value };
            text += &format!("{name}{}{value}\r\n", self.pick(if dialect.spaces { &[": ", ":", " : ", ":\t"] } else { &[": "] }));
        }
        text + "\r\n" + body
    }
}

/// The liberties of the grammar that a parser follows.
struct Dialect {
    parser: &'static str,
    v6: bool,
    quotes: bool,
    compact: bool,
    folds: bool,
    spaces: bool,
    /// Messages with this in them are left out, and why.
    without: &'static [(&'static str, &'static str)],
}

/// What `messages.rs` explains is left out here, parser by parser.
const DIALECTS: [Dialect; 3] = [
    Dialect {
        parser: "rsip",
        v6: false,
        quotes: false,
        compact: false,
        folds: false,
        spaces: false,
        without: &[("_d@", "takes a user with _ into the host")],
    },
    Dialect { parser: "rsipstack", v6: true, quotes: false, compact: true, folds: true, spaces: true, without: &[] },
    Dialect { parser: "rvoip", v6: true, quotes: true, compact: true, folds: true, spaces: true, without: &[] },
];

#[test]
fn generated_messages_are_read_alike() {
    for dialect in &DIALECTS {
        let other = OTHERS.iter().find(|other| other.name == dialect.parser).expect("a dialect names a parser");
        let mut compared = 0;
        for seed in 0..GENERATED {
            let text = Maker(Random::new(seed)).message(dialect);
            if dialect.without.iter().any(|(part, _)| text.contains(part)) {
                continue;
            }
            compared += 1;
            let (ours, theirs) = ((OURS.message)(text.as_bytes()), (other.message)(text.as_bytes()));
            assert_eq!(ours, theirs, "seed {seed}, {}:\n{text}", dialect.parser);
        }
        assert!(compared > GENERATED / 4, "{compared} messages are too few for {}", dialect.parser);
    }
}
