//! `docs/failures.md` says what the code does, status by status.

use std::collections::BTreeMap;
use tandem_signalling::relayed_status;

/// The rows whose first cell lists statuses and whose second begins with a status or "the same".
fn documented() -> BTreeMap<u16, Option<u16>> {
    let page = include_str!("../../../docs/failures.md");
    let rows = page.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| ")).map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        (cells[1].to_owned(), cells[2].to_owned())
    });
    let mut table = BTreeMap::new();
    for (from, to) in rows {
        let target = to.split([',', ' ']).next().and_then(|word| word.parse::<u16>().ok());
        for status in from.split(", ").filter_map(|word| word.parse::<u16>().ok()) {
            table.insert(status, target);
        }
    }
    table
}

#[test]
fn the_page_lists_every_status_that_changes_and_only_those() {
    let table = documented();
    assert!(table.len() > 30, "the table was not found");
    for status in 300..700 {
        let expected = table.get(&status).copied().flatten().unwrap_or(status);
        assert_eq!(relayed_status(status), expected, "status {status}");
    }
}
