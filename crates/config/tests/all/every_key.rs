//! Every key and value of the published interface is either read or answered with "not built yet": none is accepted
//! silently, none is called unknown.

use crate::common::{mistakes, mistakes_alone};

/// `VALUE` for `KEY` in `SECTION` of a file that loads without it.
struct Case(&'static str, &'static str);

const NODE: &str = "[node]\n";
const CALLS: &str = "[calls]\n";
const API: &str = "[api]\nbind = '127.0.0.1:8081'\n";
const ABUSE: &str = "[abuse]\n";
const TRUNK: &str = "[[trunk]]\nname = \"peer\"\n";
const CALLED: &str = "[[trunk]]\nname = \"peer\"\ntargets = [{ uri = \"sip:127.0.0.9\" }]\n";
const WEBEX: &str =
    "[[trunk]]\nname = \"peer\"\ntargets = [{ uri = \"sip:127.0.0.9\" }]\n[api]\nbind = '127.0.0.1:8081'\n[webex]\ntrunk = 'peer'\n";
const ROUTE: &str =
    "[[trunk]]\nname = \"peer\"\ntargets = [{ uri = \"sip:127.0.0.9\" }]\nmatch = { sources = [\"127.0.0.9\"] }\n[[route]]\n";

const BUILT: &[Case] = &[
    Case(NODE, "name = 'edge-7'"),
    Case(NODE, "domain = 'sip.example.org'"),
    Case(NODE, "drain_timeout = '90s'"),
    Case(NODE, "dump_dir = '/var/lib/tandem/dumps'"),
    Case(NODE, "flight_recorder = '16MiB'"),
    Case(NODE, "store = 'sqlite:tandem.db'"),
    Case(NODE, "store = 'postgres://tandem:secret@db.example/tandem'"),
    Case(NODE, "journal_dir = '/var/lib/tandem/journal'"),
    Case(NODE, "store = 'sqlite:tandem.db'\nkeep_records = '2160h'"),
    Case("[api]\nbind = '127.0.0.1:8081'\n", "webhook = { url = 'https://hooks.example.com/tandem', secret = 'x' }"),
    Case("[api]\nbind = '127.0.0.1:8081'\n", "webhook = { url = 'http://127.0.0.1:9000' }"),
    Case("[log]\n", "format = 'json'"),
    Case("[log]\n", "level = 'debug'"),
    Case(CALLS, "max = 50"),
    Case(CALLS, "max_cps = 20"),
    Case(CALLS, "max_duration = '2h'"),
    Case(CALLS, "inactivity_timeout = '30s'"),
    Case(CALLS, "hold_timeout = '10m'"),
    Case(CALLS, "shards = 2"),
    Case("[files]\n", "recordings = '/var/lib/tandem/recordings'"),
    Case("[files]\n", "prompts = '/var/lib/tandem/prompts'"),
    Case("[api]\n", "bind = '127.0.0.1:8081'"),
    Case(API, "keys = [{ name = 'ops', key = 'a-key-of-some-length', scopes = ['read', 'call', 'admin'] }]"),
    Case(API, "tls = { cert = 'cert.pem', key = 'key.pem' }"),
    Case(API, "cors = ['https://console.example.com']"),
    Case(API, "rate = 20"),
    Case(API, "connections = 1000"),
    Case(API, "body = '256KiB'"),
    Case(WEBEX, "endpoint_trunk = 'peer'"),
    Case(WEBEX, "from = '+15557654321'"),
    Case(WEBEX, "base = 'http://127.0.0.1:9000/v1/'"),
    Case(WEBEX, "open = true\nmay_call = ['^\\+1555']"),
    Case(WEBEX, "load_timeout = '30s'\nbridge_timeout = '2m'"),
    Case(API, "opentok = [{ key = '123456', secret = 'a-secret-of-some-length' }]"),
    Case(ABUSE, "answers = 5"),
    Case(ABUSE, "offences = 3"),
    Case(ABUSE, "ban = '0s'"),
    Case(ABUSE, "allow = ['192.0.2.0/24', '2001:db8::/32', '127.0.0.1']"),
    Case(TRUNK, "targets = [{ uri = 'sip:127.0.0.9:5070;transport=udp' }]"),
    Case(TRUNK, "match = { sources = ['127.0.0.0/24'], listen = 'inside', domain = 'sip.example.org', to = '^12' }"),
    Case(CALLED, "listen = 'inside'"),
    Case(CALLED, "media = 'inside'"),
    Case(CALLED, "nat = true"),
    Case(CALLED, "codecs = ['opus', 'g722', 'pcmu', 'pcma']"),
    Case(TRUNK, "targets = [{ uri = 'sip:127.0.0.9', priority = 1, weight = 65535 }]"),
    Case(CALLED, "t38 = true"),
    Case(CALLED, "t38 = false"),
    Case(CALLED, "prack = 'off'"),
    Case(CALLED, "prack = 'supported'"),
    Case(CALLED, "prack = 'required'"),
    Case(CALLED, "trying_timeout = '800ms'"),
    Case(CALLED, "failover = ['503', '4xx', '5xx', '6xx', '408', 'timeout', 'unreachable']"),
    Case(CALLED, "failover = []"),
    Case(CALLED, "proxy = 'sip:127.0.0.7:5070;lr'"),
    Case(CALLED, "called_from = 'request-uri'"),
    Case(CALLED, "called_from = 'to'"),
    Case(CALLED, "called_from = 'p-called-party-id'"),
    Case(CALLED, "caller_id = 'from'"),
    Case(CALLED, "caller_id = 'pai'"),
    Case(CALLED, "caller_id = 'rpid'"),
    Case(CALLED, "caller_id = 'ppi'"),
    Case(CALLED, "register = { uri = 'sip:acme@127.0.0.9', expires = '5m' }"),
    Case(CALLED, "register = [{ uri = 'sip:acme@127.0.0.9' }, { uri = 'sip:acme@127.0.0.8:5070', bulk = true }]"),
    Case(CALLED, "login = { username = 'a', password = 'b' }\nregister = { uri = 'sip:127.0.0.9' }"),
    Case(CALLED, "ping = { every = '10s', down_after = 3 }"),
    Case(CALLED, "ping = {}"),
    Case(CALLED, "privacy = 'pass'"),
    Case(CALLED, "privacy = 'enforce'"),
    Case(CALLED, "privacy = 'ignore'"),
    Case(CALLED, "caller = 'pass'"),
    Case(CALLED, "caller = 'anonymous'"),
    Case(CALLED, "caller = { number = '+4930555', name = 'ACME' }"),
    Case(CALLED, "diversion = 'add'\nhistory_info = 'anonymise'"),
    Case(CALLED, "diversion = 'pass'\nhistory_info = 'drop'"),
    Case(CALLED, "from_domain = 'example.org'"),
    Case(CALLED, "headers_out = { set = { 'X-A' = 'b' }, pass = ['X-*', 'User-to-User'], remove = ['P-Internal'] }"),
    Case(CALLED, "headers_in = { remove = ['X-A'] }"),
    Case(CALLED, "numbers_out = [{ of = 'called', match = '^0(\\d+)$', to = '+49$1' }, { of = 'caller', match = '^', to = '00' }]"),
    Case(CALLED, "numbers_in = []"),
    Case(CALLED, "redirect = 'follow'"),
    Case(CALLED, "redirect = 'pass'"),
    Case(CALLED, "refer = 'execute'"),
    Case(CALLED, "refer = 'refuse'"),
    Case(CALLED, "refer = 'pass'"),
    Case(CALLED, "ring_timeout = '45s'"),
    Case(CALLED, "limits = { calls = 3, cps = 2, status = 486 }"),
    Case(CALLED, "may_call = ['^\\+49']\nminutes_per_hour = 600"),
    Case(CALLED, "may_call = []"),
    Case(CALLED, "login = { username = 'u', password = 'p', realm = 'example.org' }"),
    Case(
        TRUNK,
        "match = { sources = ['127.0.0.9'] }\nchallenge = { username = 'u', password = 'p', realm = 'example.org', algorithms = ['md5'] }",
    ),
    Case(ROUTE, "name = 'out'\nfrom = ['peer']\nto = '^9'\ndo = { bridge = ['trunk:peer'], timeout = '20s' }"),
    Case(ROUTE, "from = ['*']\nanchor = false\ndo = { bridge = ['trunk:peer/100', 'sip:200@127.0.0.8'] }"),
    Case(ROUTE, "do = { ring = ['trunk:peer/1', 'sip:200@127.0.0.8'] }"),
    Case(ROUTE, "do = { ring = ['trunk:peer'], picks_up = 'at-once' }"),
    Case(ROUTE, "do = { ring = ['trunk:peer'], strategy = 'parallel', timeout = '40s', target_timeout = '15s', ends_on_6xx = false }"),
    Case(ROUTE, "do = { ring = ['trunk:peer'], strategy = 'sequential', hears = 'ringing' }"),
    Case(ROUTE, "anchor = false\ndo = { ring = ['trunk:peer'], strategy = 'round-robin', hears = 'early-media' }"),
    Case(ROUTE, "do = { answer = 'echo' }"),
    Case(ROUTE, "limits = { calls = 3, cps = 2, status = 486 }\ndo = { answer = 'echo' }"),
    Case(ROUTE, "emergency = true\ndo = { bridge = ['trunk:peer'] }"),
    Case(ROUTE, "record = true\ndo = { answer = 'tone' }"),
    Case(ROUTE, "record = false\nanchor = false\ndo = { bridge = ['trunk:peer'] }"),
    Case(ROUTE, "record = 'mono'\ndo = { ring = ['trunk:peer'] }"),
    Case(ROUTE, "record = 'sides'\ndo = { bridge = ['trunk:peer'] }"),
    Case(ROUTE, "do = { answer = 'tone' }"),
    Case(ROUTE, "do = { reject = 486, reason = 'Asleep' }"),
    Case(ROUTE, "do = { answer = 'welcome.wav' }"),
    Case(ROUTE, "do = { answer = 'de/welcome.WAV', times = 0 }"),
    Case(ROUTE, "do = { answer = 'busy:de' }"),
    Case(ROUTE, "do = { answer = 'echo', announce = 'welcome.wav', times = 2 }"),
    Case(ROUTE, "do = { reject = 404, announce = 'congestion:us', times = 9 }"),
    Case(ROUTE, "do = { bridge = ['trunk:peer'], ringback = 'gb' }"),
    Case(ROUTE, "do = { ring = ['trunk:peer'], ringback = 'music.wav' }"),
    Case(CALLED, "session_timer = 'off'"),
    Case(CALLED, "dtmf = 'rfc4733'"),
    Case(CALLED, "dtmf = 'info'"),
    Case(CALLED, "dtmf = 'inband'"),
    Case(CALLED, "ptime = '30ms'"),
    Case(CALLED, "session_timer = { expires = '15m', min = '120s', refresher = 'them' }"),
];

const LATER: &[Case] = &[
    Case("", "[[token]]\nname = 'app'\nalgorithm = 'HS256'"),
    Case(CALLED, "stir = 'verify'"),
    Case(CALLED, "srtp = 'off'"),
    Case(CALLED, "keying = ['dtls']"),
    Case(CALLED, "ice = 'lite'"),
];

const LISTEN: &str = "[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-20999'\n[calls]\nmax_cps = 10\n[[listen]]\nname = 'l'\nbind = '127.0.0.1:5060'\n";
const MEDIA: &str = "[[listen]]\nname = 'l'\nbind = '127.0.0.1:5060'\n[calls]\nmax_cps = 10\n[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-20999'\n";

const BUILT_ALONE: &[Case] = &[
    Case(LISTEN, "transport = 'udp'"),
    Case(LISTEN, "transport = 'tcp'"),
    Case(LISTEN, "transport = 'tls'\ncert = 'c.pem'\nkey = 'k.pem'"),
    Case(LISTEN, "transport = 'tls'\ncert = 'c.pem'\nkey = 'k.pem'\nclient_ca = 'a.pem'\nca = 'b.pem'"),
    Case(LISTEN, "transport = 'tls'\ncert = 'c.pem'\nkey = 'k.pem'\ntls_min = '1.3'\nciphers = ['TLS13_AES_128_GCM_SHA256']"),
    Case(LISTEN, "advertise = 'sip.example.org:5060'"),
    Case(LISTEN, "advertise = '192.0.2.7'"),
    Case(LISTEN, "silent = true"),
    Case(MEDIA, "advertise = '192.0.2.7'"),
    Case(MEDIA, "dscp = 0"),
    Case(MEDIA, "dscp = 63"),
];

const LATER_ALONE: &[Case] = &[Case(LISTEN, "transport = 'ws'"), Case(LISTEN, "transport = 'wss'")];

#[test]
fn what_is_built_is_read() {
    for Case(section, entry) in BUILT {
        assert_eq!(mistakes(&format!("{section}{entry}\n")), Vec::<String>::new(), "{entry}");
    }
    for Case(section, entry) in BUILT_ALONE {
        assert_eq!(mistakes_alone(&format!("{section}{entry}\n")), Vec::<String>::new(), "{entry}");
    }
}

#[test]
fn what_is_not_built_says_so_and_nothing_else() {
    let of_base = LATER.iter().map(|Case(section, entry)| (entry, mistakes(&format!("{section}{entry}\n"))));
    let alone = LATER_ALONE.iter().map(|Case(section, entry)| (entry, mistakes_alone(&format!("{section}{entry}\n"))));
    for (entry, mistakes) in of_base.chain(alone) {
        assert!(!mistakes.is_empty(), "{entry} is accepted silently");
        assert!(mistakes.iter().all(|message| message.contains("not built yet")), "{entry}: {mistakes:#?}");
    }
}
