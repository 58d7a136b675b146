//! What phones heard, beside what the node wrote down.

use crate::world::PHONES;
use tandem_phone::Role;
use tandem_sim::Sim;

/// Where every message arrives, the callers' view and the records are the same.
pub(crate) fn assert_both_sides_agree(sim: &Sim) {
    let callers = || PHONES.into_iter().flat_map(|phone| sim.phone(phone).calls()).filter(|call| call.role == Role::Caller);
    let heard = |wanted: fn(u16) -> bool| callers().filter(|call| call.final_status().is_some_and(wanted)).count();
    let records = |wanted: fn(u16) -> bool| sim.core().records().filter(|record| wanted(record.legs[0].sip_status)).count();
    assert_eq!(heard(|status| status / 100 == 2), records(|status| status / 100 == 2), "answered calls");
    assert_eq!(heard(|status| status == 487), records(|status| status == 487), "cancelled calls");
    let answered = sim.core().records().filter(|record| record.answered.is_some()).count();
    assert_eq!(answered, records(|status| status / 100 == 2), "a call is answered if its caller is");
}
