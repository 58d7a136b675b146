//! Where the messages for a name go (RFC 3263): the searches of the node, and the messages that wait for them.

use crate::{
    dns::Resolver,
    log::Escaped,
    node::Node,
    transport::{Sent, Whom},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};
use tandem_model::{CallId, Delivery, Destination, Hop, LegId, Timestamp};
use tandem_signalling::{
    Input, Transmit,
    locate::{Asker, Located, Locator, Question, Reply, Sought},
};

/// Names that were sent to and are remembered by what they stood for; the oldest goes when there are more.
const MAX_NAMED: usize = 1_024;

/// How long it is not said again that DNS does not answer.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// Who looks for hops.
enum Seeker {
    /// Of a target of that name, if it is a trunk's.
    Leg(LegId, Option<Box<str>>),
    /// A message that waits until it is known where it goes, and whose it is.
    Parcel(Option<CallId>, Box<Transmit>),
}

/// The searches of a node.
pub(crate) struct Hops {
    locator: RefCell<Locator<Seeker>>,
    resolver: RefCell<Resolver>,
    named: RefCell<Named>,
    /// When it was last said that DNS does not answer.
    warned_at: Cell<Option<Timestamp>>,
    /// A task waits until then to let searches hurry.
    woken_at: Cell<Option<Timestamp>>,
}

/// Names, as messages were sent to them, by the addresses that they went to.
#[derive(Default)]
struct Named {
    names: BTreeMap<SocketAddr, Vec<Destination>>,
    count: usize,
}

impl Named {
    fn note(&mut self, address: SocketAddr, name: &Destination) {
        if self.names.get(&address).is_some_and(|names| names.contains(name)) {
            return;
        }
        if self.count >= MAX_NAMED {
            self.names.clear();
            self.count = 0;
        }
        self.names.entry(address).or_default().push(name.clone());
        self.count += 1;
    }
}

impl Hops {
    pub(crate) fn new(resolver: Resolver) -> Hops {
        Hops {
            locator: RefCell::default(),
            resolver: resolver.into(),
            named: RefCell::default(),
            warned_at: Cell::default(),
            woken_at: Cell::default(),
        }
    }

    /// Asks these servers from now on, and everything anew.
    pub(crate) fn renew(&self, resolver: Resolver, now: Timestamp) {
        self.resolver.replace(resolver);
        self.locator.borrow_mut().forget(now);
    }

    /// Failures come in crowds, and the log is no place for one.
    fn warn(&self, now: Timestamp, question: &Question) {
        if self.warned_at.get().is_none_or(|at| now.since(at) >= BETWEEN_WARNINGS) {
            self.warned_at.set(Some(now));
            tracing::warn!(name = %Escaped(&question.name), kind = ?question.kind, "DNS does not answer");
        }
    }

    /// The names under which messages went to that address.
    pub(crate) fn names_of(&self, address: SocketAddr) -> Vec<Destination> {
        self.named.borrow().names.get(&address).cloned().unwrap_or_default()
    }
}

impl Node {
    /// Finds the hops of a leg's target; what the leg is to be told at once.
    pub(crate) fn locate(self: &Rc<Self>, leg: LegId, sought: Sought) -> Option<Input> {
        let of_trunk = self.abuse.borrow().is_trunks(&sought.host).then(|| sought.host.clone());
        let located = self.hops.locator.borrow_mut().locate(self.clock.now(), Seeker::Leg(leg, of_trunk), sought);
        self.go_on_looking();
        located.map(|(seeker, located)| {
            self.note_hops(&seeker, &located);
            Input::Located(leg, located)
        })
    }

    /// Where a trunk's name leads nobody is a stranger.
    fn note_hops(&self, seeker: &Seeker, located: &Located) {
        if let (Seeker::Leg(_, Some(host)), Ok(hops)) = (seeker, located) {
            self.abuse.borrow_mut().located(self.clock.now(), host, hops);
        }
    }

    /// Nobody answered there, or not to the point.
    pub(crate) fn hop_failed(&self, hop: Hop, span: Option<Duration>) {
        tracing::debug!(address = %hop.address, seconds = span.map(|span| span.as_secs()), "a hop failed");
        self.hops.locator.borrow_mut().hop_failed(self.clock.now(), hop, span);
    }

    /// Sends to a name, once it is known where that is.
    pub(crate) fn send_by_name(self: &Rc<Self>, owner: Option<CallId>, transmit: Transmit) {
        let (now, facts) = (self.clock.now(), self.facts.borrow().clone());
        // One call's requests go one way.
        let seed = owner.map_or(0, CallId::bits);
        // Only a peer can have named it.
        let asker = Asker::Peer(seed);
        let Some(sought) = Sought::of(&facts, transmit.listener, &transmit.destination, seed, asker) else { return };
        // A message that is made has its transport.
        let sought = sought.with_first_door();
        let located = self.hops.locator.borrow_mut().locate(now, Seeker::Parcel(owner, Box::new(transmit)), sought);
        match located {
            Some((seeker, located)) => self.on_located(seeker, located),
            None => self.go_on_looking(),
        }
    }

    fn on_located(self: &Rc<Self>, seeker: Seeker, located: Located) {
        self.note_hops(&seeker, &located);
        match seeker {
            Seeker::Leg(leg, _) => {
                let owner = self.dispatcher.borrow().owner_of(leg);
                if let Some(call) = owner {
                    // A call that has as much to do as may wait gives the target up in its time.
                    let _ = self.routes.deliver(call, Input::Located(leg, located));
                }
            }
            Seeker::Parcel(owner, transmit) => self.send_located(owner, *transmit, &located),
        }
    }

    fn send_located(self: &Rc<Self>, owner: Option<CallId>, transmit: Transmit, located: &Located) {
        let (Destination::Name { host, .. } | Destination::Domain { host, .. }) = &transmit.destination else { return };
        let sent = match located.as_ref().map(|hops| hops.first()) {
            Ok(Some(hop)) => {
                self.hops.named.borrow_mut().note(hop.address, &transmit.destination);
                self.send_over(&transmit, owner, (hop.address, Whom::Name(host)))
            }
            Ok(None) => Sent::Unreachable,
            Err(why) => {
                tracing::debug!(host = %Escaped(host), "no way there: {}", why.reason());
                Sent::Unreachable
            }
        };
        if sent == Sent::Unreachable {
            self.tell_unreachable(owner, transmit.listener, transmit.destination, Delivery::Never);
        }
    }

    /// Asks what is to be asked, hands over what is found, and sees to it that nobody waits too long.
    fn go_on_looking(self: &Rc<Self>) {
        loop {
            let question = self.hops.locator.borrow_mut().poll_question();
            let Some(question) = question else { break };
            self.ask_dns(question);
        }
        loop {
            let located = self.hops.locator.borrow_mut().poll_located();
            let Some((seeker, located)) = located else { break };
            self.on_located(seeker, located);
        }
        let due = self.hops.locator.borrow().poll_timeout();
        if let Some(at) = due.filter(|at| self.hops.woken_at.get().is_none_or(|known| known > *at)) {
            self.hops.woken_at.set(Some(at));
            let node = self.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep_until(node.clock.instant(at)).await;
                if node.hops.woken_at.get() == Some(at) {
                    node.hops.woken_at.set(None);
                }
                node.hops.locator.borrow_mut().handle_timeout(node.clock.now());
                node.go_on_looking();
            });
        }
    }

    fn ask_dns(self: &Rc<Self>, question: Question) {
        let asked = self.background.run(self.hops.resolver.borrow().clone().ask(question.clone()));
        let node = self.clone();
        tokio::task::spawn_local(async move {
            let reply = asked.await.unwrap_or(Reply::Failed);
            // That somebody wrote a name whose servers do not answer is nobody's trouble but his.
            if reply == Reply::Failed && node.hops.locator.borrow().is_ours(&question) {
                node.hops.warn(node.clock.now(), &question);
            }
            node.hops.locator.borrow_mut().answer(node.clock.now(), &question, reply);
            node.go_on_looking();
        });
    }
}
