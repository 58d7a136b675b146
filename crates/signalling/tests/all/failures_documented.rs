//! `docs/failures.md` says what the code does, status by status.

use std::collections::BTreeMap;
use tandem_signalling::relayed_status;

/// What the caller gets for each status: the rows whose first cell lists statuses, or ends in whole classes (`every other 3xx`), and
/// whose second begins with a status or "the same".
fn documented() -> BTreeMap<u16, u16> {
    let page = include_str!("../../../../docs/failures.md");
    let rows = page.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| ")).map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        (cells[1].to_owned(), cells[2].to_owned())
    });
    let (mut table, mut classes) = (BTreeMap::new(), Vec::new());
    for (from, to) in rows {
        let target = to.split([',', ' ']).next().and_then(|word| word.parse::<u16>().ok());
        for word in from.split([',', ' ']) {
            match (word.parse::<u16>(), word.strip_suffix("xx").and_then(|class| class.parse::<u16>().ok())) {
                (Ok(status), _) if (300..700).contains(&status) => assert_eq!(table.insert(status, target.unwrap_or(status)), None),
                (_, Some(class)) => classes.push((class * 100, target)),
                _ => {}
            }
        }
    }
    for (first, target) in classes {
        (first..first + 100).for_each(|status| {
            table.entry(status).or_insert(target.unwrap_or(status));
        });
    }
    table
}

#[test]
fn the_page_says_of_every_status_what_becomes_of_it() {
    let table = documented();
    for status in 300..700 {
        assert_eq!(table.get(&status), Some(&relayed_status(status)), "status {status}");
    }
}
