//! In which order the records of one SRV answer are tried (RFC 2782).

use super::Srv;
use tandem_model::Random;

/// The records by priority, and among those of one priority drawn by their weights.
pub fn in_order(records: &[Srv], random: &mut Random) -> Vec<Srv> {
    let mut sorted = records.to_vec();
    // "Usage rules": those of weight 0 stand first, so that they have a small chance beside others.
    sorted.sort_by_key(|record| (record.priority, record.weight > 0));
    for group in sorted.chunk_by_mut(|a, b| a.priority == b.priority) {
        for next in 0..group.len() {
            let left = &mut group[next..];
            let sum: u64 = left.iter().map(|record| u64::from(record.weight)).sum();
            // The first whose running sum reaches a random number from 0 to the sum of all.
            let (drawn, mut running) = (random.below(sum + 1), 0);
            let chosen = left.iter().position(|record| {
                running += u64::from(record.weight);
                running >= drawn
            });
            left[..=chosen.unwrap_or(0)].rotate_right(1);
        }
    }
    sorted
}
