//! `numbers_in` and `numbers_out`: one way of writing numbers turned into another.

use std::borrow::Cow;
use tandem_config::{NumberRule, Of};

/// `number` as the first rule that fits makes it. It stays where none fits, and where what comes of the rule could be no number.
pub(crate) fn rewritten<'n>(rules: &[NumberRule], of: Of, number: &'n str) -> Cow<'n, str> {
    let rule = rules.iter().find(|rule| rule.of == of && rule.matching.is_match(number));
    rule.and_then(|rule| rule.matching.rewrite(number, &rule.to)).map_or(Cow::Borrowed(number), Cow::Owned)
}

/// Whether any rule is about these.
pub(crate) fn are_about(rules: &[NumberRule], of: Of) -> bool {
    rules.iter().any(|rule| rule.of == of)
}
