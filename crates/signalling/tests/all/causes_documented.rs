//! SIP statuses and Q.850 causes: both tables of RFC 3398 as `docs/failures.md` prints them.

use std::collections::BTreeMap;
use tandem_signalling::cause::{CAUSE_OF_STATUS, STATUS_OF_CAUSE, cause_of_status, status_of_cause};

const PAGE: &str = include_str!("../../../../docs/failures.md");

/// The rows of a table: each value with all that lead to it.
fn rows<From: ToString + Copy + Ord, To: ToString + Copy + Ord>(table: &[(From, To)]) -> Vec<String> {
    let mut groups: BTreeMap<To, Vec<From>> = BTreeMap::new();
    table.iter().for_each(|(from, to)| groups.entry(*to).or_default().push(*from));
    let line = |(to, mut from): (To, Vec<From>)| {
        from.sort_unstable();
        let from: Vec<_> = from.iter().map(ToString::to_string).collect();
        format!("| {} | {} |", from.join(", "), to.to_string())
    };
    groups.into_iter().map(line).collect()
}

fn assert_printed(heading: &str, rows: &[String]) {
    let section = PAGE.split(heading).nth(1).unwrap_or_default();
    let printed: Vec<_> =
        section.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(printed, rows, "{heading}\n{}", rows.join("\n"));
}

#[test]
fn the_page_has_both_tables() {
    assert_printed("### From a SIP status to a Q.850 cause", &rows(&CAUSE_OF_STATUS));
    assert_printed("### From a Q.850 cause to a SIP status", &rows(&STATUS_OF_CAUSE));
}

#[test]
fn no_line_stands_twice_and_all_others_have_a_value() {
    let statuses: std::collections::BTreeSet<_> = CAUSE_OF_STATUS.iter().map(|(status, _)| status).collect();
    let causes: std::collections::BTreeSet<_> = STATUS_OF_CAUSE.iter().map(|(cause, _)| cause).collect();
    assert_eq!((statuses.len(), causes.len()), (CAUSE_OF_STATUS.len(), STATUS_OF_CAUSE.len()));
    // RFC 3398 §8.2.6.1, §7.2.4.1: what is not listed.
    assert_eq!((cause_of_status(499), cause_of_status(302), cause_of_status(200)), (31, 31, 16));
    assert_eq!((status_of_cause(99), status_of_cause(16)), (Some(500), None));
}
