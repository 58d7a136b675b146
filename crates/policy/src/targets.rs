//! In which order the targets of a trunk are tried (RFC 2782).

use tandem_config::{MAX_TARGETS, Target};
use tandem_model::{Destination, LegProfile, Random};

/// One target.
#[derive(Clone, Debug)]
pub(crate) struct TargetRule {
    /// Its place in the configuration.
    pub(crate) place: u8,
    pub(crate) target: Target,
    /// Where its calls are sent first.
    pub(crate) hop: Destination,
    pub(crate) priority: u16,
    pub(crate) weight: u16,
    /// How it is spoken with.
    pub(crate) profile: LegProfile,
}

/// The targets of a trunk: lower priorities first, and among equals those without a weight first, as RFC 2782 draws them.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    sorted: Box<[TargetRule]>,
}

impl Targets {
    /// At most [`MAX_TARGETS`] of `targets`: reading has reported more.
    pub(crate) fn new(targets: impl Iterator<Item = TargetRule>) -> Targets {
        let mut sorted: Vec<TargetRule> = targets.take(MAX_TARGETS).collect();
        sorted.sort_by_key(|target| (target.priority, target.weight > 0));
        Targets { sorted: sorted.into() }
    }

    /// What they are, in the order of the configuration.
    pub(crate) fn uris(&self) -> Box<[Box<str>]> {
        let mut places: Vec<&TargetRule> = self.sorted.iter().collect();
        places.sort_by_key(|target| target.place);
        places.iter().map(|target| target.target.uri()).collect()
    }

    /// The one that `uri` names, whatever its user.
    pub(crate) fn at(&self, uri: &Target) -> Option<&TargetRule> {
        let is_it = |known: &Target| (&known.destination, known.transport, known.sips) == (&uri.destination, uri.transport, uri.sips);
        self.sorted.iter().find(|rule| is_it(&rule.target))
    }

    /// All of them, in an order that `random` decides where weights leave it open.
    pub(crate) fn in_order(&self, random: &mut Random) -> impl Iterator<Item = &TargetRule> {
        let mut order: [usize; MAX_TARGETS] = std::array::from_fn(|index| index);
        let mut start = 0;
        for group in self.sorted.chunk_by(|a, b| a.priority == b.priority) {
            let end = start + group.len();
            self.draw(&mut order[start..end], random);
            start = end;
        }
        order.into_iter().take(start).map(|index| &self.sorted[index])
    }

    /// "Usage rules", RFC 2782: the next is the first whose running sum of weights reaches a random number from 0 to the sum of all.
    /// Without any weight that is the first, always.
    fn draw(&self, order: &mut [usize], random: &mut Random) {
        let weight = |index: &usize| u64::from(self.sorted[*index].weight);
        for next in 0..order.len() {
            let left = &mut order[next..];
            let sum: u64 = left.iter().map(weight).sum();
            if sum == 0 {
                return;
            }
            let (drawn, mut running) = (random.below(sum + 1), 0);
            let chosen = left.iter().position(|index| {
                running += weight(index);
                running >= drawn
            });
            left[..=chosen.unwrap_or(0)].rotate_right(1);
        }
    }
}
