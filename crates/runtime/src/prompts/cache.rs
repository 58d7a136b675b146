//! Prompts that were read, up to so many bytes.

use std::{collections::BTreeMap, time::SystemTime};
use tandem_media::Clip;

/// By what a file is known to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) modified: Option<SystemTime>,
    pub(super) length: u64,
}

#[derive(Debug)]
struct Kept {
    clip: Clip,
    stamp: Stamp,
    /// Counts the times that anything was asked for.
    used: u64,
}

/// Who was not asked for for longest goes first.
#[derive(Debug)]
pub(super) struct Cache {
    kept: BTreeMap<Box<str>, Kept>,
    bytes: usize,
    most: usize,
    uses: u64,
}

impl Cache {
    pub(super) fn new(most: usize) -> Cache {
        Cache { kept: BTreeMap::new(), bytes: 0, most, uses: 0 }
    }

    /// What was read under that name, if the file is still that.
    pub(super) fn find(&mut self, name: &str, stamp: Stamp) -> Option<Clip> {
        self.uses += 1;
        let kept = self.kept.get_mut(name).filter(|kept| kept.stamp == stamp)?;
        kept.used = self.uses;
        Some(kept.clip.clone())
    }

    /// Keeps it, if it fits; what makes room for it plays on where it plays.
    pub(super) fn keep(&mut self, name: &str, stamp: Stamp, clip: &Clip) {
        self.forget(name);
        // A name costs something too.
        let bytes = weight(name, clip);
        if bytes > self.most {
            return;
        }
        while self.bytes + bytes > self.most {
            let Some(oldest) = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(name, _)| name.clone()) else { break };
            self.forget(&oldest);
        }
        self.uses += 1;
        self.bytes += bytes;
        self.kept.insert(name.into(), Kept { clip: clip.clone(), stamp, used: self.uses });
    }

    fn forget(&mut self, name: &str) {
        if let Some(kept) = self.kept.remove(name) {
            self.bytes -= weight(name, &kept.clip);
        }
    }
}

/// Bytes, with those around it.
fn weight(name: &str, clip: &Clip) -> usize {
    name.len() + clip.bytes() + size_of::<Kept>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { modified: None, length: 7 };

    fn clip(samples: usize) -> Clip {
        Clip::new(8_000, vec![0; samples].into())
    }

    #[test]
    fn who_was_not_asked_for_for_longest_goes_first() {
        let mut cache = Cache::new(3 * weight("a", &clip(100)));
        ["a", "b", "c"].iter().for_each(|name| cache.keep(name, STAMP, &clip(100)));
        assert!(cache.find("a", STAMP).is_some());
        cache.keep("d", STAMP, &clip(100));
        assert_eq!(["a", "b", "c", "d"].map(|name| cache.find(name, STAMP).is_some()), [true, false, true, true]);
        cache.keep("e", STAMP, &clip(290));
        assert_eq!((cache.find("e", STAMP).is_some(), cache.kept.len()), (true, 1));
        cache.keep("f", STAMP, &clip(10_000));
        assert_eq!((cache.find("f", STAMP).is_some(), cache.find("e", STAMP).is_some()), (false, true), "it does not fit at all");
    }

    #[test]
    fn another_file_of_that_name_is_another() {
        let mut cache = Cache::new(10_000);
        cache.keep("a", STAMP, &clip(100));
        assert!(cache.find("a", Stamp { length: 8, ..STAMP }).is_none());
        cache.keep("a", Stamp { length: 8, ..STAMP }, &clip(50));
        assert_eq!((cache.kept.len(), cache.bytes), (1, weight("a", &clip(50))));
    }
}
