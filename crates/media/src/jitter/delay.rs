//! How late packets come, and so how long they must wait for each other.

/// Packets that are looked back on: five seconds of the usual ones.
const WINDOW: usize = 256;

/// Of these, so many of the latest may come too late: two in a hundred.
const TOO_LATE: usize = 5;

/// After how many packets what is needed is reckoned anew.
const EVERY: u32 = 8;

/// How late the last packets came: microseconds, each beside the same clock.
#[derive(Debug)]
pub(super) struct Delay {
    transits: Box<[i64; WINDOW]>,
    seen: u32,
    needed: i64,
}

impl Delay {
    pub(super) fn new() -> Delay {
        Delay { transits: Box::new([0; WINDOW]), seen: 0, needed: 0 }
    }

    /// The clock of the packets is another from now on.
    pub(super) fn restart(&mut self) {
        self.seen = 0;
    }

    /// A packet came so long after its time by that clock.
    pub(super) fn note(&mut self, transit: i64) {
        self.transits[self.seen as usize % WINDOW] = transit;
        self.seen = self.seen.checked_add(1).unwrap_or(WINDOW as u32);
        if self.seen <= EVERY || self.seen.is_multiple_of(EVERY) {
            self.needed = self.latest();
        }
    }

    /// How long after its time by that clock a packet may be heard, so that nearly all are there.
    pub(super) fn needed(&self) -> i64 {
        self.needed
    }

    /// How much of that is because some are later than others.
    pub(super) fn spread(&self) -> i64 {
        self.needed - self.transits[..self.filled()].iter().copied().min().unwrap_or(self.needed)
    }

    fn filled(&self) -> usize {
        (self.seen as usize).min(WINDOW)
    }

    /// The latest but for those that may be too late.
    fn latest(&self) -> i64 {
        let filled = self.filled();
        let passed_over = TOO_LATE * filled / WINDOW;
        let mut latest = [i64::MIN; TOO_LATE + 1];
        for transit in &self.transits[..filled] {
            if *transit > latest[passed_over] {
                let place = latest[..=passed_over].partition_point(|late| late >= transit);
                latest[place..=passed_over].rotate_right(1);
                latest[place] = *transit;
            }
        }
        latest[passed_over]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_of_many_may_be_later() {
        let mut delay = Delay::new();
        for n in 0..1_000 {
            delay.note(if n % 100 == 0 { 90_000 } else { n % 7 * 1_000 });
        }
        assert_eq!((delay.needed(), delay.spread()), (6_000, 6_000));
    }

    #[test]
    fn the_first_ones_count_at_once_and_old_ones_no_more() {
        let mut delay = Delay::new();
        delay.note(0);
        delay.note(40_000);
        assert_eq!(delay.needed(), 40_000);
        (0..WINDOW).for_each(|_| delay.note(1_000));
        assert_eq!((delay.needed(), delay.spread()), (1_000, 0));
        delay.restart();
        delay.note(7);
        assert_eq!(delay.needed(), 7);
    }
}
