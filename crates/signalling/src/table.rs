//! Tables by numbers that nobody outside can choose: names of transactions, which are keyed hashes, and ids that we give.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A hash table without a hash function to speak of. It is never walked through, so its order is nobody's concern.
pub(crate) type Table<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// Spreads a number over 64 bits (Knuth's multiplicative hash: ids differ in few of theirs).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0.rotate_left(32)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64(number as u64);
    }
}
