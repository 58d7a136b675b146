//! What the rules of a trunk may say: failover, targets, proxy, numbers, headers.

use crate::common::{assert_mistake, read};
use tandem_model::Failover;

/// A trunk with these keys.
fn trunk(keys: &str) -> String {
    format!("[[trunk]]\nname = 'a'\nmatch = {{ listen = 'inside' }}\n{keys}")
}

#[test]
fn failover_lists_statuses_classes_and_two_words() {
    let failover = |keys: &str| read(&trunk(keys)).unwrap().trunks[0].failover;
    assert_eq!(failover(""), Failover::default());
    assert_eq!(failover("failover = []"), Failover::NONE);
    let some = failover("failover = ['404', '6xx', 'timeout']");
    assert!(some.has(404) && some.has(603) && some.timeout);
    assert!(!some.has(403) && !some.has(503) && !some.unreachable);
}

#[test]
fn what_is_no_failure_is_a_mistake() {
    assert_mistake(&trunk("failover = ['5x']"), &["`failover` in [[trunk]] a", "`5x`", "the nearest is \"5xx\""]);
    assert_mistake(&trunk("failover = ['timout']"), &["the nearest is \"timeout\""]);
    for status in ["302", "200", "700", "0503"] {
        assert_mistake(&trunk(&format!("failover = ['{status}']")), &["from 400 to 699"]);
    }
    assert_mistake(&trunk("failover = [503]"), &["text in quotes is wanted"]);
    assert_mistake(&trunk("failover = ['503', '503']"), &["has this already"]);
}

#[test]
fn priority_and_weight_are_numbers_of_16_bits() {
    let with = |keys: &str| trunk(&format!("targets = [{{ uri = 'sip:127.0.0.2', {keys} }}]"));
    let config = read(&with("priority = 7, weight = 65535")).unwrap();
    let target = &config.trunks[0].targets[0];
    assert_eq!((target.priority, target.weight), (7, 65535));
    assert_mistake(&with("priority = 65536"), &["`priority` in a target of [[trunk]] a", "from 0 to 65535"]);
    assert_mistake(&with("weight = -1"), &["from 0 to 65535"]);
}

#[test]
fn a_proxy_is_a_loose_router() {
    let with = |proxy: &str| trunk(&format!("targets = [{{ uri = 'sip:127.0.0.2' }}]\nproxy = '{proxy}'"));
    for proxy in ["sip:127.0.0.7;lr", "sip:127.0.0.7:5070;LR", "sip:127.0.0.7;transport=udp;lr=on"] {
        assert!(read(&with(proxy)).is_ok(), "{proxy}");
    }
    assert_mistake(&with("sip:127.0.0.7"), &["`proxy` in [[trunk]] a", "has no `lr`", "write `sip:127.0.0.7;lr`"]);
    assert_mistake(&with("sip:x@127.0.0.7;lr"), &["without a user part"]);
    assert_mistake(&with("sip:[::1]:5070;lr"), &["no listener and media side of one address family reach [::1]:5070"]);
    assert_mistake(&trunk("proxy = 'sip:127.0.0.7;lr'"), &["goes only with `targets`"]);
    assert_mistake(
        &trunk("listen = 'inside'\ntargets = [{ uri = 'sip:sbc.example.org' }]\nproxy = 'sip:[::1];lr'"),
        &["listener `inside` (127.0.0.1) cannot reach ::1"],
    );
}

#[test]
fn a_target_behind_a_proxy_need_not_be_reached_itself() {
    assert!(read(&trunk("targets = [{ uri = 'sip:[2001:db8::1]' }]\nproxy = 'sip:127.0.0.7;lr'")).is_ok());
}

#[test]
fn a_domain_is_a_host() {
    let domain = |text: &str| read(&trunk(&format!("from_domain = '{text}'"))).map(|config| config.trunks[0].from_domain.clone());
    assert_eq!(domain("sip.example.org").unwrap().as_deref(), Some("sip.example.org"));
    assert_eq!(domain("2001:db8::1").unwrap().as_deref(), Some("[2001:db8::1]"));
    assert_mistake(&trunk("from_domain = 'a b'"), &["`from_domain` in [[trunk]] a", "not a host name or address"]);
    assert_mistake(&trunk("from_domain = 'sip:example.org'"), &["not a host name or address"]);
}

#[test]
fn words_out_of_a_list_name_the_nearest() {
    assert_mistake(&trunk("called_from = 'request_uri'"), &["the nearest is \"request-uri\""]);
    assert_mistake(&trunk("caller_id = 'p-asserted-identity'"), &["is none of \"from\", \"pai\", \"rpid\""]);
}

#[test]
fn a_number_rule_says_all_three_things() {
    let with = |rule: &str| trunk(&format!("numbers_in = [{{ {rule} }}]"));
    assert_mistake(&with("of = 'called', match = '^0'"), &["a rule of `numbers_in` in [[trunk]] a needs `to = '+49'`"]);
    assert_mistake(&with("match = '^0', to = ''"), &["needs `of = \"called\"`"]);
    assert_mistake(&with("of = 'callee', match = '^0', to = ''"), &["the nearest is \"called\""]);
    assert_mistake(&with("of = 'called', match = '(', to = ''"), &["not a regular expression"]);
    assert_mistake(&with("of = 'called', mach = '^0', match = '^0', to = ''"), &["`mach`", "`match`"]);
    let many = "{ of = 'called', match = '^0', to = '' },".repeat(65);
    assert_mistake(&trunk(&format!("numbers_out = [{many}]")), &["has 65 entries; at most 64"]);
}

#[test]
fn what_a_rule_writes_names_groups_that_there_are() {
    let with = |matching: &str, to: &str| trunk(&format!("numbers_in = [{{ of = 'called', match = '{matching}', to = \"{to}\" }}]"));
    let rewritten = |matching: &str, to: &str, number: &str| {
        let config = read(&with(matching, to)).unwrap();
        let rule = &config.trunks[0].numbers_in[0];
        rule.matching.rewrite(number, &rule.to)
    };
    assert_eq!(rewritten("^0([1-9])(.*)$", "+$2/$1$$", "0301").as_deref(), Some("+01/3$"));
    assert_eq!(rewritten("3", "<$0>", "0303").as_deref(), Some("0<3>03"), "the first place only, and the rest stays");
    assert_eq!(rewritten("^(0)|1", "[$1]", "1").as_deref(), Some("[]"), "a group that has nothing");
    assert_eq!(rewritten("^0(.)", "$10", "07").as_deref(), Some("70"), "one digit names a group");
    assert_eq!(rewritten("^9", "x", "0"), None);
    assert_mistake(&with("^0(.*)$", "$2"), &["`$2`, but `match` has 1 groups"]);
    assert_mistake(&with("^0", "$x"), &["behind `$` stands the digit of a group"]);
    assert_mistake(&with("^0", "a$"), &["behind `$`"]);
    assert_mistake(&with("^0", "a\\u0007"), &["cannot stand in a number"]);
    assert_mistake(&with("^0", &"9".repeat(129)), &["at most 128 bytes"]);
}

#[test]
fn rules_are_written_as_the_manual_shows_them() {
    let keys = r#"headers_out = { set = { "X-Carrier" = "acme" }, pass = ["X-*", "User-to-User"], remove = ["P-Internal"] }
numbers_out = [{ of = "called", match = '^0(\d+)$', to = '+49$1' }]"#;
    let config = read(&trunk(&[keys, &keys.replace("_out", "_in")].join("\n"))).unwrap();
    let trunk = &config.trunks[0];
    assert_eq!((&trunk.headers_in, &trunk.numbers_in), (&trunk.headers_out, &trunk.numbers_out));
    let rules = &trunk.headers_out;
    assert_eq!(rules.set, [("X-Carrier".into(), "acme".into())]);
    let passes = |name: &str| rules.pass.iter().flatten().any(|pattern| pattern.fits(name));
    assert_eq!(["x-a", "X-", "USER-to-user", "User-to-User-2", "X"].map(passes), [true, true, true, false, false]);
    assert!(rules.remove.iter().any(|pattern| pattern.fits("p-internal")));
    let rule = &trunk.numbers_out[0];
    assert_eq!(rule.matching.rewrite("0301", &rule.to).as_deref(), Some("+49301"));
}

#[test]
fn no_rule_reaches_a_header_that_is_ours() {
    for name in
        ["Via", "from", "TO", "Call-ID", "cseq", "Contact", "Route", "Content-Type", "content-odd", "Proxy-Authorization", "Require"]
    {
        for rule in [format!("set = {{ '{name}' = 'x' }}"), format!("pass = ['{name}']"), format!("remove = ['{name}']")] {
            assert_mistake(&trunk(&format!("headers_out = {{ {rule} }}")), &[&format!("`{name}` is written by Tandem itself")]);
        }
    }
}

#[test]
fn names_and_values_of_headers_are_checked() {
    let with = |rule: &str| trunk(&format!("headers_in = {{ {rule} }}"));
    assert!(read(&with("pass = ['*'], remove = ['X-*', 'Subject'], set = { X-A = 'b: c' }")).is_ok());
    assert_mistake(&with("pass = ['X*Y']"), &["'*' cannot stand in the name of a header"]);
    assert_mistake(&with("pass = ['X A']"), &["' ' cannot stand"]);
    assert_mistake(&with("pass = ['']"), &["from 1 to 64 characters"]);
    assert_mistake(&with("set = { s = 'x' }"), &["`s` is short for `Subject`"]);
    assert_mistake(&with("set = { 'X-A:' = 'x' }"), &["':' cannot stand"]);
    assert_mistake(&with("set = { X-A = 'a', x-a = 'b' }"), &["stands there twice"]);
    assert_mistake(&with("set = { X-A = \"a\\r\\nVia: b\" }"), &["`X-A` of `set` in `headers_in` in [[trunk]] a", "cannot stand here"]);
    assert_mistake(&with("set = { X-A = 5 }"), &["text in quotes is wanted"]);
    assert_mistake(&with("set = ['X-A']"), &["a table like"]);
    assert_mistake(&with("let = ['X-A']"), &["`let`", "`set`"]);
}

#[test]
fn a_registration_says_where_and_as_whom() {
    let with =
        |keys: &str| read(&trunk(keys)).unwrap().trunks[0].register.iter().map(|register| register.value.clone()).collect::<Vec<_>>();
    let login = "login = { username = 'ac me', password = 'x' }\n";
    assert!(with("").is_empty());
    let one = with(&format!("{login}register = {{ uri = 'sip:127.0.0.2:5070;transport=udp', expires = '1h' }}"));
    assert_eq!((one.len(), one[0].expires_s, one[0].bulk, &*one[0].uri.domain()), (1, 3_600, false, "sip:127.0.0.2:5070"));
    assert_eq!(&*one[0].uri.aor("100"), "sip:100@127.0.0.2", "RFC 3261 §10.2: an address of record has no port");
    let two = with("register = [{ uri = 'sip:a@127.0.0.2' }, { uri = 'sip:a@127.0.0.3', bulk = true }]");
    assert_eq!((two.len(), two[0].expires_s, two[1].bulk), (2, 600, true));
    assert_eq!(&*two[1].uri.aor("a"), "sip:a@127.0.0.3");
}

#[test]
fn a_registration_with_a_mistake_is_told() {
    let wrong = |keys: &str, words: &[&str]| assert_mistake(&trunk(keys), words);
    wrong("register = { expires = '5m' }", &["`register` in [[trunk]] a needs `uri ="]);
    wrong("register = { uri = 'sip:127.0.0.2' }", &["does not say whom to register", "`login`"]);
    wrong("register = { uri = 'sip:a@127.0.0.2', expires = '30s' }", &["from 1m to 24h is possible"]);
    wrong("register = { uri = 'sip:a@127.0.0.2', expires = '90500ms' }", &["whole seconds"]);
    wrong("register = { uri = 'tel:+49' }", &["not a SIP URI"]);
    wrong("register = []", &["is empty"]);
    wrong("register = [{ uri = 'sip:a@127.0.0.2' }, { uri = 'sip:a@127.0.0.2' }]", &["stands in line"]);
    wrong("register = { uri = 'sip:a@127.0.0.2', expiry = '5m' }", &["unknown key `expiry`", "`expires`"]);
    wrong("register = 'sip:a@127.0.0.2'", &["`register` in [[trunk]] a"]);
    let five: Vec<String> = (2..7).map(|host| format!("{{ uri = 'sip:a@127.0.0.{host}' }}")).collect();
    wrong(&format!("register = [{}]", five.join(", ")), &["4"]);
}

#[test]
fn a_ping_needs_somebody_to_ask() {
    assert_mistake(&trunk("ping = {}"), &["has `ping` and no `targets`"]);
    let called = |keys: &str| trunk(&format!("targets = [{{ uri = 'sip:127.0.0.2' }}]\n{keys}"));
    assert_mistake(&called("ping = { every = '10ms' }"), &["from 1s to 1h is possible"]);
    assert_mistake(&called("ping = { down_after = 0 }"), &["from 1 to 10"]);
    let ping = read(&called("ping = {}")).unwrap().trunks[0].ping.unwrap();
    assert_eq!((ping.every.as_secs(), ping.down_after), (30, 2));
}

#[test]
fn packets_have_one_of_five_lengths() {
    let ptime = |keys: &str| read(&trunk(keys)).unwrap().trunks[0].ptime_ms;
    assert_eq!((ptime(""), ptime("ptime = '10ms'"), ptime("ptime = '60ms'")), (None, Some(10), Some(60)));
    let lengths = ["`ptime` in [[trunk]] a", "\"10ms\", \"20ms\", \"30ms\", \"40ms\", \"60ms\""];
    for (wrong, told) in [("'25ms'", "`25ms`"), ("'50ms'", "`50ms`"), ("'20'", "the nearest is \"20ms\""), ("'0.02s'", "`0.02s`")] {
        assert_mistake(&trunk(&format!("ptime = {wrong}")), &[lengths[0], lengths[1], told]);
    }
    assert_mistake(&trunk("ptime = 20"), &["`ptime` in [[trunk]] a", "text in quotes is wanted"]);
    let user = "[[user]]\nname = 'u'\npassword = 'p'\n";
    assert_eq!(read(&format!("{user}ptime = '40ms'")).unwrap().users[0].spoken.ptime_ms, Some(40));
    assert_mistake(&format!("{user}ptime = '15ms'"), &["`ptime` in [[user]] u", "`15ms`", lengths[1]]);
}
