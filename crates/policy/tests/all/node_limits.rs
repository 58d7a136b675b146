//! `[calls] max` and `max_cps`: 503, and when to ask again.

use tandem_model::Timestamp;
use tandem_policy::{NodeFull, NodeLimits};

#[test]
fn a_full_node_says_when_to_ask_again() {
    let mut node = NodeLimits::new(2, 100);
    assert!(node.try_begin(Timestamp::ZERO).is_ok());
    assert!(node.try_begin(Timestamp::ZERO).is_ok());
    assert_eq!(node.try_begin(Timestamp::ZERO), Err(NodeFull { retry_after_s: 10 }));
    node.end();
    assert_eq!(node.calls(), 1);
    assert!(node.try_begin(Timestamp::ZERO).is_ok());
}

#[test]
fn a_node_that_is_called_too_fast_says_so_too() {
    let mut node = NodeLimits::new(100, 3);
    let now = Timestamp::from_millis(77);
    assert_eq!((0..5).filter(|_| node.try_begin(now).is_ok()).count(), 3);
    assert_eq!(node.try_begin(now), Err(NodeFull { retry_after_s: 1 }));
    assert!(node.try_begin(now + std::time::Duration::from_millis(334)).is_ok());
}

#[test]
fn calls_go_on_when_the_limit_sinks_below_them() {
    let mut node = NodeLimits::new(10, 100);
    (0..4).for_each(|_| assert!(node.try_begin(Timestamp::ZERO).is_ok()));
    node.reload(2, 100, Timestamp::ZERO);
    assert_eq!(node.calls(), 4);
    assert!(node.try_begin(Timestamp::ZERO).is_err());
    (0..3).for_each(|_| node.end());
    assert!(node.try_begin(Timestamp::ZERO).is_ok());
}
