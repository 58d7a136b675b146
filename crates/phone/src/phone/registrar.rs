//! A phone that others register with, as a carrier's registrar takes it (RFC 3261 §10.3, RFC 3608, RFC 6140).

use super::Phone;
use crate::{Message, NameAddr};
use std::time::Duration;
use tandem_model::Timestamp;

/// How it takes registrations.
#[derive(Clone, Debug, Default)]
pub struct Registrar {
    /// For how long at most, in seconds.
    pub grants_s: u32,
    /// Less than that is refused (423); 0: nothing is.
    pub least_s: u32,
    /// Service-Route of its answers, one value each.
    pub service_route: Vec<String>,
    /// Statuses with which it refuses, one after the other, and Retry-After with each; 0: no answer at all.
    pub refuses: Vec<(u16, Option<u32>)>,
}

impl Registrar {
    /// One that grants an hour.
    pub fn new() -> Registrar {
        Registrar { grants_s: 3_600, ..Registrar::default() }
    }
}

/// Where somebody is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The address of record: the URI of To.
    pub aor: String,
    /// The URI of Contact.
    pub contact: String,
    /// The whole value of Contact.
    pub value: String,
    /// Until then.
    pub until: Timestamp,
    /// The Call-ID and CSeq number that it came with.
    pub came_with: (String, u32),
}

impl Phone {
    /// What is registered with it at that time.
    pub fn bindings(&self, now: Timestamp) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.until > now)
    }

    /// Forgets every binding, as a registrar that lost its store.
    pub fn forget_bindings(&mut self) {
        self.bindings.clear();
    }

    pub(super) fn on_register(&mut self, now: Timestamp, server: usize) {
        let request = self.servers[server].request.clone();
        self.check_register(now, &request);
        let Some(registrar) = &mut self.setup.registrar else { return };
        if !registrar.refuses.is_empty() {
            let (status, retry_after) = registrar.refuses.remove(0);
            if status != 0 {
                let headers = retry_after.map(|seconds| ("Retry-After", seconds.to_string()));
                self.answer_register(now, server, status, headers.as_slice());
            }
            return;
        }
        let registrar = registrar.clone();
        let asked = expires_of(&request);
        if asked > 0 && asked < registrar.least_s {
            return self.answer_register(now, server, 423, &[("Min-Expires", registrar.least_s.to_string())]);
        }
        let granted = asked.min(registrar.grants_s);
        self.bind(now, &request, granted);
        let aor = NameAddr::parse(request.header("To").unwrap_or_default()).uri.to_owned();
        let mut headers: Vec<(&str, String)> = Vec::new();
        for binding in self.bindings.iter().filter(|binding| binding.aor == aor && binding.until > now) {
            let left = binding.until.since(now).as_secs();
            headers.push(("Contact", format!("<{}>;expires={left}", binding.contact)));
        }
        headers.extend(registrar.service_route.iter().map(|route| ("Service-Route", route.clone())));
        self.answer_register(now, server, 200, &headers);
    }

    fn bind(&mut self, now: Timestamp, request: &Message, granted: u32) {
        let aor = NameAddr::parse(request.header("To").unwrap_or_default()).uri.to_owned();
        let number = request.cseq().map_or(0, |(number, _)| number);
        for value in request.list("Contact") {
            let contact = NameAddr::parse(value).uri.to_owned();
            self.bindings.retain(|binding| (&binding.aor, &binding.contact) != (&aor, &contact));
            if granted > 0 {
                let until = now + Duration::from_secs(granted.into());
                let came_with = (request.call_id().to_owned(), number);
                self.bindings.push(Binding { aor: aor.clone(), contact, value: value.to_owned(), until, came_with });
            }
        }
    }

    fn answer_register(&mut self, now: Timestamp, server: usize, status: u16, headers: &[(&str, String)]) {
        let (request, source) = (self.servers[server].request.clone(), self.servers[server].source);
        let (mut response, destination) = self.response_to(&request, source, status, None, "registrar");
        headers.iter().for_each(|(name, value)| response.push(name, value.clone()));
        self.answer(now, server, &response, destination);
    }

    /// RFC 3261 §10.2: what every REGISTER has.
    fn check_register(&mut self, now: Timestamp, request: &Message) {
        let uri = request.uri().to_owned();
        if uri.contains('@') {
            self.violate(now, "register-uri", format!("the Request-URI {uri} has a user part (§10.2)"));
        }
        let ends = ["From", "To"].map(|name| NameAddr::parse(request.header(name).unwrap_or_default()).uri.to_owned());
        if ends[0] != ends[1] {
            self.violate(now, "register-from", format!("{} registers {} (§10.2)", ends[0], ends[1]));
        }
        let contacts: Vec<String> = request.list("Contact").iter().map(|value| (*value).to_owned()).collect();
        let is_bulk = contacts.iter().any(|contact| contact.contains(";bnc"));
        let has = |name: &str| request.header(name).is_some_and(|value| value.contains("gin"));
        if is_bulk != (has("Require") && has("Proxy-Require")) {
            self.violate(now, "register-bulk", "bnc and the option tag gin go together (RFC 6140 §5.1)");
        }
        if is_bulk && contacts.iter().any(|contact| NameAddr::parse(contact).uri.contains('@')) {
            self.violate(now, "register-bulk", "a bulk Contact has no user part (RFC 6140 §5.1)");
        }
        let number = request.cseq().map_or(0, |(number, _)| number);
        let earlier = self.bindings.iter().find(|binding| binding.came_with.0 == request.call_id());
        if let Some(binding) = earlier.filter(|binding| binding.came_with.1 >= number) {
            let text = format!("CSeq {number} after {} (§10.2)", binding.came_with.1);
            self.violate(now, "register-cseq", text);
        }
    }
}

/// How long a registration is asked to hold.
fn expires_of(request: &Message) -> u32 {
    let contact = request.list("Contact").first().and_then(|value| NameAddr::parse(value).param("expires"));
    contact.or(request.header("Expires")).and_then(|text| text.parse().ok()).unwrap_or(3_600)
}
