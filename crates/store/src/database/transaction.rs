//! A transaction. Its connection is closed unless it was committed: SQLite ends one by itself when the disk is full, and who is told of it by an
//! error alone takes it for open for ever.

use sqlx::{Any, AnyConnection, pool::PoolConnection};
use std::ops::{Deref, DerefMut};

pub(crate) struct Transaction {
    connection: PoolConnection<Any>,
    is_committed: bool,
}

impl Transaction {
    pub(super) async fn begin(connection: PoolConnection<Any>, statement: &'static str) -> Result<Transaction, sqlx::Error> {
        let mut transaction = Transaction { connection, is_committed: false };
        sqlx::raw_sql(statement).execute(&mut *transaction).await?;
        Ok(transaction)
    }

    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self).await?;
        self.is_committed = true;
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.is_committed {
            self.connection.close_on_drop();
        }
    }
}
