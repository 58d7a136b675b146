//! Calls and their legs: written together, read newest first.

use super::{
    Database, DatabaseError,
    sql::{Columns, Sql, Value, count, insert},
};
use crate::{CallRow, DirectionRow, LegRow, MediaRow, number::number};
use sqlx::{AnyConnection, any::AnyRow};
use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

/// Calls of one page, at most.
const MAX_PAGE: usize = 1_000;

const CALLS: &str = "node, call, route, began_us, rang_us, answered_us, ended_us, reason, sip_status, metadata";

const LEGS: &str = "node, call, place, from_number, to_number, \
    leg, endpoint, from_uri, to_uri, remote, sip_status, codec, replaced_by, end_status, end_reason, q850_cause, ended_by, sip_call_id, \
    session_id, received_packets, received_bytes, received_lost, received_jitter_us, received_mos, sent_packets, sent_bytes, sent_lost, \
    sent_jitter_us, sent_mos, dropped, round_trip_us, late, missing, delay_us";

/// A call's id and its node.
type Key = (Box<str>, Box<str>);

/// Which calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// That came then or later: microseconds since 1970.
    pub since_us: Option<i64>,
    /// That came before.
    pub before_us: Option<i64>,
    /// With a leg of this endpoint: `trunk:carrier`.
    pub endpoint: Option<Box<str>>,
    /// With this number as the caller or the called one of a leg: the user part of its URI.
    pub number: Option<Box<str>>,
    /// That ended so, in the words of [`CallRow::reason`].
    pub reason: Option<Box<str>>,
}

/// A place between two calls. As text it is `1767225600000000.call_….tandem-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    began_us: i64,
    call: Box<str>,
    node: Box<str>,
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is no cursor")]
pub struct BadCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.began_us, self.call, self.node)
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Cursor, BadCursor> {
        // An id has no full stop; the name of a node may.
        let mut parts = text.splitn(3, '.');
        let (Some(began), Some(call), Some(node)) = (parts.next(), parts.next(), parts.next()) else { return Err(BadCursor) };
        Ok(Cursor { began_us: began.parse().map_err(|_| BadCursor)?, call: call.into(), node: node.into() })
    }
}

/// Some calls, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// With their legs.
    pub calls: Vec<CallRow>,
    /// Where to go on, if there are more.
    pub next: Option<Cursor>,
}

/// All calls that a filter lets through, newest first, a page at a time: of however many there are, one page is in memory.
#[derive(Debug)]
pub struct Export {
    database: Arc<Database>,
    filter: Filter,
    /// Where to go on; `None` once all have been told.
    next: Option<Option<Cursor>>,
}

impl Export {
    pub(crate) fn new(database: Arc<Database>, filter: Filter) -> Export {
        Export { database, filter, next: Some(None) }
    }

    /// The next calls; none when all have been told. After an error it may be asked again.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn next(&mut self) -> Result<Option<Vec<CallRow>>, DatabaseError> {
        let Some(after) = &self.next else { return Ok(None) };
        let page = self.database.page(&self.filter, after.as_ref(), MAX_PAGE).await?;
        self.next = page.next.map(Some);
        Ok(Some(page.calls).filter(|calls| !calls.is_empty()))
    }
}

/// All of them or none. A call that is there already stays as it is.
pub(crate) async fn write(database: &Database, rows: &[CallRow]) -> Result<(), DatabaseError> {
    let mut transaction = database.begin().await?;
    let calls: Vec<_> = rows.iter().map(call_values).collect();
    let legs: Vec<_> = rows.iter().flat_map(|call| (0..).zip(&call.legs).map(|(place, leg)| leg_values(call, place, leg))).collect();
    insert(&mut transaction, "calls", CALLS, &calls).await?;
    insert(&mut transaction, "legs", LEGS, &legs).await?;
    Ok(transaction.commit().await?)
}

impl Database {
    pub(crate) async fn page(&self, filter: &Filter, after: Option<&Cursor>, most: usize) -> Result<Page, DatabaseError> {
        let most = most.clamp(1, MAX_PAGE);
        let mut connection = self.connection().await?;
        let mut sql = Sql::new("SELECT ");
        sql.push(CALLS).push(" FROM calls WHERE 1 = 1");
        narrow(&mut sql, filter);
        if let Some(cursor) = after {
            sql.push(" AND (began_us, call, node) < ").tuple([cursor.began_us.into(), (&*cursor.call).into(), (&*cursor.node).into()]);
        }
        sql.push(" ORDER BY began_us DESC, call DESC, node DESC LIMIT ").bind(count(most + 1));
        let rows = sql.fetch(&mut connection).await?;
        let mut calls = rows.iter().map(call_of).collect::<Result<Vec<CallRow>, _>>()?;
        let has_more = calls.len() > most;
        calls.truncate(most);
        let next = calls.last().filter(|_| has_more).map(|last| Cursor {
            began_us: last.began_us,
            call: last.call.clone(),
            node: last.node.clone(),
        });
        add_legs(&mut connection, &mut calls).await?;
        Ok(Page { calls, next })
    }

    /// Deletes calls of `node` that came before, and their legs: at most so many, the oldest first. How many they were.
    pub(crate) async fn forget(&self, node: &str, before_us: i64, most: usize) -> Result<u64, DatabaseError> {
        let mut transaction = self.begin().await?;
        let mut old = Sql::new("SELECT call FROM calls WHERE began_us < ");
        old.bind(before_us).push(" AND node = ").bind(node).push(" ORDER BY began_us LIMIT ").bind(count(most.clamp(1, MAX_PAGE)));
        let calls = old.fetch(&mut transaction).await?.iter().map(|row| Columns::of(row).text()).collect::<Result<Vec<_>, _>>()?;
        for table in if calls.is_empty() { &[][..] } else { &["legs", "calls"] } {
            let mut gone = Sql::new("DELETE FROM ");
            gone.push(table).push(" WHERE node = ").bind(node).push(" AND call IN ").tuple(calls.iter().map(|call| (&**call).into()));
            gone.execute(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(calls.len() as u64)
    }

    /// The call of this id; of several, that nodes had which share the database, `node`'s.
    pub(crate) async fn call(&self, node: &str, call: &str) -> Result<Option<CallRow>, DatabaseError> {
        let mut connection = self.connection().await?;
        let mut sql = Sql::new("SELECT ");
        sql.push(CALLS).push(" FROM calls WHERE call = ").bind(call);
        sql.push(" ORDER BY CASE WHEN node = ").bind(node).push(" THEN 0 ELSE 1 END, node LIMIT 1");
        let rows = sql.fetch(&mut connection).await?;
        let mut calls = rows.iter().map(call_of).collect::<Result<Vec<CallRow>, _>>()?;
        add_legs(&mut connection, &mut calls).await?;
        Ok(calls.pop())
    }
}

fn narrow(sql: &mut Sql, filter: &Filter) {
    if let Some(since) = filter.since_us {
        sql.push(" AND began_us >= ").bind(since);
    }
    if let Some(before) = filter.before_us {
        sql.push(" AND began_us < ").bind(before);
    }
    if let Some(reason) = &filter.reason {
        sql.push(" AND reason = ").bind(&**reason);
    }
    if let Some(endpoint) = &filter.endpoint {
        sql.push(" AND (call, node) IN (SELECT call, node FROM legs WHERE endpoint = ").bind(&**endpoint).push(")");
    }
    if let Some(number) = &filter.number {
        sql.push(" AND (call, node) IN (SELECT call, node FROM legs WHERE from_number = ").bind(&**number);
        sql.push(" OR to_number = ").bind(&**number).push(")");
    }
}

async fn add_legs(connection: &mut AnyConnection, calls: &mut [CallRow]) -> Result<(), sqlx::Error> {
    if calls.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("SELECT ");
    sql.push(LEGS).push(" FROM legs WHERE call IN ").tuple(calls.iter().map(|call| (&*call.call).into()));
    sql.push(" ORDER BY call, node, place");
    let mut legs: BTreeMap<Key, Vec<LegRow>> = BTreeMap::new();
    for row in sql.fetch(connection).await? {
        let (key, leg) = leg_of(&row)?;
        legs.entry(key).or_default().push(leg);
    }
    for call in calls {
        call.legs = legs.remove(&(call.call.clone(), call.node.clone())).unwrap_or_default();
    }
    Ok(())
}

fn call_values(call: &CallRow) -> [Value<'_>; 10] {
    [
        (&*call.node).into(),
        (&*call.call).into(),
        (&*call.route).into(),
        call.began_us.into(),
        Value::Int(call.rang_us),
        Value::Int(call.answered_us),
        call.ended_us.into(),
        (&*call.reason).into(),
        Value::Int(call.sip_status.map(i64::from)),
        (&call.metadata).into(),
    ]
}

fn call_of(row: &AnyRow) -> Result<CallRow, sqlx::Error> {
    let mut columns = Columns::of(row);
    Ok(CallRow {
        node: columns.text()?,
        call: columns.text()?,
        route: columns.text()?,
        began_us: columns.int()?,
        rang_us: columns.maybe_int()?,
        answered_us: columns.maybe_int()?,
        ended_us: columns.int()?,
        reason: columns.text()?,
        sip_status: columns.maybe_int()?,
        metadata: columns.maybe_text()?,
        legs: Vec::new(),
    })
}

fn leg_values<'a>(call: &'a CallRow, place: i64, leg: &'a LegRow) -> [Value<'a>; 34] {
    let media = leg.media.as_ref();
    let [received_packets, received_bytes, received_lost, received_jitter, received_mos] =
        direction_values(media.map(|media| &media.received));
    let [sent_packets, sent_bytes, sent_lost, sent_jitter, sent_mos] = direction_values(media.map(|media| &media.sent));
    [
        (&*call.node).into(),
        (&*call.call).into(),
        place.into(),
        number(&leg.from).into(),
        number(&leg.to).into(),
        (&*leg.leg).into(),
        (&*leg.endpoint).into(),
        (&*leg.from).into(),
        (&*leg.to).into(),
        (&leg.remote).into(),
        i64::from(leg.sip_status).into(),
        (&leg.codec).into(),
        (&leg.replaced_by).into(),
        i64::from(leg.end_status).into(),
        (&*leg.end_reason).into(),
        i64::from(leg.q850_cause).into(),
        (&*leg.ended_by).into(),
        (&leg.sip_call_id).into(),
        (&leg.session_id).into(),
        received_packets,
        received_bytes,
        received_lost,
        received_jitter,
        received_mos,
        sent_packets,
        sent_bytes,
        sent_lost,
        sent_jitter,
        sent_mos,
        Value::Int(media.map(|media| count(media.dropped))),
        Value::Int(media.and_then(|media| media.round_trip_us).map(i64::from)),
        Value::Int(media.and_then(|media| media.late).map(count)),
        Value::Int(media.and_then(|media| media.missing).map(count)),
        Value::Int(media.and_then(|media| media.delay_us).map(i64::from)),
    ]
}

fn direction_values(direction: Option<&DirectionRow>) -> [Value<'static>; 5] {
    [
        Value::Int(direction.map(|direction| count(direction.packets))),
        Value::Int(direction.map(|direction| count(direction.bytes))),
        Value::Int(direction.map(|direction| count(direction.lost))),
        Value::Int(direction.map(|direction| i64::from(direction.jitter_us))),
        Value::Real(direction.and_then(|direction| direction.mos)),
    ]
}

fn leg_of(row: &AnyRow) -> Result<(Key, LegRow), sqlx::Error> {
    let mut columns = Columns::of(row);
    let (node, call) = (columns.text()?, columns.text()?);
    // Its place, by which they are ordered, and its numbers, which its URIs have.
    columns.skip(3);
    let mut leg = LegRow {
        leg: columns.text()?,
        endpoint: columns.text()?,
        from: columns.text()?,
        to: columns.text()?,
        remote: columns.maybe_text()?,
        sip_status: columns.int()?,
        codec: columns.maybe_text()?,
        replaced_by: columns.maybe_text()?,
        end_status: columns.int()?,
        end_reason: columns.text()?,
        q850_cause: columns.int()?,
        ended_by: columns.text()?,
        sip_call_id: columns.maybe_text()?,
        session_id: columns.maybe_text()?,
        media: None,
    };
    let (received, sent) = (direction_of(&mut columns)?, direction_of(&mut columns)?);
    let dropped: Option<u64> = columns.maybe_int()?;
    if let (Some(received), Some(sent), Some(dropped)) = (received, sent, dropped) {
        leg.media = Some(MediaRow {
            received,
            sent,
            dropped,
            round_trip_us: columns.maybe_int()?,
            late: columns.maybe_int()?,
            missing: columns.maybe_int()?,
            delay_us: columns.maybe_int()?,
        });
    }
    Ok(((call, node), leg))
}

fn direction_of(columns: &mut Columns<'_>) -> Result<Option<DirectionRow>, sqlx::Error> {
    let (packets, bytes, lost) = (columns.maybe_int()?, columns.maybe_int()?, columns.maybe_int()?);
    let (jitter_us, mos) = (columns.maybe_int()?, columns.maybe_real()?);
    let counts = packets.zip(bytes).zip(lost).zip(jitter_us);
    Ok(counts.map(|(((packets, bytes), lost), jitter_us)| DirectionRow { packets, bytes, lost, jitter_us, mos }))
}
