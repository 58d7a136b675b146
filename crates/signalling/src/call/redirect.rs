//! Following a redirection (RFC 3261 §8.1.3.4): its Contacts become the next targets.

use super::parties::number_in;
use super::phase::Bridge;
use super::{trail, user_to_user};
use crate::dialog::destination_of;
use crate::message::{Contact, HeaderName, MAX_CONTACT, Message, Uri};
use tandem_model::{Crossing, Destination, Failover, LegPlan, NO_TARGET, Presentation, Transport};

/// Redirections that are followed in one call.
const MAX_REDIRECTS: u8 = 5;

/// Contacts of one redirection that are called.
const MAX_CONTACTS: usize = 8;

/// Contacts of one redirection that are looked at.
const MAX_LOOKED_AT: usize = 32;

/// What a Contact without `q` is worth; with one, thousandths.
const WHOLE: u16 = 1000;

impl Bridge {
    /// Puts the Contacts of a redirection by the target under way before the other targets. False if it is not to be followed, or
    /// leaves nothing to be called. `over` is the transport of the target's listener.
    pub(super) fn follow(&mut self, response: &Message, over: Transport) -> bool {
        let Some(plan) = self.current().filter(|plan| plan.profile.follows_redirects && self.redirects < MAX_REDIRECTS) else {
            return false;
        };
        // A proxy, or another service (§21.3.4, §21.3.5), is not the same callee at another place.
        if !(300..400).contains(&response.status()) || matches!(response.status(), 305 | 380) {
            return false;
        }
        // What goes through the trunk's proxy goes on doing so.
        let proxy = plan.presentation.as_ref().is_some_and(|presentation| presentation.route.is_some()).then_some(&plan.destination);
        let mut found: Vec<(u16, LegPlan)> = Vec::new();
        for item in response.values(HeaderName::Contact).take(MAX_LOOKED_AT) {
            let Ok(Contact::Address(address)) = Contact::parse(item) else { continue };
            let Ok(uri) = Uri::parse(address.uri) else { continue };
            let Some(destination) = destination_of(&uri, over).filter(|_| fits(&uri, over)) else { continue };
            // §19.1.1: a Request-URI has no headers.
            let text = &address.uri[..address.uri.len() - uri.headers.as_str().len()];
            let Some(bare) = Some(text).filter(|text| text.len() <= MAX_CONTACT).and_then(|text| Uri::parse(text).ok()) else { continue };
            // Called before, or about to be: a loop (§8.1.3.4).
            let is_it = |plan: &LegPlan| Uri::parse(&plan.uri).is_ok_and(|known| known.equivalent(&bare));
            if self.plans[..self.next].iter().any(is_it) || found.iter().any(|(_, plan)| is_it(plan)) || found.len() == MAX_CONTACTS {
                continue;
            }
            let destination = proxy.cloned().unwrap_or(destination);
            // What an emergency route calls is counted on no trunk, and nothing limits where it goes.
            let forwarded = plan.trunk.is_some() || !plan.endpoint.starts_with("trunk:");
            let mut next = LegPlan { uri: text.into(), destination, target: NO_TARGET, forwarded, binding: None, ..plan.clone() };
            // Our login is for the trunk's own peer, not for whomever that names.
            next.profile.login = next.profile.login.filter(|_| is_same(&next.destination, &plan.destination));
            if let Some(said) = next.presentation.as_mut().filter(|_| number_in(&plan.uri) != number_in(text)) {
                said.void_signatures();
            }
            let asked = user_to_user::asked(uri.headers);
            if !asked.is_empty() && plan.profile.user_to_user == (Crossing { lets_in: true, lets_out: true }) {
                say_instead(next.presentation.get_or_insert_default(), asked);
            }
            trail::redirected(plan, response, &uri, &mut next);
            found.push((address.params.get("q").map_or(WHOLE, worth), next));
        }
        found.sort_by_key(|(worth, _)| std::cmp::Reverse(*worth));
        let mut plans: Vec<LegPlan> = found.into_iter().map(|(_, plan)| plan).collect();
        let Some((_, others)) = plans.split_last_mut() else { return false };
        for plan in others {
            // §8.1.3.4: the next Contact after any failure but one that is true everywhere. After the last the trunk decides again.
            plan.profile.failover = Failover::default().with_class(4);
        }
        self.redirects += 1;
        let mut all = std::mem::take(&mut self.plans).into_vec();
        all.splice(self.next..self.next, plans);
        self.plans = all.into_boxed_slice();
        true
    }
}

/// RFC 7433 §4.1: what a redirection asks to be said, in the place of what would have been said (RFC 3261 §8.1.3.4).
fn say_instead(said: &mut Presentation, asked: Vec<Box<str>>) {
    let name = HeaderName::UserToUser.canonical();
    let mut headers = std::mem::take(&mut said.headers).into_vec();
    headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    headers.extend(asked.into_iter().map(|value| (name.into(), value)));
    said.headers = headers.into();
}

/// Whether requests to one and the other go the same way.
fn is_same(one: &Destination, other: &Destination) -> bool {
    let fixed = |destination: &Destination| match destination {
        Destination::Domain { host, .. } => Destination::Name { host: host.clone(), port: None },
        destination => destination.clone(),
    };
    fixed(one) == fixed(other)
}

/// Whether the URI is content with that transport.
fn fits(uri: &Uri<'_>, over: Transport) -> bool {
    uri.transport().is_none_or(|transport| transport.eq_ignore_ascii_case(over.token()))
}

/// `0.7` in thousandths (§25.1 `qvalue`); what cannot be read is worth nothing.
fn worth(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let fraction = digits.try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| 10 * sum + u16::from(digit - b'0')));
    match (whole, fraction) {
        ("1", Some(_)) => WHOLE,
        ("0", Some(fraction)) => fraction,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_are_read() {
        let read: Vec<_> = ["1", "1.0", "0.75", "0.001", "0", "0.12345", "2", "x", ""].into_iter().map(worth).collect();
        assert_eq!(read, [1000, 1000, 750, 1, 0, 123, 0, 0, 0]);
    }
}
