//! One record in the journal: a head of twenty bytes (a mark, the length, when it was pushed, a checksum of these and of what follows), and
//! the record.
//!
//! A reader finds its way again behind anything that is no frame: the mark holds bytes that no UTF-8 text has, and whoever has one by
//! accident does not have the checksum.

use super::checksum::checksum;

const MARK: [u8; 4] = [0xF5, 0xFF, b'T', b'J'];

/// Bytes before the record.
pub(crate) const HEAD: usize = 20;

/// Bytes of one record. What is larger is not written.
pub(crate) const MAX_RECORD: usize = 1 << 20;

/// Adds a frame. The record has at most [`MAX_RECORD`] bytes.
pub(crate) fn write(into: &mut Vec<u8>, at_us: i64, record: &[u8]) {
    debug_assert!(record.len() <= MAX_RECORD);
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes();
    let at = at_us.to_le_bytes();
    into.extend_from_slice(&MARK);
    into.extend_from_slice(&length);
    into.extend_from_slice(&at);
    into.extend_from_slice(&checksum(&[&length, &at, record]).to_le_bytes());
    into.extend_from_slice(record);
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A frame: when its record was pushed, in microseconds since 1970, and the record.
    Frame(i64, &'a [u8]),
    /// So many bytes that are no frame, before one that is.
    Damage(usize),
}

/// Goes from frame to frame. What is left when there is none any more is a frame that was not written to its end, or nothing.
#[derive(Clone, Debug)]
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Frames<'a> {
        Frames { bytes, at: 0 }
    }

    /// Bytes that were gone over.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let rest = &self.bytes[self.at..];
        if let Some((at_us, record)) = frame(rest) {
            self.at += HEAD + record.len();
            return Some(Found::Frame(at_us, record));
        }
        let begin = (1..rest.len()).find(|place| frame(&rest[*place..]).is_some())?;
        self.at += begin;
        Some(Found::Damage(begin))
    }
}

/// The frame that these bytes begin with.
fn frame(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let rest = bytes.strip_prefix(&MARK)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|size| *size <= MAX_RECORD)?;
    let record = rest.get(..size)?;
    (checksum(&[length, at, record]) == u32::from_le_bytes(*sum)).then_some((i64::from_le_bytes(*at), record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(records: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for (n, record) in records.iter().enumerate() {
            write(&mut bytes, n as i64, record);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn read(bytes: &[u8]) -> Vec<(i64, Vec<u8>)> {
        Frames::new(bytes)
            .filter_map(|found| match found {
                Found::Frame(at, record) => Some((at, record.to_vec())),
                Found::Damage(_) => None,
            })
            .collect()
    }

    #[test]
    fn every_prefix_has_the_frames_that_are_whole_in_it() {
        let records: Vec<Vec<u8>> = [&b"one"[..], b"", b"a longer one \xF5\xFFTJ with a mark inside", b"last"].map(<[u8]>::to_vec).into();
        let (bytes, ends) = file(&records);
        for end in 0..=bytes.len() {
            let mut frames = Frames::new(&bytes[..end]);
            let whole = ends.iter().filter(|known| **known <= end).count();
            for record in &records[..whole] {
                assert!(matches!(frames.next(), Some(Found::Frame(_, read)) if read == record));
            }
            assert_eq!(frames.next(), None);
            assert_eq!(frames.offset(), ends[..whole].last().copied().unwrap_or(0));
        }
    }

    #[test]
    fn what_is_behind_damage_is_found() {
        let (mut bytes, ends) = file(&[b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
        bytes[ends[0] + HEAD] ^= 1;
        let found: Vec<Found<'_>> = Frames::new(&bytes).collect();
        assert_eq!(found, [Found::Frame(0, b"one"), Found::Damage(ends[1] - ends[0]), Found::Frame(2, b"three")]);
    }

    proptest! {
        #[test]
        fn damage_costs_the_frames_that_it_hits_and_no_other(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..12),
            hits in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..6),
        ) {
            let (mut bytes, ends) = file(&records);
            let mut hit = vec![false; records.len()];
            for (place, change) in hits {
                let place = place.index(bytes.len());
                bytes[place] ^= change;
                hit[ends.iter().filter(|end| **end <= place).count()] = true;
            }
            let read = read(&bytes);
            let written: Vec<(i64, Vec<u8>)> = records.iter().enumerate().map(|(n, record)| (n as i64, record.clone())).collect();
            // A place that was changed twice may be as it was.
            prop_assert!(read.iter().all(|frame| written.contains(frame)));
            prop_assert!(written.iter().filter(|(n, _)| !hit[*n as usize]).all(|frame| read.contains(frame)));
            prop_assert!(read.is_sorted_by_key(|(n, _)| *n));
        }

        #[test]
        fn what_was_cut_out_costs_the_frames_that_it_touches_and_no_other(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..12),
            cut in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let (mut bytes, ends) = file(&records);
            let (a, b) = (cut.0.index(bytes.len()), cut.1.index(bytes.len()));
            let (from, to) = (a.min(b), a.max(b));
            bytes.drain(from..to);
            let read = read(&bytes);
            for (n, end) in ends.iter().enumerate() {
                let begin = if n == 0 { 0 } else { ends[n - 1] };
                let is_whole = *end <= from || begin >= to;
                prop_assert!(!is_whole || read.contains(&(n as i64, records[n].clone())));
            }
            prop_assert!(read.len() <= records.len());
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut frames = Frames::new(&bytes);
            while frames.next().is_some() {}
            prop_assert!(frames.offset() <= bytes.len());
        }
    }
}
