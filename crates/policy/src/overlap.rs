//! Can one number fit two patterns?
//!
//! Both patterns become automata, which walk in step through everything that a number could be. The walk is bounded:
//! what it cannot settle counts as "yes", since a tie that is let through would decide by chance whose call it is.

use regex_automata::{
    Anchored,
    hybrid::{
        LazyStateID,
        dfa::{Cache, Config, DFA},
    },
    nfa::thompson,
    util::{start, syntax},
};
use std::collections::{BTreeSet, VecDeque};
use tandem_config::Pattern;

/// Pairs of states that are looked at.
const MAX_STEPS: usize = 20_000;

/// Bytes that one automaton's states may take.
const MAX_CACHE: usize = 8 << 20;

/// Bytes that one automaton may take before its states are made.
const MAX_AUTOMATON: usize = 1 << 20;

/// Whether two patterns have a number in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// No number fits both.
    None,
    /// This one does.
    Example(String),
    /// It could not be settled.
    Unknown,
}

pub(crate) fn overlap(a: &Pattern, b: &Pattern) -> Overlap {
    if let (Some(a), Some(b)) = (literal_start(a.text()), literal_start(b.text()))
        && !a.starts_with(&b)
        && !b.starts_with(&a)
    {
        return Overlap::None;
    }
    Walk::new(a, b).map_or(Overlap::Unknown, |walk| walk.search().unwrap_or(Overlap::Unknown))
}

/// What every number that fits must begin with, where that is plain to see: the common case of one trunk a number.
fn literal_start(pattern: &str) -> Option<String> {
    let rest = pattern.strip_prefix('^').filter(|rest| !rest.contains('|'))?;
    let mut literal = String::new();
    let mut characters = rest.chars().peekable();
    while let Some(character) = characters.next() {
        let plain = match character {
            '\\' if matches!(characters.peek(), Some('+' | '*' | '.')) => characters.next()?,
            character if character.is_ascii_alphanumeric() => character,
            _ => break,
        };
        // A quantifier may allow none of what stands before it.
        if matches!(characters.peek(), Some('?' | '*' | '{')) {
            break;
        }
        literal.push(plain);
    }
    (!literal.is_empty()).then_some(literal)
}

/// One automaton; `None` as a state means that the pattern fits already, whatever follows.
struct Automaton {
    dfa: DFA,
    cache: Cache,
}

type State = Option<LazyStateID>;

/// The automaton grew over its bound.
struct TooLarge;

impl Automaton {
    fn new(pattern: &Pattern) -> Option<Automaton> {
        let config = Config::new().cache_capacity(MAX_CACHE).minimum_cache_clear_count(Some(0)).skip_cache_capacity_check(true);
        let dfa = DFA::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().nfa_size_limit(Some(MAX_AUTOMATON)))
            .configure(config)
            .build(pattern.text())
            .ok()?;
        let cache = dfa.create_cache();
        Some(Automaton { dfa, cache })
    }

    fn start(&mut self) -> Result<State, TooLarge> {
        let start = self.dfa.start_state(&mut self.cache, &start::Config::new().anchored(Anchored::No));
        start.map(Some).map_err(|_| TooLarge)
    }

    /// A match shows one byte after it was found.
    fn next(&mut self, state: State, byte: u8) -> Result<State, TooLarge> {
        let Some(state) = state else { return Ok(None) };
        let next = self.dfa.next_state(&mut self.cache, state, byte).map_err(|_| TooLarge)?;
        Ok((!next.is_match()).then_some(next))
    }

    fn fits_at_end(&mut self, state: State) -> Result<bool, TooLarge> {
        let Some(state) = state else { return Ok(true) };
        let end = self.dfa.next_eoi_state(&mut self.cache, state).map_err(|_| TooLarge)?;
        Ok(end.is_match())
    }
}

/// Both automata, walking breadth first.
struct Walk {
    a: Automaton,
    b: Automaton,
    /// One byte of each kind that either automaton tells apart, those that print first.
    alphabet: Vec<u8>,
    /// Where the walk has been: both states, the step it came from and the byte that led there.
    steps: Vec<(State, State, usize, u8)>,
}

impl Walk {
    fn new(a: &Pattern, b: &Pattern) -> Option<Walk> {
        let (a, b) = (Automaton::new(a)?, Automaton::new(b)?);
        let mut bytes: Vec<u8> = (0..=u8::MAX).collect();
        bytes.sort_by_key(|byte| (!byte.is_ascii_digit(), !byte.is_ascii_graphic(), *byte));
        let mut kinds = BTreeSet::new();
        let (of_a, of_b) = (*a.dfa.byte_classes(), *b.dfa.byte_classes());
        let alphabet = bytes.into_iter().filter(|byte| kinds.insert((of_a.get(*byte), of_b.get(*byte)))).collect();
        Some(Walk { a, b, alphabet, steps: Vec::new() })
    }

    fn search(mut self) -> Result<Overlap, TooLarge> {
        let start = (self.a.start()?, self.b.start()?);
        let mut seen = BTreeSet::from([start]);
        let mut waiting = VecDeque::from([0]);
        self.steps.push((start.0, start.1, 0, 0));
        while let Some(index) = waiting.pop_front() {
            let (in_a, in_b, ..) = self.steps[index];
            if self.a.fits_at_end(in_a)? && self.b.fits_at_end(in_b)? {
                return Ok(Overlap::Example(self.number_at(index)));
            }
            for at in 0..self.alphabet.len() {
                let byte = self.alphabet[at];
                let next = (self.a.next(in_a, byte)?, self.b.next(in_b, byte)?);
                let is_lost = next.0.is_some_and(|state| state.is_dead()) || next.1.is_some_and(|state| state.is_dead());
                if is_lost || !seen.insert(next) {
                    continue;
                }
                if self.steps.len() == MAX_STEPS {
                    return Err(TooLarge);
                }
                waiting.push_back(self.steps.len());
                self.steps.push((next.0, next.1, index, byte));
            }
        }
        Ok(Overlap::None)
    }

    /// The number that led to a step.
    fn number_at(&self, mut index: usize) -> String {
        let mut bytes = Vec::new();
        while index != 0 {
            let (.., before, byte) = self.steps[index];
            bytes.push(byte);
            index = before;
        }
        bytes.reverse();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(a: &str, b: &str) -> Overlap {
        let text = format!(
            "[[listen]]\nname='l'\nbind='127.0.0.1:5060'\n[[media]]\nname='m'\nbind='127.0.0.1'\nports='20000-29999'\n[[route]]\nto='{a}'\ndo={{reject=403}}\n[[route]]\nto='{b}'\ndo={{reject=403}}"
        );
        let config = tandem_config::read(&text, "test", tandem_config::Outside::variables(&|_| None)).config;
        let found = overlap(config.routes[0].to.as_ref().unwrap(), config.routes[1].to.as_ref().unwrap());
        if let Overlap::Example(number) = &found {
            for route in &config.routes {
                assert!(route.to.as_ref().unwrap().is_match(number), "{number} does not fit {:?}", route.to);
            }
        }
        found
    }

    #[test]
    fn patterns_that_share_no_number_are_told_apart() {
        for (a, b) in [
            (r"^\+4930", r"^\+4940"),
            (r"^\d{3}$", r"^\d{4}$"),
            (r"^1.*5$", r"^1.*6$"),
            (r"^(10|11)$", r"^(12|13)$"),
            (r"^[0-4]\d*$", r"^[5-9]\d*$"),
            (r"^(?i)alice$", r"^bob$"),
            (r"^a$", r"^aa$"),
        ] {
            assert_eq!(between(a, b), Overlap::None, "{a} and {b}");
        }
    }

    #[test]
    fn a_number_that_fits_both_is_shown() {
        for (a, b) in [
            (r"^\+49", r"^\+4930"),
            ("", "^7$"),
            (r"^49?30", r"^430"),
            ("30", "40"),
            (r"^\d{3}$", r"^1"),
            (r"^(?i)ALICE$", r"^alice$"),
            (r"^1.*5$", r"5$"),
            (r"\b", r"^0{7}$"),
        ] {
            assert!(matches!(between(a, b), Overlap::Example(_)), "{a} and {b}: {:?}", between(a, b));
        }
    }

    #[test]
    fn what_cannot_be_settled_says_so() {
        // The states of "the 18th character from the end is a 1" are a quarter of a million.
        assert_eq!(between("1.{17}$", "2.{16}$|^x$"), Overlap::Unknown);
    }
}
