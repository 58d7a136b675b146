//! Whose call is it? Finds the trunk of a request by the trunks' `match`.

use crate::overlap::{Overlap, overlap};
use std::{collections::BTreeMap, net::IpAddr};
use tandem_config::{At, Config, Match, Network, Pattern, Problems, Trunk};
use tandem_model::{Admit, ListenerId, TrunkId};

/// All `match`es, in the order in which they win: longer prefixes before shorter ones and before none; among equal
/// prefixes, more conditions before fewer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission {
    v4: Vec<Prefix<u32>>,
    v6: Vec<Prefix<u128>>,
    /// Trunks that say nothing about sources.
    anywhere: Vec<Conditions>,
}

/// All networks of one prefix length.
#[derive(Clone, Debug)]
struct Prefix<A> {
    mask: A,
    /// Sorted by network; within one network, by rank.
    entries: Vec<(A, Conditions)>,
}

/// What must hold beside the source.
#[derive(Clone, Debug)]
struct Conditions {
    trunk: TrunkId,
    /// How many conditions the whole `match` has.
    rank: usize,
    listener: Option<ListenerId>,
    domain: Option<Box<str>>,
    to: Option<Pattern>,
    tls_name: Option<Box<str>>,
}

impl Admission {
    /// Collects the `match`es of `config`; reports those that tie.
    pub(crate) fn compile(config: &Config, problems: &mut Problems) -> Admission {
        let mut admission = Admission::default();
        for (index, trunk) in config.trunks.iter().enumerate() {
            let (Some(matching), Ok(index)) = (&trunk.matching, u16::try_from(index)) else { continue };
            let conditions = Conditions {
                trunk: TrunkId(index),
                rank: matching.conditions(),
                listener: matching.listen.as_ref().and_then(|name| config.listener(name)),
                domain: matching.domain.clone(),
                to: matching.to.clone(),
                tls_name: matching.tls_name.as_ref().map(|name| name.value.clone()),
            };
            if matching.sources.is_empty() {
                admission.anywhere.push(conditions.clone());
            }
            for source in &matching.sources {
                match source.address {
                    IpAddr::V4(address) => {
                        let mask = u32::MAX.checked_shl(32 - u32::from(source.prefix)).unwrap_or(0);
                        insert(&mut admission.v4, mask, address.to_bits(), &conditions);
                    }
                    IpAddr::V6(address) => {
                        let mask = u128::MAX.checked_shl(128 - u32::from(source.prefix)).unwrap_or(0);
                        insert(&mut admission.v6, mask, address.to_bits(), &conditions);
                    }
                }
            }
        }
        admission.sort();
        report_ties(config, problems);
        admission
    }

    fn sort(&mut self) {
        sort_prefixes(&mut self.v4);
        sort_prefixes(&mut self.v6);
        self.anywhere.sort_by_key(|conditions| std::cmp::Reverse(conditions.rank));
    }

    /// The trunk whose `match` fits the request best.
    pub(crate) fn find(&self, request: &Admit) -> Option<TrunkId> {
        let by_source = match request.source.ip().to_canonical() {
            IpAddr::V4(address) => find_in(&self.v4, address.to_bits(), request),
            IpAddr::V6(address) => find_in(&self.v6, address.to_bits(), request),
        };
        by_source.or_else(|| self.anywhere.iter().find(|conditions| conditions.hold(request)).map(|conditions| conditions.trunk))
    }
}

impl Conditions {
    fn hold(&self, request: &Admit) -> bool {
        self.listener.is_none_or(|listener| listener == request.listener)
            && self.domain.as_ref().is_none_or(|domain| domain.eq_ignore_ascii_case(&request.domain))
            && self.to.as_ref().is_none_or(|to| to.is_match(&request.to))
            && self.tls_name.as_ref().is_none_or(|name| request.tls_names.iter().any(|proved| proved.eq_ignore_ascii_case(name)))
    }
}

fn insert<A: PartialEq>(prefixes: &mut Vec<Prefix<A>>, mask: A, network: A, conditions: &Conditions) {
    let entry = (network, conditions.clone());
    match prefixes.iter_mut().find(|prefix| prefix.mask == mask) {
        Some(prefix) => prefix.entries.push(entry),
        None => prefixes.push(Prefix { mask, entries: vec![entry] }),
    }
}

fn sort_prefixes<A: Ord + Copy>(prefixes: &mut [Prefix<A>]) {
    // A longer prefix is a greater mask.
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.mask));
    for prefix in prefixes {
        prefix.entries.sort_by_key(|(network, conditions)| (*network, std::cmp::Reverse(conditions.rank)));
    }
}

fn find_in<A>(prefixes: &[Prefix<A>], address: A, request: &Admit) -> Option<TrunkId>
where
    A: Ord + Copy + std::ops::BitAnd<Output = A>,
{
    prefixes.iter().find_map(|prefix| {
        let network = address & prefix.mask;
        let first = prefix.entries.partition_point(|(other, _)| *other < network);
        let same = prefix.entries[first..].iter().take_while(|(other, _)| *other == network);
        same.map(|(_, conditions)| conditions).find(|conditions| conditions.hold(request)).map(|conditions| conditions.trunk)
    })
}

/// Two trunks tie when one request could be both and neither is more specific.
fn report_ties(config: &Config, problems: &mut Problems) {
    /// Trunks that name one source (or none), with their number of conditions.
    type Rivals<'c> = BTreeMap<(Option<Network>, usize), Vec<(&'c Trunk, &'c At<Match>)>>;
    let mut rivals: Rivals<'_> = BTreeMap::new();
    for trunk in &config.trunks {
        let Some(matching) = &trunk.matching else { continue };
        let sources = matching.sources.iter().map(|source| Some(source.value)).chain(matching.sources.is_empty().then_some(None));
        for source in sources {
            rivals.entry((source, matching.conditions())).or_default().push((trunk, matching));
        }
    }
    for ((source, _), rivals) in &rivals {
        for (index, (trunk, matching)) in rivals.iter().enumerate() {
            // One tie a trunk is enough to see what is wrong.
            let tied = rivals[..index].iter().find_map(|(earlier, other)| Some((earlier, other, tie(matching, other)?)));
            let Some((earlier, other, called)) = tied else { continue };
            let from = source.map_or("anywhere".to_owned(), |source| source.to_string());
            let message = format!(
                "[[trunk]] {}: a request from {from}{called} could also be trunk `{}` (line {}), and neither `match` is more specific: add \
                 a condition to one",
                trunk.name, earlier.name, other.place.line
            );
            problems.add(matching.place, message);
        }
    }
}

/// Whether one request can be both, beside its source; in words, what number it calls.
fn tie(a: &Match, b: &Match) -> Option<String> {
    let listeners_meet = a.listen.as_ref().zip(b.listen.as_ref()).is_none_or(|(a, b)| a == b);
    let domains_meet = a.domain.as_ref().zip(b.domain.as_ref()).is_none_or(|(a, b)| a.eq_ignore_ascii_case(b));
    // A certificate with both names is possible: then the first in the file has the call.
    let names_meet = a.tls_name.as_ref().zip(b.tls_name.as_ref()).is_none_or(|(a, b)| a.eq_ignore_ascii_case(b));
    if !listeners_meet || !domains_meet || !names_meet {
        return None;
    }
    let Some((a, b)) = a.to.as_ref().zip(b.to.as_ref()) else { return Some(String::new()) };
    match overlap(a, b) {
        Overlap::None => None,
        Overlap::Example(number) => Some(format!(" to \"{}\"", number.escape_debug())),
        Overlap::Unknown => Some(" (the patterns in `to` are too involved to be told apart)".to_owned()),
    }
}
