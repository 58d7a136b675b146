//! A statement that is put together piece by piece, with its values beside it.

use sqlx::{
    Any, AnyConnection, Arguments, AssertSqlSafe, Decode, Row, Type,
    any::{AnyArguments, AnyRow},
};

/// Rows of one INSERT. SQLite takes 32 766 values in a statement.
const ROWS: usize = 250;

/// Where a value goes.
const PLACE: char = '?';

const POSTGRES: &str = "PostgreSQL";

/// What can stand in a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Int(Option<i64>),
    Real(Option<f64>),
    Text(Option<&'a str>),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(Some(value))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Some(value))
    }
}

impl<'a> From<&'a Option<Box<str>>> for Value<'a> {
    fn from(value: &'a Option<Box<str>>) -> Self {
        Value::Text(value.as_deref())
    }
}

/// A count. No table has more than an `i64`.
pub(crate) fn count(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// A statement. What comes from outside is bound, never pushed.
#[derive(Default)]
pub(crate) struct Sql {
    text: String,
    values: AnyArguments,
}

impl Sql {
    pub(crate) fn new(text: &'static str) -> Sql {
        let mut sql = Sql::default();
        sql.push(text);
        sql
    }

    pub(crate) fn push(&mut self, text: &'static str) -> &mut Sql {
        self.text.push_str(text);
        self
    }

    /// A value, in its place.
    pub(crate) fn bind<'a>(&mut self, value: impl Into<Value<'a>>) -> &mut Sql {
        let bound = match value.into() {
            Value::Int(value) => self.values.add(value),
            Value::Real(value) => self.values.add(value),
            // PostgreSQL has no text with NUL in it.
            Value::Text(value) => self.values.add(value.map(|text| text.replace('\0', "\u{FFFD}"))),
        };
        debug_assert!(bound.is_ok(), "numbers and text can be bound");
        self.text.push(PLACE);
        self
    }

    /// Values between brackets, a comma between them.
    pub(crate) fn tuple<'a>(&mut self, values: impl IntoIterator<Item = Value<'a>>) -> &mut Sql {
        self.text.push('(');
        for (n, value) in values.into_iter().enumerate() {
            self.push(if n == 0 { "" } else { ", " }).bind(value);
        }
        self.push(")")
    }

    /// Rows that it changed.
    pub(crate) async fn execute(self, connection: &mut AnyConnection) -> Result<u64, sqlx::Error> {
        let text = self.text_for(connection);
        Ok(sqlx::query_with(AssertSqlSafe(text), self.values).persistent(false).execute(connection).await?.rows_affected())
    }

    pub(crate) async fn fetch(self, connection: &mut AnyConnection) -> Result<Vec<AnyRow>, sqlx::Error> {
        let text = self.text_for(connection);
        sqlx::query_with(AssertSqlSafe(text), self.values).persistent(false).fetch_all(connection).await
    }

    /// PostgreSQL numbers the places of values. SQLite can, but looks each number up in a list of all.
    fn text_for(&self, connection: &AnyConnection) -> String {
        if connection.backend_name() != POSTGRES {
            return self.text.clone();
        }
        let mut pieces = self.text.split(PLACE);
        let first = pieces.next().unwrap_or_default().to_owned();
        (1..).zip(pieces).fold(first, |text, (n, piece)| text + &format!("${n}{piece}"))
    }
}

/// Adds these rows; one whose key is there already changes nothing. How many are new.
pub(crate) async fn insert<const N: usize>(
    connection: &mut AnyConnection,
    table: &'static str,
    columns: &'static str,
    rows: &[[Value<'_>; N]],
) -> Result<u64, sqlx::Error> {
    let mut new = 0;
    for rows in rows.chunks(ROWS) {
        let mut sql = Sql::new("INSERT INTO ");
        sql.push(table).push(" (").push(columns).push(") VALUES ");
        for (n, row) in rows.iter().enumerate() {
            sql.push(if n == 0 { "" } else { ", " }).tuple(row.iter().copied());
        }
        sql.push(" ON CONFLICT DO NOTHING");
        new += sql.execute(connection).await?;
    }
    Ok(new)
}

/// Takes the columns of a row, one after the other.
pub(crate) struct Columns<'a> {
    row: &'a AnyRow,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(row: &'a AnyRow) -> Columns<'a> {
        Columns { row, next: 0 }
    }

    pub(crate) fn skip(&mut self, columns: usize) {
        self.next += columns;
    }

    fn get<T: Decode<'a, Any> + Type<Any>>(&mut self) -> Result<T, sqlx::Error> {
        self.next += 1;
        self.row.try_get(self.next - 1)
    }

    /// A number; one that has no place in the type is as far as that goes.
    pub(crate) fn int<T: TryFrom<i64> + Default>(&mut self) -> Result<T, sqlx::Error> {
        Ok(T::try_from(self.get::<i64>()?).unwrap_or_default())
    }

    pub(crate) fn maybe_int<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, sqlx::Error> {
        Ok(self.get::<Option<i64>>()?.and_then(|value| T::try_from(value).ok()))
    }

    pub(crate) fn maybe_real(&mut self) -> Result<Option<f64>, sqlx::Error> {
        self.get()
    }

    pub(crate) fn text(&mut self) -> Result<Box<str>, sqlx::Error> {
        Ok(self.get::<String>()?.into())
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<Box<str>>, sqlx::Error> {
        Ok(self.get::<Option<String>>()?.map(Into::into))
    }
}
