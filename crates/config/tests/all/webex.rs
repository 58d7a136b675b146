//! `[webex]`: who may have a meeting and somebody else called, and how.

use crate::common::{assert_mistake, read};
use std::time::Duration;
use tandem_config::Difference;

const NODE: &str = "[api]\nbind = '127.0.0.1'\n[[trunk]]\nname = 'carrier'\ntargets = [{ uri = 'sip:127.0.0.8' }]\n[[trunk]]\nname = 'pbx'\ntargets = [{ uri = 'sip:127.0.0.9' }]\n";

fn with(lines: &str) -> String {
    format!("{NODE}[webex]\n{lines}")
}

#[test]
fn what_is_not_written_is_as_the_original_has_it() {
    assert_eq!(read(NODE).unwrap().webex, None);
    let webex = read(&with("trunk = 'carrier'")).unwrap().webex.unwrap();
    assert_eq!((&**webex.trunk, &**webex.endpoint_trunk, webex.from, webex.open), ("carrier", "carrier", None, false));
    assert_eq!(
        (&*webex.base, webex.load_timeout, webex.bridge_timeout),
        ("https://webexapis.com/v1", Duration::from_secs(60), Duration::from_secs(60))
    );
    assert!(webex.may_call.lets_call("sip:anybody"));
    let webex = read(&with("trunk = 'carrier'\nendpoint_trunk = 'pbx'\nbase = 'http://127.0.0.1:9000/v1/'\nmay_call = ['^1']"))
        .unwrap()
        .webex
        .unwrap();
    assert_eq!((&**webex.endpoint_trunk, &*webex.base), ("pbx", "http://127.0.0.1:9000/v1"));
    assert!(webex.may_call.lets_call("12") && !webex.may_call.lets_call("21"));
}

#[test]
fn what_cannot_be_is_told() {
    assert_mistake(&with("from = '1'"), &["[webex] needs `trunk ="]);
    assert_mistake(&with("trunk = 'carier'"), &["there is no trunk `carier`; the nearest is `carrier`"]);
    assert_mistake(&with("trunk = 'pbx'\nendpoint_trunk = 'bpx'"), &["there is no trunk `bpx`"]);
    assert_mistake(&with("trunk = 'pbx'\nopen = true"), &["needs `may_call`"]);
    assert_mistake(&with("trunk = 'pbx'\nfrom = 'a b'"), &["is no number"]);
    assert_mistake(&with("trunk = 'pbx'\nbase = 'webexapis.com'"), &["must begin with https://"]);
    assert_mistake(&with("trunk = 'pbx'\nbase = 'https://a.example/?x'"), &["paths are put behind it"]);
    assert_mistake(&with("trunk = 'pbx'\nload_timeout = '1h'"), &["is possible"]);
    assert_mistake("[[trunk]]\nname = 'pbx'\ntargets = [{ uri = 'sip:127.0.0.9' }]\n[webex]\ntrunk = 'pbx'", &["there is no [api]"]);
}

#[test]
fn a_reload_changes_it() {
    let changes = Difference::between(&read(NODE).unwrap(), &read(&with("trunk = 'pbx'")).unwrap()).reload();
    assert_eq!(changes.unwrap(), ["[webex] changed"]);
}
