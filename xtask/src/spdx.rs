//! Licence expressions: SPDX specification, annex "SPDX license expressions". `WITH` binds before `AND`, `AND` before `OR`;
//! the slash of old manifests (`MIT/Apache-2.0`) means `OR`.

use anyhow::{Result, bail};

/// What a licence expression says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    Licence(String),
    With(String, String),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
}

impl Expression {
    pub(crate) fn parse(text: &str) -> Result<Expression> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut tokens: Vec<&str> = spaced.split_whitespace().rev().collect();
        let expression = either(&mut tokens)?;
        match tokens.last() {
            None => Ok(expression),
            Some(rest) => bail!("{text:?}: {rest:?} is not expected there"),
        }
    }

    /// Whether the terms can be met with `allowed` licences alone; `allowed` is also given `A WITH B` as a whole.
    pub(crate) fn is_met(&self, allowed: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Expression::Licence(name) => allowed(name),
            Expression::With(name, exception) => allowed(&format!("{name} WITH {exception}")),
            Expression::And(left, right) => left.is_met(allowed) && right.is_met(allowed),
            Expression::Or(left, right) => left.is_met(allowed) || right.is_met(allowed),
        }
    }
}

fn either(tokens: &mut Vec<&str>) -> Result<Expression> {
    let mut left = both(tokens)?;
    while next_is(tokens, "OR") {
        left = Expression::Or(Box::new(left), Box::new(both(tokens)?));
    }
    Ok(left)
}

fn both(tokens: &mut Vec<&str>) -> Result<Expression> {
    let mut left = one(tokens)?;
    while next_is(tokens, "AND") {
        left = Expression::And(Box::new(left), Box::new(one(tokens)?));
    }
    Ok(left)
}

fn one(tokens: &mut Vec<&str>) -> Result<Expression> {
    if next_is(tokens, "(") {
        let inner = either(tokens)?;
        if !next_is(tokens, ")") {
            bail!("a bracket is not closed");
        }
        return Ok(inner);
    }
    let name = identifier(tokens)?;
    if next_is(tokens, "WITH") {
        return Ok(Expression::With(name, identifier(tokens)?));
    }
    Ok(Expression::Licence(name))
}

fn next_is(tokens: &mut Vec<&str>, word: &str) -> bool {
    let found = tokens.last().is_some_and(|token| token.eq_ignore_ascii_case(word));
    if found {
        tokens.pop();
    }
    found
}

fn identifier(tokens: &mut Vec<&str>) -> Result<String> {
    match tokens.pop() {
        None => bail!("the expression ends too early"),
        Some(token) if ["AND", "OR", "WITH", "(", ")"].contains(&token.to_ascii_uppercase().as_str()) => {
            bail!("{token:?} stands where a licence should")
        }
        Some(token) if token.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-+:".contains(letter)) => Ok(token.to_owned()),
        Some(token) => bail!("{token:?} is no licence identifier"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(text: &str) -> bool {
        Expression::parse(text).unwrap().is_met(&|name| ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].contains(&name))
    }

    #[test]
    fn one_of_several_is_enough_all_of_several_are_needed() {
        assert!(met("MIT"));
        assert!(met("GPL-3.0-only OR MIT"));
        assert!(!met("GPL-3.0-only AND MIT"));
        assert!(met("MIT/Apache-2.0"));
        assert!(!met("GPL-2.0-or-later"));
    }

    #[test]
    fn and_binds_before_or_unless_bracketed() {
        assert!(met("MIT OR Apache-2.0 AND GPL-3.0-only"));
        assert!(!met("(MIT OR Apache-2.0) AND GPL-3.0-only"));
    }

    #[test]
    fn an_exception_belongs_to_its_licence() {
        assert!(met("Apache-2.0 WITH LLVM-exception OR GPL-3.0-only"));
        assert!(!met("MIT WITH LLVM-exception"));
        assert!(!met("GPL-2.0-only WITH Classpath-exception-2.0"));
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in ["", "MIT OR", "AND MIT", "(MIT", "MIT)", "MIT Apache-2.0", "MIT WITH", "see LICENSE!"] {
            assert!(Expression::parse(text).is_err(), "{text:?} parsed");
        }
    }
}
