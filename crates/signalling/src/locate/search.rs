//! One search: the procedure of RFC 3263 §4, as far as its answers are known.

use super::cache::Answer;
use super::order::in_order;
use super::{Asker, Door, Kind, MAX_HOPS, Naptr, Question, Records, Sought, Srv};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tandem_model::{Hop, NoHop, Random, Transport};

/// Services that one search follows.
const MAX_SERVICES: usize = 8;

/// Targets of SRV records whose addresses one search asks for.
const MAX_TARGETS: usize = 16;

/// A search under way.
#[derive(Debug)]
pub(super) struct Search {
    sought: Sought,
    /// What it has used: the same to its end, whatever becomes of the records meanwhile.
    used: BTreeMap<Question, Arc<Answer>>,
}

/// How far it has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// These are to be answered first.
    Wants(Vec<Question>),
    Done(Result<Vec<Hop>, NoHop>),
}

/// A name under which SRV records may be, or already a host, and the listeners that it is for.
struct Service {
    name: Box<str>,
    doors: Vec<Door>,
    /// It is a host, with the port of its transport.
    is_host: bool,
}

/// The answers as one run of the procedure sees them.
struct View<'a, F> {
    used: &'a mut BTreeMap<Question, Arc<Answer>>,
    look: F,
    /// What is not answered yet, and will not be waited for, says nothing.
    hurries: bool,
    wants: Vec<Question>,
    /// Somebody who was asked did not answer.
    failed: bool,
}

impl Search {
    pub(super) fn new(sought: Sought) -> Search {
        Search { sought, used: BTreeMap::new() }
    }

    pub(super) fn asker(&self) -> Asker {
        self.sought.asker
    }

    /// Nobody can be asked that: what is known of it has to do, if anything is.
    pub(super) fn go_without(&mut self, question: Question, known: Option<Arc<Answer>>) {
        self.used.insert(question, known.unwrap_or_else(|| Arc::new(Answer::Failed)));
    }

    /// Goes as far as `look` has answers. One that hurries does without what it can do without.
    pub(super) fn run(&mut self, hurries: bool, look: impl FnMut(&Question) -> Option<Arc<Answer>>) -> Progress {
        let mut view = View { used: &mut self.used, look, hurries, wants: Vec::new(), failed: false };
        let hops = find(&self.sought, &mut view);
        let wants = std::mem::take(&mut view.wants);
        match hops {
            // It may begin with those that there are.
            Some(hops) if !hops.is_empty() && (hurries || wants.is_empty()) => Progress::Done(Ok(hops)),
            Some(_) if wants.is_empty() => Progress::Done(Err(if view.failed { NoHop::Unanswered } else { NoHop::Unknown })),
            _ => Progress::Wants(wants),
        }
    }
}

impl<F: FnMut(&Question) -> Option<Arc<Answer>>> View<'_, F> {
    fn ask(&mut self, name: &str, kind: Kind) -> Option<Arc<Answer>> {
        let question = Question::new(name, kind);
        let answer = match self.used.get(&question) {
            Some(answer) => answer.clone(),
            None => match (self.look)(&question) {
                Some(answer) => self.used.entry(question).or_insert(answer).clone(),
                None => {
                    self.wants.push(question);
                    return None;
                }
            },
        };
        self.failed |= *answer == Answer::Failed;
        Some(answer)
    }
}

/// The hops in their order; `None` if what is not answered yet could change everything.
fn find<F: FnMut(&Question) -> Option<Arc<Answer>>>(sought: &Sought, view: &mut View<'_, F>) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    let host = sought.host.strip_suffix('.').unwrap_or(&sought.host);
    // §4.2: with a port there is nothing to be chosen but an address. A name of one label is no domain, but a machine near by.
    if sought.port.is_some() || !host.contains('.') {
        add_addresses(&mut hops, view, host, sought.port, fallback(&sought.doors));
        return Some(hops);
    }
    let (services, naptr) = services(sought, host, view)?;
    let (mut found, mut is_refused, mut has_failed) = (Vec::new(), false, false);
    let mut complete = true;
    for service in services.iter().take(MAX_SERVICES) {
        if service.is_host {
            found.push((Srv { priority: 0, weight: 0, port: 0, target: service.name.clone() }, &service.doors[..]));
            continue;
        }
        match view.ask(&service.name, Kind::Srv).as_deref() {
            None => complete = false,
            Some(Answer::Found(Records::Srv(records))) => {
                let mut random = Random::new(sought.seed);
                let is_none = |record: &Srv| record.target.is_empty() || &*record.target == ".";
                // RFC 2782: a target of `.` says that there is decidedly no such service.
                is_refused |= records.iter().any(is_none);
                let targets = in_order(records, &mut random).into_iter().filter(|record| !is_none(record));
                found.extend(targets.map(|record| (record, &service.doors[..])));
            }
            Some(Answer::Failed) => has_failed = true,
            Some(_) => {}
        }
    }
    if !complete && (found.is_empty() || !view.hurries) {
        return None;
    }
    if found.is_empty() && !is_refused && !has_failed {
        if let Some(naptr) = naptr {
            view.wants.push(naptr);
            return None;
        }
        // §4.2: no SRV record at all, which a server that fails does not say.
        let chosen = services.first().filter(|_| !sought.is_open).map_or(fallback(&sought.doors), |service| service.doors.clone());
        add_addresses(&mut hops, view, host, None, chosen);
    }
    for (record, doors) in found.into_iter().take(MAX_TARGETS) {
        add_addresses(&mut hops, view, &record.target, Some(record.port).filter(|port| *port > 0), doors.to_vec());
    }
    Some(hops)
}

/// Under which names the records of the transports are (§4.1). With the question that is not answered yet, if one is, and is to be
/// waited for where those names lead nowhere.
fn services<F: FnMut(&Question) -> Option<Arc<Answer>>>(
    sought: &Sought,
    host: &str,
    view: &mut View<'_, F>,
) -> Option<(Vec<Service>, Option<Question>)> {
    let mut open = None;
    if sought.is_open {
        let hurries = view.hurries;
        let answer = view.ask(host, Kind::Naptr);
        let chosen = match answer.as_deref() {
            Some(Answer::Found(Records::Naptr(records))) => chosen(records, &sought.doors),
            // Many a router at home answers no NAPTR question, or says that it cannot: its users' trunks are found by SRV all the same.
            Some(_) => Vec::new(),
            None if hurries => {
                // What it would choose is asked for by name.
                open = view.wants.pop();
                Vec::new()
            }
            None => return None,
        };
        if !chosen.is_empty() {
            return Some((chosen, None));
        }
    }
    let mut services: Vec<Service> = Vec::new();
    for door in &sought.doors {
        // §4.1: `_sips` for what goes over TLS.
        let prefix = match door.transport {
            Transport::Udp => "_sip._udp.",
            Transport::Tcp => "_sip._tcp.",
            Transport::Tls => "_sips._tcp.",
        };
        let name = [prefix, host].concat();
        match services.iter_mut().find(|service| *service.name == *name) {
            Some(service) => service.doors.push(*door),
            None => services.push(Service { name: name.into(), doors: vec![*door], is_host: false }),
        }
    }
    Some((services, open))
}

/// What the records of the lowest order that fit us say (RFC 3263 §4.1, RFC 3403 §4.1), preferred ones first.
fn chosen(records: &[Naptr], doors: &[Door]) -> Vec<Service> {
    let mut fitting: Vec<(&Naptr, Vec<Door>)> = records.iter().filter_map(|record| Some((record, doors_of(record, doors)?))).collect();
    fitting.sort_by_key(|(record, _)| (record.order, record.preference));
    let lowest = fitting.first().map(|(record, _)| record.order);
    let of_lowest = fitting.into_iter().filter(|(record, _)| Some(record.order) == lowest);
    let service = |(record, doors): (&Naptr, Vec<Door>)| Service {
        name: record.replacement.clone(),
        doors,
        is_host: record.flags.eq_ignore_ascii_case("a"),
    };
    of_lowest.map(service).collect()
}

/// The listeners that a record is for; `None` if it is not for us.
fn doors_of(record: &Naptr, doors: &[Door]) -> Option<Vec<Door>> {
    let transport = match record.service.to_ascii_uppercase().as_str() {
        "SIP+D2U" => Transport::Udp,
        "SIP+D2T" => Transport::Tcp,
        "SIPS+D2T" => Transport::Tls,
        _ => return None,
    };
    let is_plain = ["s", "a"].iter().any(|flag| record.flags.eq_ignore_ascii_case(flag)) && !record.has_regexp;
    let doors: Vec<Door> = doors.iter().filter(|door| door.transport == transport).copied().collect();
    let leads_on = !matches!(&*record.replacement, "" | ".");
    (is_plain && leads_on && !doors.is_empty()).then_some(doors)
}

/// Over what a domain is reached that says nothing of it: UDP, or TLS for `sips` (§4.1); else as we like it.
fn fallback(doors: &[Door]) -> Vec<Door> {
    let udp: Vec<Door> = doors.iter().filter(|door| door.transport == Transport::Udp).copied().collect();
    if udp.is_empty() {
        doors.first().map(|first| doors.iter().filter(|door| door.transport == first.transport).copied().collect()).unwrap_or_default()
    } else {
        udp
    }
}

fn add_addresses<F: FnMut(&Question) -> Option<Arc<Answer>>>(
    hops: &mut Vec<Hop>,
    view: &mut View<'_, F>,
    host: &str,
    port: Option<u16>,
    doors: Vec<Door>,
) {
    for door in doors {
        let port = port.unwrap_or(door.transport.default_port());
        let addresses: Box<[IpAddr]> = match host.parse::<IpAddr>() {
            // RFC 2782 wants a name; an address says as much.
            Ok(address) => [address].into(),
            Err(_) => match view.ask(host, if door.is_ipv4 { Kind::A } else { Kind::Aaaa }).as_deref() {
                Some(Answer::Found(Records::Addresses(addresses))) => addresses.clone(),
                _ => continue,
            },
        };
        for address in addresses.iter().filter(|address| address.is_ipv4() == door.is_ipv4) {
            let hop = Hop { listener: door.listener, address: SocketAddr::new(*address, port) };
            if hops.len() < MAX_HOPS && !hops.contains(&hop) {
                hops.push(hop);
            }
        }
    }
}
