//! What phones heard, beside what the node wrote down.

use crate::{forgiven::Forgiven, world::PHONES};
use std::collections::BTreeMap;
use tandem_model::{EndReason, LegId};
use tandem_phone::Role;
use tandem_sim::Sim;

/// Where every message arrives, the callers' view and the records are the same.
pub(crate) fn assert_both_sides_agree(sim: &Sim, forgiven: &Forgiven) {
    let callers = || PHONES.into_iter().flat_map(|phone| sim.phone(phone).calls()).filter(|call| call.role == Role::Caller);
    let heard = |wanted: fn(u16) -> bool| callers().filter(|call| call.final_status().is_some_and(wanted)).count();
    // A leg that took a place elsewhere stands in the record of that call.
    let legs: BTreeMap<LegId, u16> = sim.core().records().flat_map(|record| &record.legs).map(|leg| (leg.leg, leg.sip_status)).collect();
    // A call that begins in the node has no caller.
    let came = || sim.core().records().filter(|record| !record.route.starts_with("api:"));
    let told = || came().map(|record| (record, record.call.leg(0).and_then(|leg| legs.get(&leg)).copied().unwrap_or(0)));
    let records = |wanted: fn(u16) -> bool| told().filter(|(_, status)| wanted(*status)).count();
    assert_eq!(heard(|status| status / 100 == 2), records(|status| status / 100 == 2), "answered calls");
    assert_eq!(heard(|status| status == 487), records(|status| status == 487), "cancelled calls");
    for (record, status) in told().filter(|(record, _)| record.reason != EndReason::Moved) {
        assert_eq!(record.answered.is_some(), status / 100 == 2, "a call is answered if its caller is: {record:?}");
    }
    if !forgiven.passes_refers {
        assert_told_of_transfers(sim);
    }
}

/// Whoever is told that its transfer was answered has left its place to somebody.
fn assert_told_of_transfers(sim: &Sim) {
    let calls = PHONES.into_iter().flat_map(|phone| sim.phone(phone).calls());
    let told = calls.flat_map(|call| call.referrals()).filter(|referral| referral.progress.iter().any(|status| status / 100 == 2)).count();
    let left = sim.core().records().flat_map(|record| &record.legs).filter(|leg| leg.replaced_by.is_some()).count();
    assert!(told <= left, "{told} were told that they are replaced, {left} are");
}
