//! What the rules of a trunk may say: failover, targets.

mod common;
use common::{assert_mistake, read};
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
