//! Where users are, for the next process.

use super::{
    Database, DatabaseError,
    sql::{Columns, Sql, Value, insert},
};
use sqlx::any::AnyRow;
use std::sync::Arc;

const COLUMNS: &str = "node, username, place, contact, q, since_ms, until_ms, call_id, cseq, path, instance, reg_id, agent, came_to, \
    came_from, leaves_from, hop, domain, over_flow, behind_nat";

/// One contact of a user, in words that mean the same to the next process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindingRow {
    /// The Contact URI.
    pub contact: Box<str>,
    /// Preference, in thousandths.
    pub q: u16,
    /// When it was made, or refreshed last: milliseconds since 1970.
    pub since_ms: i64,
    /// It holds until then.
    pub until_ms: i64,
    /// Call-ID of the REGISTER.
    pub call_id: Box<str>,
    /// Its CSeq number.
    pub cseq: u32,
    /// Path values, nearest proxy first.
    pub path: Vec<Box<str>>,
    /// `+sip.instance`.
    pub instance: Option<Box<str>>,
    /// `reg-id`.
    pub reg_id: Option<u32>,
    /// User-Agent.
    pub agent: Box<str>,
    /// The name of the listener that its REGISTER came to.
    pub came_to: Box<str>,
    /// Whence: an address and a port.
    pub came_from: Box<str>,
    /// The name of the listener that calls to it leave from.
    pub leaves_from: Box<str>,
    /// Where they go first: an address and a port.
    pub hop: Box<str>,
    /// The name that `hop` was found for, where that counts.
    pub domain: Option<Box<str>>,
    /// That is its flow, not what it wrote.
    pub over_flow: bool,
    /// It is behind a NAT.
    pub behind_nat: bool,
}

/// The contacts of a node's users.
#[derive(Clone, Debug)]
pub struct Registrations {
    database: Arc<Database>,
    node: Arc<str>,
}

impl Registrations {
    pub(crate) fn new(database: Arc<Database>, node: Arc<str>) -> Registrations {
        Registrations { database, node }
    }

    /// These are all of that user's from now on.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn keep(&self, user: &str, bindings: &[BindingRow]) -> Result<(), DatabaseError> {
        let mut transaction = self.database.begin().await?;
        let mut old = Sql::new("DELETE FROM registrations WHERE node = ");
        old.bind(&*self.node).push(" AND username = ").bind(user);
        old.execute(&mut transaction).await?;
        // A header has no line feed.
        let paths: Vec<String> = bindings.iter().map(|binding| binding.path.join("\n")).collect();
        let rows: Vec<_> =
            (0..).zip(bindings.iter().zip(&paths)).map(|(place, (binding, path))| self.values(user, place, binding, path)).collect();
        insert(&mut transaction, "registrations", COLUMNS, &rows).await?;
        Ok(transaction.commit().await?)
    }

    /// Forgets what holds no longer: what ended while no process was there. How many they were.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn forget_expired(&self, now_ms: i64) -> Result<u64, DatabaseError> {
        let mut sql = Sql::new("DELETE FROM registrations WHERE until_ms <= ");
        sql.bind(now_ms).push(" AND node = ").bind(&*self.node);
        Ok(sql.execute(&mut *self.database.connection().await?).await?)
    }

    /// All contacts, each with its user, in the order in which users and contacts were given.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn all(&self) -> Result<Vec<(Box<str>, BindingRow)>, DatabaseError> {
        let mut sql = Sql::new("SELECT ");
        sql.push(COLUMNS).push(" FROM registrations WHERE node = ").bind(&*self.node).push(" ORDER BY username, place");
        let rows = sql.fetch(&mut *self.database.connection().await?).await?;
        Ok(rows.iter().map(binding_of).collect::<Result<_, _>>()?)
    }

    fn values<'a>(&'a self, user: &'a str, place: i64, binding: &'a BindingRow, path: &'a str) -> [Value<'a>; 20] {
        [
            (&*self.node).into(),
            user.into(),
            place.into(),
            (&*binding.contact).into(),
            i64::from(binding.q).into(),
            binding.since_ms.into(),
            binding.until_ms.into(),
            (&*binding.call_id).into(),
            i64::from(binding.cseq).into(),
            path.into(),
            (&binding.instance).into(),
            Value::Int(binding.reg_id.map(i64::from)),
            (&*binding.agent).into(),
            (&*binding.came_to).into(),
            (&*binding.came_from).into(),
            (&*binding.leaves_from).into(),
            (&*binding.hop).into(),
            (&binding.domain).into(),
            i64::from(binding.over_flow).into(),
            i64::from(binding.behind_nat).into(),
        ]
    }
}

fn binding_of(row: &AnyRow) -> Result<(Box<str>, BindingRow), sqlx::Error> {
    let mut columns = Columns::of(row);
    columns.skip(1);
    let user = columns.text()?;
    columns.skip(1);
    let binding = BindingRow {
        contact: columns.text()?,
        q: columns.int()?,
        since_ms: columns.int()?,
        until_ms: columns.int()?,
        call_id: columns.text()?,
        cseq: columns.int()?,
        path: columns.text()?.split('\n').filter(|value| !value.is_empty()).map(Box::from).collect(),
        instance: columns.maybe_text()?,
        reg_id: columns.maybe_int()?,
        agent: columns.text()?,
        came_to: columns.text()?,
        came_from: columns.text()?,
        leaves_from: columns.text()?,
        hop: columns.text()?,
        domain: columns.maybe_text()?,
        over_flow: columns.int::<i64>()? != 0,
        behind_nat: columns.int::<i64>()? != 0,
    };
    Ok((user, binding))
}
