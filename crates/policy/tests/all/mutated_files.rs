//! Whatever is done to a file, reading it ends with rules or with mistakes that stand inside the file.

use tandem_model::Random;
use tandem_policy::load;

const SAMPLES: [&str; 2] = [include_str!("../../../../config/tandem.toml"), include_str!("../../../../config/pbx-trunk.toml")];

/// What mistakes are made of: pieces of syntax, and values at their bounds.
const PIECES: [&str; 24] = [
    "[",
    "]",
    "[[",
    "{",
    "}",
    "'",
    "\"",
    "=",
    ",",
    "\n",
    "\\",
    "${",
    "}",
    "ü",
    "\u{0}",
    "-1",
    "0",
    "99999999999999999999",
    "1.5",
    "true",
    "'sip:'",
    "'0.0.0.0/0'",
    "'(a*)*$'",
    "'trunk:uas/'",
];

#[test]
fn mutated_samples_never_panic_and_mistakes_stand_inside_the_file() {
    for seed in 0..1500u64 {
        let mut random = Random::new(seed);
        let sample = SAMPLES[random.below(SAMPLES.len() as u64) as usize];
        let mut text: Vec<char> = sample.chars().collect();
        for _ in 0..=random.below(4) {
            let at = random.below(text.len() as u64) as usize;
            let end = (at + random.below(12) as usize).min(text.len());
            let piece = PIECES[random.below(PIECES.len() as u64) as usize];
            match random.below(3) {
                0 => drop(text.splice(at..at, piece.chars())),
                1 => drop(text.splice(at..end, piece.chars())),
                _ => drop(text.drain(at..end)),
            }
        }
        let text: String = text.into_iter().collect();
        let lines = text.lines().count() as u32 + 1;
        if let Err(problems) = load(&text, "mutated.toml", &|_| None, Some(20_000)) {
            for problem in problems.iter() {
                assert!((1..=lines).contains(&problem.place.line), "seed {seed}: {problem:?}");
                assert!(!problem.message.chars().any(|c| c.is_control()), "seed {seed}: {problem:?}");
            }
        }
    }
}
