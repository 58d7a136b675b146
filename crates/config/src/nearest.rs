//! "Did you mean …?"

/// The candidate that takes the fewest edits (insert, delete, replace, swap neighbours) to become `word`; the first of
/// equals. `None` only without candidates.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates.into_iter().min_by_key(|candidate| distance(word, candidate))
}

/// Longer words are cut here: nobody's key is that long, and the table stays small.
const MAX_WORD: usize = 64;

/// Edits between two words, where swapping two neighbours is one edit ("optimal string alignment").
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).take(MAX_WORD).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).take(MAX_WORD).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}
