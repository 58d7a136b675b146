//! Who is nobody's: what they are answered, and what is said in the log of those who are banned.
//!
//! The lines of target `security` are made for programs that read them: `examples/fail2ban` does, and `docs/operations.md` has their form.

use crate::node::Node;
use std::{net::IpAddr, rc::Rc};
use tandem_model::{Flow, Timestamp};
use tandem_policy::{Ban, Offence};
use tandem_signalling::Transmit;

impl Node {
    /// Answers what came over `flow` from nobody in particular and had `asked` bytes, once, if at all. Nothing that is said to strangers
    /// goes another way.
    pub(crate) fn answer_stranger(self: &Rc<Self>, now: Timestamp, flow: &Flow, asked: usize, transmit: Transmit) {
        if self.abuse.borrow_mut().may_answer(now, flow, asked, transmit.bytes.len()) {
            self.send(transmit, None);
        } else {
            tracing::trace!(source = %flow.remote, "not answered: it has had its answers, or this one would be too long");
        }
    }

    /// Somebody did what could not have been done in another's name.
    pub(crate) fn on_offence(&self, now: Timestamp, source: IpAddr, offence: Offence) {
        let ban = self.abuse.borrow_mut().offence(now, source, offence);
        if let Some(ban) = ban {
            self.counted.borrow_mut().bans += u64::from(!ban.lasts.is_zero());
            tell_of(&ban);
        }
    }

    /// The same of what came over `flow`, which proves where it came from if it is a connection.
    pub(crate) fn on_offence_over(&self, now: Timestamp, flow: &Flow, offence: Offence) {
        let is_proof = flow.transport.is_reliable() && !self.abuse.borrow().is_trusted(now, flow.remote);
        if is_proof {
            self.on_offence(now, flow.remote.ip(), offence);
        }
    }

    /// Drops what is remembered of strangers and is due.
    pub(crate) fn forget_strangers(&self, now: Timestamp) {
        let mut abuse = self.abuse.borrow_mut();
        abuse.forget(now);
        let withheld = abuse.take_withheld();
        if withheld > 0 {
            tracing::info!(target: "security", withheld, "strangers were not answered: they sent more than they get answers for");
        }
    }
}

fn tell_of(ban: &Ban) {
    let Ban { source, offence, offences, lasts, served } = ban;
    // A network as firewalls take it.
    let network = if source.is_ipv6() { "/64" } else { "" };
    let source = format_args!("{source}{network}");
    tracing::warn!(target: "security", %source, reason = %offence, offences, seconds = lasts.as_secs(), served, "a source is banned");
}
