//! The end of a scenario: nothing is left behind.

use super::Sim;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tandem_model::{CallId, CommandId, EventKind, LegEnd, LegId};
use tandem_phone::LIFETIME;

impl Sim {
    /// Lets everything come to its end, and asserts that nothing is left behind.
    ///
    /// # Panics
    /// If something is.
    pub fn finish(&mut self) {
        self.dismiss_agents();
        self.run_until("the trunks' agents are gone", |sim| sim.core.agents() == 0);
        self.settle();
        self.assert_clean();
    }

    pub(super) fn business(&self) -> Vec<(&str, String)> {
        let busy = self.stations.iter().filter(|station| !station.phone.is_idle());
        busy.map(|station| (station.phone.setup().name.as_str(), station.phone.business())).collect()
    }

    fn assert_clean(&mut self) {
        let (legs, open, _) = self.core.held();
        assert_eq!((self.core.calls(), legs, open), (0, 0, 0), "calls, legs and transactions are left");
        assert_eq!((self.core.shard.sessions(), self.core.shard.ports(self.now)), (0, 0), "media is left");
        assert_eq!(self.core.shard.misdirected, 0, "commands for media sessions that do not exist");
        assert_eq!(self.core.counted(), (0, 0), "calls are counted that are over");
        assert_eq!(self.core.commanded.len() as u64, self.commands, "commands have no outcome: {:?}", self.core.commanded);
        let answered: BTreeSet<CommandId> = self.core.commanded.iter().map(|(id, _)| *id).collect();
        assert_eq!(answered.len() as u64, self.commands, "a command has two outcomes: {:?}", self.core.commanded);
        let running = self.core.shard.recordings.all.iter().filter(|recording| recording.end.is_none()).count();
        assert_eq!(running, 0, "recordings have no end");
        self.assert_records();
        self.assert_ends();
        for station in &self.stations {
            let violations = station.phone.violations();
            let text: Vec<String> = violations.iter().map(|one| format!("{} {}: {}", one.at, one.rule, one.text)).collect();
            assert!(violations.is_empty(), "{} complains:\n{}", station.phone.setup().name, text.join("\n"));
        }
        self.run_for(LIFETIME + Duration::from_secs(1));
        assert_eq!(self.core.held(), (0, 0, 0), "tombstones outlive 64 × T1");
        assert_eq!(self.core.poll_busy(), None, "a timer is left");
    }

    /// Every leg that was created ends once, and stands in one record with that end.
    fn assert_ends(&self) {
        let mut ends: BTreeMap<LegId, Vec<&LegEnd>> = BTreeMap::new();
        for event in &self.core.events {
            let Some(leg) = event.leg else { continue };
            match &event.kind {
                EventKind::LegCreated(_) => assert!(ends.insert(leg, Vec::new()).is_none(), "{leg} is created twice"),
                EventKind::LegFailed(end) | EventKind::LegEnded(end) => {
                    ends.get_mut(&leg).unwrap_or_else(|| unreachable!("{leg} ends before it is there: {end:?}")).push(end);
                }
                _ => {}
            }
        }
        let mut recorded: BTreeMap<LegId, Vec<&LegEnd>> = BTreeMap::new();
        for leg in self.core.records().flat_map(|record| &record.legs) {
            recorded.entry(leg.leg).or_default().push(&leg.end);
        }
        for (leg, told) in &ends {
            assert_eq!(told.len(), 1, "{leg} ends once, not so: {told:?}");
        }
        assert_eq!(ends, recorded, "the events of legs and their records");
        for leg in self.core.records().flat_map(|record| &record.legs) {
            assert!(leg.replaced_by.is_none_or(|other| recorded.contains_key(&other)), "nobody took the place of {leg:?}");
        }
    }

    /// One record a call, in which no leg stands twice and times are in order.
    fn assert_records(&self) {
        let mut ids: Vec<CallId> = self.core.records().map(|record| record.call).collect();
        assert_eq!(ids.len(), self.core.founded(), "one record a call");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), self.core.founded(), "a call has two records");
        for record in self.core.records() {
            assert!(
                record.began <= record.ended && record.answered.is_none_or(|at| record.began <= at && at <= record.ended),
                "{record:?}"
            );
            let mut legs: Vec<_> = record.legs.iter().map(|leg| leg.leg).collect();
            legs.dedup();
            // The only leg of a call may have gone to another, and one that we were told to make may have called nobody.
            let wrote = self.core.letters.iter().any(|(from, ..)| *from == record.call);
            let has_none = wrote || record.route.starts_with("api:");
            assert!((has_none || !legs.is_empty()) && legs.len() == record.legs.len(), "{record:?}");
        }
    }
}
