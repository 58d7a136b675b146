//! What is wrong with a configuration, and where.

use std::{error, fmt, ops::Deref};

/// A place in the file; both count from 1. The column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl Place {
    /// The beginning of the file: for what is missing from it.
    pub const START: Place = Place { line: 1, column: 1 };

    /// No line at all: for what is wrong with the file as such, or with what surrounds it.
    pub const WHOLE: Place = Place { line: 0, column: 0 };
}

/// A value and where it stands. Two of them are equal when their values are: a value that only moved has not changed.
#[derive(Clone, Copy, Debug)]
pub struct At<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub place: Place,
}

impl<T> At<T> {
    /// `value` as it stands at `place`.
    pub const fn new(value: T, place: Place) -> Self {
        At { value, place }
    }
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// What is wrong and, where it can be told, what would be right.
    pub message: String,
}

/// Every mistake of one file, in the order of the file. Prints one a line as `file:line:column: message`, or as
/// `file: message` where no line is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    file: Box<str>,
    list: Vec<Problem>,
}

impl Problems {
    /// No mistakes, so far, in the file of this name.
    pub fn new(file: &str) -> Self {
        Problems { file: file.into(), list: Vec::new() }
    }

    /// Adds a mistake, at its place in the order. The same mistake at the same place is kept once. Control characters
    /// are escaped, so that a mistake is one line whatever the file says.
    pub fn add(&mut self, place: Place, message: impl Into<String>) {
        let mut message = message.into();
        if message.contains(char::is_control) {
            let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
            message = message.chars().map(escape).collect();
        }
        let problem = Problem { place, message };
        if let Err(index) = self.list.binary_search(&problem) {
            self.list.insert(index, problem);
        }
    }

    /// Adds the mistakes of `other`, which is about the same file.
    pub fn extend(&mut self, other: Problems) {
        for problem in other.list {
            self.add(problem.place, problem.message);
        }
    }

    /// Name of the file, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Each of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// `value` if nothing is wrong, else all that is.
    ///
    /// # Errors
    /// These problems, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.file)?;
            if problem.place != Place::WHOLE {
                write!(f, ":{}:{}", problem.place.line, problem.place.column)?;
            }
            write!(f, ": {}", problem.message)?;
        }
        Ok(())
    }
}

impl error::Error for Problems {}
