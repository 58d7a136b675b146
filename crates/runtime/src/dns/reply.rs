//! What name servers say, in the words of [`tandem_signalling::locate`].

use super::HOSTS_TTL;
use hickory_resolver::{
    lookup::Lookup,
    net::{DnsError, NetError},
    proto::rr::{Name, RData, Record},
};
use std::time::Duration;
use tandem_signalling::locate::{Kind, Naptr, Records, Reply, Srv};

/// The records of that kind among an answer, which may begin with aliases (CNAME): they count for as long as the first of all runs out.
pub(super) fn of_records(answers: &[Record], kind: Kind) -> Reply {
    let ttl = answers.iter().map(|record| record.ttl).min().unwrap_or(0);
    let records = read(answers, kind);
    if records.is_empty() { Reply::Nothing(None) } else { Reply::Found(records, Duration::from_secs(ttl.into())) }
}

pub(super) fn of_hosts(lookup: &Lookup, kind: Kind) -> Reply {
    Reply::Found(read(lookup.answers(), kind), HOSTS_TTL)
}

/// That there is nothing is an answer (RFC 2308); everything else is none.
pub(super) fn of_error(error: &NetError) -> Reply {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            Reply::Nothing(none.negative_ttl.map(|seconds| Duration::from_secs(seconds.into())))
        }
        _ => Reply::Failed,
    }
}

fn read(answers: &[Record], kind: Kind) -> Records {
    let data = answers.iter().map(|record| &record.data);
    match kind {
        Kind::Naptr => Records::Naptr(data.filter_map(naptr).collect()),
        Kind::Srv => Records::Srv(data.filter_map(srv).collect()),
        Kind::A => Records::Addresses(data.filter_map(|data| if let RData::A(a) = data { Some(a.0.into()) } else { None }).collect()),
        Kind::Aaaa => {
            Records::Addresses(data.filter_map(|data| if let RData::AAAA(aaaa) = data { Some(aaaa.0.into()) } else { None }).collect())
        }
    }
}

fn naptr(data: &RData) -> Option<Naptr> {
    let RData::NAPTR(record) = data else { return None };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned().into_boxed_str();
    Some(Naptr {
        order: record.order,
        preference: record.preference,
        flags: text(&record.flags),
        service: text(&record.services),
        has_regexp: !record.regexp.is_empty(),
        replacement: name(&record.replacement),
    })
}

fn srv(data: &RData) -> Option<Srv> {
    let RData::SRV(record) = data else { return None };
    Some(Srv { priority: record.priority, weight: record.weight, port: record.port, target: name(&record.target) })
}

/// As it is written, without the dot at its end; the root is empty.
fn name(name: &Name) -> Box<str> {
    let text = name.to_ascii();
    text.strip_suffix('.').unwrap_or(&text).into()
}
