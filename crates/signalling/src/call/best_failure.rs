//! Which of several failures the caller is told (RFC 3261 §16.7 step 6).

use super::failure::Failure;

/// Whether `new` says more to the caller than `old`. Of two that say as much the first stays.
pub(super) fn is_better(new: &Failure, old: &Failure) -> bool {
    rank(new.status) < rank(old.status)
}

/// The lower, the better; of a status as the caller would get it. `docs/failures.md` has the table.
pub(super) const fn rank(status: u16) -> u8 {
    match status {
        // Step 6: a 6xx goes before everything, then the lowest class.
        600.. => 0,
        300..400 => 1,
        // What tells the caller how to go on. (401, 407, 415 and 420 are to us, and never reach the caller.)
        484 => 2,
        // Somebody is there.
        486 => 3,
        // Nobody answered.
        408 | 480 | 487 => 5,
        400..500 => 4,
        // "This node is full" is the last thing to say.
        503 => 7,
        _ => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_as_the_documentation_has_it() {
        let text = include_str!("../../../../docs/failures.md");
        let statuses = [603, 600, 302, 484, 486, 404, 403, 488, 480, 408, 500, 504, 503];
        let mut row = statuses.to_vec();
        row.sort_by_key(|status| rank(*status));
        assert_eq!(row, statuses, "the order of this list is that of the ranks");
        for status in ["484", "486", "408", "480", "503"] {
            let table = text.split_once("## Of several failures").map_or("", |(_, table)| table);
            assert!(table.contains(status), "{status}");
        }
    }

    #[test]
    fn of_equals_the_first_stays() {
        assert!(!is_better(&Failure::new(404), &Failure::new(403)));
        assert!(is_better(&Failure::new(486), &Failure::new(480)));
        assert!(!is_better(&Failure::new(480), &Failure::new(486)));
    }
}
