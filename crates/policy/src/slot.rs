//! What is counted of one trunk, route or user.

use crate::{account::Account, barred::Barred, bucket::Bucket};
use std::{cell::Cell, time::Duration};
use tandem_config::Limits;
use tandem_model::{EventKind, Limit, LimitState, Timestamp};

/// How long nobody must have been refused until a limit counts as no longer reached.
pub(crate) const QUIET: Duration = Duration::from_secs(60);

/// One trunk, route or user.
#[derive(Debug)]
pub(crate) struct Slot {
    /// `trunk:pbx`, `route:to the carrier`, `user:alice`.
    pub(crate) key: Box<str>,
    /// How many had this slot before.
    pub(crate) tenancy: u32,
    pub(crate) calls: u32,
    pub(crate) status: u16,
    pub(crate) is_in_force: bool,
    /// Nothing limits what goes through here.
    pub(crate) is_emergency: bool,
    pub(crate) account: Option<Box<Account>>,
    pub(crate) barred: Barred,
    most_calls: Option<u32>,
    bucket: Option<Bucket>,
    /// Nothing was left in the account when that was last told.
    tripped: bool,
    refused: Refused,
}

/// Who was refused for a limit.
#[derive(Debug, Default)]
struct Refused {
    /// Since that was last looked at: how many, and for which limit.
    lately: Cell<Option<(u32, Limit, Timestamp)>>,
    /// Since the limit was reached: how many in all, and when last.
    before: Option<(LimitState, Timestamp)>,
}

impl Slot {
    pub(crate) fn new(key: &str, tenancy: u32) -> Slot {
        Slot {
            key: key.into(),
            tenancy,
            calls: 0,
            status: Limits::default().status,
            is_in_force: true,
            is_emergency: false,
            account: None,
            barred: Barred::default(),
            most_calls: None,
            bucket: None,
            tripped: false,
            refused: Refused::default(),
        }
    }

    /// Goes over to other rules.
    pub(crate) fn reload(&mut self, limits: &Limits, minutes: Option<u32>, is_emergency: bool, now: Timestamp) {
        (self.is_in_force, self.is_emergency) = (true, is_emergency);
        (self.most_calls, self.status) = (limits.calls, limits.status);
        match (&mut self.bucket, limits.cps) {
            (Some(bucket), Some(rate)) => bucket.set_rate(rate, now),
            (bucket, rate) => *bucket = rate.map(Bucket::new),
        }
        match (&mut self.account, minutes) {
            // Calls in progress are on it, whatever the limit.
            (Some(account), minutes) => account.set_minutes(minutes),
            (account @ None, minutes) => *account = minutes.map(|minutes| Box::new(Account::new(minutes, now))),
        }
    }

    /// Nobody counts on it.
    pub(crate) fn is_free(&self) -> bool {
        !self.is_in_force && self.calls == 0 && self.account.as_ref().is_none_or(|account| account.is_idle())
    }

    /// Counts a call, if there is room for it.
    pub(crate) fn try_begin(&mut self, now: Timestamp) -> Result<(), u16> {
        if self.full(now).is_some() {
            return Err(self.status);
        }
        self.begin_anyway(now);
        Ok(())
    }

    /// Counts a call, whatever the limits.
    pub(crate) fn begin_anyway(&mut self, now: Timestamp) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
        self.calls += 1;
    }

    /// Counts a new call beside those that it is part of: of the rate alone.
    pub(crate) fn take_token(&mut self, now: Timestamp) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
    }

    /// The status that one more call would be refused with, which counts as refused then.
    pub(crate) fn full(&self, now: Timestamp) -> Option<u16> {
        if self.most_calls.is_some_and(|most| self.calls >= most) {
            return Some(self.refuse(Limit::Calls, now));
        }
        self.too_fast(now)
    }

    /// The same of the rate alone.
    pub(crate) fn too_fast(&self, now: Timestamp) -> Option<u16> {
        let is_fast = self.bucket.as_ref().is_some_and(|bucket| !bucket.has_token(now));
        is_fast.then(|| self.refuse(Limit::Rate, now))
    }

    /// The same of what whoever calls has spent.
    pub(crate) fn spent(&self, now: Timestamp) -> Option<u16> {
        let is_spent = self.account.as_ref().is_some_and(|account| account.is_spent(now));
        is_spent.then(|| self.refuse(Limit::Minutes, now))
    }

    fn refuse(&self, limit: Limit, now: Timestamp) -> u16 {
        let (count, first, since) = self.refused.lately.get().unwrap_or((0, limit, now));
        self.refused.lately.set(Some((count.saturating_add(1), first, since)));
        self.status
    }

    /// What is to be told by now.
    pub(crate) fn sweep(&mut self, now: Timestamp, told: &mut Vec<EventKind>) {
        let lately = self.refused.lately.take();
        self.sweep_account(now, told);
        self.barred.sweep(&self.key, now, told);
        match (lately, &mut self.refused.before) {
            (Some((count, ..)), Some((state, last))) => {
                state.refused = state.refused.saturating_add(count);
                *last = now;
            }
            // Of minutes is told when they are spent, and not when somebody asks.
            (Some((count, limit, _)), before @ None) => {
                let state = LimitState { of: self.key.clone(), limit, refused: count, number: Box::default() };
                if limit != Limit::Minutes {
                    told.push(EventKind::LimitReached(Box::new(state.clone())));
                }
                *before = Some((state, now));
            }
            (None, _) => {}
        }
        let is_over = |(state, last): &mut (LimitState, Timestamp)| state.limit != Limit::Minutes && now.since(*last) >= QUIET;
        if let Some((state, _)) = self.refused.before.take_if(is_over) {
            told.push(EventKind::LimitOver(Box::new(state)));
        }
    }

    fn sweep_account(&mut self, now: Timestamp, told: &mut Vec<EventKind>) {
        let Some(account) = &mut self.account else {
            self.tripped = false;
            return;
        };
        account.advance(now);
        let is_spent = account.is_spent(now);
        if is_spent == std::mem::replace(&mut self.tripped, is_spent) {
            return;
        }
        let nobody = LimitState { of: self.key.clone(), limit: Limit::Minutes, refused: 0, number: Box::default() };
        if is_spent {
            return told.push(EventKind::TollTripped(Box::new(nobody)));
        }
        let refused = self.refused.before.take_if(|(state, _)| state.limit == Limit::Minutes).map(|(state, _)| state);
        told.push(EventKind::TollOver(Box::new(refused.unwrap_or(nobody))));
    }

    /// When there may be something to tell.
    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        let lately = self.refused.lately.get().map(|(_, _, since)| since);
        let quiet = self.refused.before.as_ref().filter(|(state, _)| state.limit != Limit::Minutes).map(|(_, last)| *last + QUIET);
        let account = self.account.as_ref().and_then(|account| account.next_change(self.tripped));
        [lately, quiet, account, self.barred.poll_timeout()].into_iter().flatten().min()
    }
}
