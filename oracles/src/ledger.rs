//! Differences by the thousand, each of which must fall under a rule that somebody has thought about.

use std::fmt::Debug;

/// Why two readers may differ about a sample.
pub struct Exception<S> {
    /// What the case is.
    pub name: &'static str,
    /// Who is right, by which clause, and why the other may stay as it is.
    pub why: &'static str,
    /// Whether a sample is such a case.
    pub covers: fn(&S) -> bool,
}

/// Holds differences against exceptions.
pub struct Ledger<'a, S> {
    exceptions: &'a [Exception<S>],
    used: Vec<u64>,
    unexplained: Vec<String>,
}

/// Unexplained differences that are shown: the first say what is wrong.
const SHOWN: usize = 10;

impl<'a, S: Debug> Ledger<'a, S> {
    /// Nothing has been compared yet.
    pub fn new(exceptions: &'a [Exception<S>]) -> Self {
        Ledger { exceptions, used: vec![0; exceptions.len()], unexplained: Vec::new() }
    }

    /// The readers differ about `sample`.
    pub fn differ(&mut self, sample: &S) {
        match self.exceptions.iter().position(|exception| (exception.covers)(sample)) {
            Some(index) => self.used[index] += 1,
            None => self.unexplained.push(format!("{sample:02x?}")),
        }
    }

    /// What is wrong: differences that nobody explained, and explanations of nothing.
    pub fn judge(self) -> Result<(), String> {
        let unused = self.exceptions.iter().zip(&self.used).filter(|(_, count)| **count == 0);
        let unused = unused.map(|(exception, _)| format!("explained, but there is no such difference: {}", exception.name));
        let wrong: Vec<String> = self.unexplained.iter().take(SHOWN).cloned().chain(unused).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("{} unexplained\n{}", self.unexplained.len(), wrong.join("\n"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: Exception<u32> = Exception { name: "even", why: "", covers: |number| number.is_multiple_of(2) };

    #[test]
    fn a_difference_needs_an_exception_and_an_exception_its_difference() {
        let judged = |samples: &[u32]| {
            let exceptions = [EVEN];
            let mut ledger = Ledger::new(&exceptions);
            samples.iter().for_each(|sample| ledger.differ(sample));
            ledger.judge()
        };
        assert_eq!(judged(&[2, 4]), Ok(()));
        assert!(judged(&[2, 3]).is_err_and(|wrong| wrong.contains("1 unexplained")));
        assert!(judged(&[]).is_err_and(|wrong| wrong.contains("no such difference: even")));
    }
}
