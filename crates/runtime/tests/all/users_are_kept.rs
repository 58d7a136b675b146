//! Where users are is known to the next process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::{
    common::{Options, Peer, TestNode, bridge_to},
    nodes_are_seen::{register, wait},
};
use tandem_runtime::{BindingsKept, ChangedBindings};

/// Alice, and a caller whose calls all go to her.
fn alice() -> String {
    let calls = bridge_to("127.0.0.1:9".parse().unwrap()).replace("trunk:callee", "user:alice");
    // The rest of this machine is who proves to be a user.
    calls.replace("\"127.0.0.1\", \"::1\"", "\"127.0.0.3\"") + "[[user]]\nname = 'alice'\npassword = 'secret'\n"
}

fn node(sections: &str, kept: BindingsKept) -> TestNode {
    TestNode::start(Options { sections: sections.to_owned(), bindings: Some(kept), ..Options::default() })
}

#[test]
fn a_user_is_called_after_a_restart_where_she_registered_before() {
    let (caller, phone) = (Peer::at("127.0.0.3:0"), Peer::new());
    let changed = ChangedBindings::default();
    let first = node(&alice(), BindingsKept { before: Vec::new(), changed: changed.clone() });
    register(&first, &phone);
    let seen = wait(first.handle.registrations());
    let before = wait(changed.next()).unwrap();
    drop(first);
    assert_eq!(wait(changed.next()), None, "who writes them down is told of the end");
    assert_eq!((&*before[0].0, before[0].1.len()), ("alice", 1));

    let second = node(&alice(), BindingsKept { before: before.clone(), changed: ChangedBindings::default() });
    let [again] = &*wait(second.handle.registrations()) else { panic!("she is known") };
    assert_eq!((&again.user, &again.contact, &again.agent), (&seen[0].user, &seen[0].contact, &seen[0].agent));
    caller.send(second.address, &caller.invite(second.address, "known", ""));
    phone.hear_starting("INVITE");
}

#[test]
fn who_has_expired_or_is_no_user_any_more_is_not_known() {
    let phone = Peer::new();
    let changed = ChangedBindings::default();
    let first = node(&alice(), BindingsKept { before: Vec::new(), changed: changed.clone() });
    register(&first, &phone);
    let before = wait(changed.next()).unwrap();
    drop(first);
    let mut expired = before.clone();
    expired[0].1[0].until_ms = expired[0].1[0].since_ms;
    let second = node(&alice(), BindingsKept { before: expired, changed: ChangedBindings::default() });
    assert_eq!(wait(second.handle.registrations()), []);

    let changed = ChangedBindings::default();
    let nobody = node(&bridge_to("127.0.0.1:9".parse().unwrap()), BindingsKept { before, changed: changed.clone() });
    assert_eq!(wait(nobody.handle.registrations()), []);
    assert_eq!(wait(changed.next()), Some(vec![("alice".into(), Vec::new())]), "and forgotten");
}
