//! What a REGISTER changes: all that it asks for, or nothing.

use super::reply::Reply;
use super::request::{self, Wanted, Wish};
use super::{Registrar, room, way};
use crate::call::NodeFacts;
use crate::message::{HeaderName, Message, Uri};
use crate::wire::Arrival;
use tandem_model::{Binding, Fate, Timestamp};

/// Bytes of a User-Agent that are kept.
const MAX_AGENT: usize = 64;

/// When a registrar that is full may have room again.
const RETRY_WHEN_FULL_S: &str = "60";

impl Registrar {
    /// Answers the REGISTER of a user. `unix_ms`: the wall clock, if there is one. `is_nat`: the user is behind a NAT, whatever its
    /// messages show.
    pub fn register(
        &mut self,
        now: Timestamp,
        unix_ms: Option<u64>,
        node: &NodeFacts,
        user: &str,
        is_nat: bool,
        arrival: &Arrival,
    ) -> Reply {
        let request = &arrival.message;
        let wish = match request::check_target(&self.terms, user, request).and_then(|()| request::read(&self.terms, request)) {
            Ok(wish) => wish,
            Err(refusal) => return refusal,
        };
        self.handle_timeout(now);
        let done = if wish.removes_all {
            self.remove_all(user, request, &wish)
        } else if wish.contacts.is_empty() {
            Ok(())
        } else {
            self.update(now, node, user, is_nat, arrival, &wish)
        };
        match done {
            Ok(()) => self.done(now, unix_ms, user, request, &wish),
            Err(refusal) => refusal,
        }
    }

    fn remove_all(&mut self, user: &str, request: &Message, wish: &Wish<'_>) -> Result<(), Reply> {
        if self.bindings.of(user).iter().any(|binding| is_out_of_order(binding, request, wish.cseq)) {
            return Err(Reply::new(500));
        }
        self.drop_some(user, Fate::Removed, |_| true);
        Ok(())
    }

    fn update(
        &mut self,
        now: Timestamp,
        node: &NodeFacts,
        user: &str,
        is_nat: bool,
        arrival: &Arrival,
        wish: &Wish<'_>,
    ) -> Result<(), Reply> {
        let request = &arrival.message;
        let before = self.bindings.of(user).len();
        let (mut kept, mut fresh) = (self.bindings.of(user).to_vec(), Vec::new());
        let mut fates: Vec<(Binding, Fate)> = Vec::new();
        for wanted in &wish.contacts {
            // RFC 3261 §10.3 step 7: what comes late is not done, and neither is anything beside it.
            let is_late = |binding: &Binding| is_same(binding, wanted) && is_out_of_order(binding, request, wish.cseq);
            if kept.iter().chain(&fresh).any(is_late) {
                return Err(Reply::new(500));
            }
            let mut known = kept.extract_if(.., |binding| is_same(binding, wanted)).collect::<Vec<_>>().into_iter();
            if !wanted.expires.is_zero() {
                let binding = self.bind(now, node, is_nat, arrival, wish, wanted)?;
                let fate = match known.next() {
                    None => Fate::Added,
                    Some(known) if known.flow == binding.flow && known.contact == binding.contact => Fate::Refreshed,
                    Some(_) => Fate::Moved,
                };
                fates.push((binding.clone(), fate));
                fresh.push(binding);
            }
            fates.extend(known.map(|binding| (binding, Fate::Removed)));
        }
        if kept.len() + fresh.len() > before {
            let gone = room::make(&mut kept, &fresh, self.terms.contacts);
            fates.extend(gone.into_iter().map(|binding| (binding, Fate::Removed)));
        }
        let contacts = kept.len() + fresh.len();
        let added = contacts.saturating_sub(before);
        if contacts > self.terms.contacts && added > 0 {
            return Err(Reply::because(403, "Too Many Contacts"));
        }
        if added > 0 && self.count + added > self.terms.bindings {
            return Err(Reply::new(503).with(HeaderName::RetryAfter, RETRY_WHEN_FULL_S));
        }
        kept.append(&mut fresh);
        self.replace(user, kept);
        fates.iter().for_each(|(binding, fate)| self.tell(user, binding, *fate, contacts));
        Ok(())
    }

    fn bind(
        &self,
        now: Timestamp,
        node: &NodeFacts,
        is_nat: bool,
        arrival: &Arrival,
        wish: &Wish<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<Binding, Reply> {
        let request = &arrival.message;
        let way = way::way_to(node, arrival, &wish.path, wanted, is_nat).ok_or_else(|| Reply::because(400, "Unusable Contact"))?;
        if self.terms.barred.bars_hop(&way.hop, arrival.flow.remote) {
            return Err(Reply::because(403, "Contact Is At A Trunk Or At Us"));
        }
        let agent: String = request.header(HeaderName::UserAgent).unwrap_or_default().chars().take(MAX_AGENT).collect();
        Ok(Binding {
            contact: wanted.text.into(),
            q: wanted.q,
            since: now,
            until: now + wanted.expires,
            call_id: request.call_id().into(),
            cseq: wish.cseq,
            path: wish.path.iter().map(|value| Box::from(*value)).collect(),
            instance: wanted.instance.map(Into::into),
            reg_id: wanted.reg_id,
            agent: agent.into(),
            flow: arrival.flow,
            listener: way.listener,
            hop: way.hop,
            over_flow: way.over_flow,
            behind_nat: way.behind_nat,
        })
    }
}

/// RFC 3261 §10.3 step 7: of one Call-ID only a higher CSeq is newer.
fn is_out_of_order(binding: &Binding, request: &Message, cseq: u32) -> bool {
    *binding.call_id == *request.call_id() && cseq <= binding.cseq
}

/// The same flow of the same phone, where the request names one (RFC 5626 §6), or the same URI (RFC 3261 §19.1.4).
fn is_same(binding: &Binding, wanted: &Wanted<'_>) -> bool {
    // A phone that goes over to flows takes what it had without with it.
    if wanted.reg_id.is_some() && binding.reg_id.is_some() {
        return binding.reg_id == wanted.reg_id && binding.instance.as_deref() == wanted.instance;
    }
    Uri::parse(&binding.contact).is_ok_and(|uri| uri.equivalent(&wanted.uri))
}
