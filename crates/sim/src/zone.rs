//! A DNS of one's own: what it has, how long it takes, and how it fails.

use crate::secs;
use std::{collections::BTreeMap, net::IpAddr, time::Duration};
use tandem_model::Timestamp;
use tandem_signalling::locate::{Kind, Naptr, Question, Records, Reply, Srv};

/// After how long the shell gives a question up.
const GIVEN_UP: Duration = secs(3);

/// The records that there are; whatever is not among them does not exist.
#[derive(Debug)]
pub struct Zone {
    records: BTreeMap<Question, Records>,
    /// How long each answer takes.
    pub delay: Duration,
    /// For how long its records may be kept.
    pub ttl: Duration,
    /// The same for what does not exist; `None`: no SOA record says.
    pub negative_ttl: Option<Duration>,
    /// Nobody answers.
    pub is_down: bool,
    /// What is answered with SERVFAIL.
    pub broken: Vec<Question>,
    /// What is never answered.
    pub silent: Vec<Question>,
    /// What takes so much longer than the rest.
    pub slow: Vec<(Question, Duration)>,
    asked: Vec<(Timestamp, Question)>,
}

impl Default for Zone {
    fn default() -> Self {
        Zone {
            records: BTreeMap::new(),
            delay: Duration::ZERO,
            ttl: secs(300),
            negative_ttl: Some(secs(60)),
            is_down: false,
            broken: Vec::new(),
            silent: Vec::new(),
            slow: Vec::new(),
            asked: Vec::new(),
        }
    }
}

impl Zone {
    /// One more address of `host`.
    pub fn add_address(&mut self, host: &str, address: IpAddr) -> &mut Zone {
        let kind = if address.is_ipv4() { Kind::A } else { Kind::Aaaa };
        let known = self.records.get(&Question::new(host, kind));
        let known = if let Some(Records::Addresses(known)) = known { known.to_vec() } else { Vec::new() };
        self.set(host, kind, Records::Addresses(known.into_iter().chain([address]).collect()))
    }

    /// The SRV records of `name`: priority, weight, port, target.
    pub fn set_srv(&mut self, name: &str, records: &[(u16, u16, u16, &str)]) -> &mut Zone {
        let record = |(priority, weight, port, target): &(u16, u16, u16, &str)| Srv {
            priority: *priority,
            weight: *weight,
            port: *port,
            target: (*target).into(),
        };
        self.set(name, Kind::Srv, Records::Srv(records.iter().map(record).collect()))
    }

    /// The NAPTR records of `name`: order, preference, service, replacement; flag `s`.
    pub fn set_naptr(&mut self, name: &str, records: &[(u16, u16, &str, &str)]) -> &mut Zone {
        let record = |(order, preference, service, replacement): &(u16, u16, &str, &str)| Naptr {
            order: *order,
            preference: *preference,
            flags: "s".into(),
            service: (*service).into(),
            has_regexp: false,
            replacement: (*replacement).into(),
        };
        self.set(name, Kind::Naptr, Records::Naptr(records.iter().map(record).collect()))
    }

    /// These records, whatever they are.
    pub fn set(&mut self, name: &str, kind: Kind, records: Records) -> &mut Zone {
        self.records.insert(Question::new(name, kind), records);
        self
    }

    /// No such records any more.
    pub fn remove(&mut self, name: &str, kind: Kind) -> &mut Zone {
        self.records.remove(&Question::new(name, kind));
        self
    }

    /// What it was asked, and when.
    pub fn asked(&self) -> &[(Timestamp, Question)] {
        &self.asked
    }

    pub(crate) fn ask(&mut self, now: Timestamp, question: &Question) -> (Duration, Reply) {
        self.asked.push((now, question.clone()));
        if self.is_down || self.silent.contains(question) {
            return (GIVEN_UP, Reply::Failed);
        }
        if self.broken.contains(question) {
            return (self.delay, Reply::Failed);
        }
        let slow = self.slow.iter().find(|(slow, _)| slow == question).map_or(Duration::ZERO, |(_, span)| *span);
        let found = self.records.get(question).map(|records| Reply::Found(records.clone(), self.ttl));
        (self.delay + slow, found.unwrap_or(Reply::Nothing(self.negative_ttl)))
    }
}
