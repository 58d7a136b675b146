//! What a phone may see of the bad habits of others, of a lossy network or of broken requests, and hold against nobody.

use crate::world::{PHONES, World};
use std::{collections::BTreeSet, time::Duration};
use tandem_phone::{Act, Habits, OnCancel, Script};
use tandem_sim::{Sim, ms};

/// What phones see where somebody is silent, or something gets lost.
const OF_SILENCE: [&str; 11] = [
    "ack-missing",
    "no-answer",
    "sdp-missing",
    "bye-early",
    "cseq-order",
    "ack-stray",
    "cancel-stray",
    "sdp-version",
    "prack-missing",
    "refresh-missing",
    "timer-ignored",
];

/// What is known of a world as it is drawn.
pub(crate) struct Forgiven {
    pub(crate) world: World,
    /// Messages may be lost, doubled or overtake each other.
    pub(crate) trouble: bool,
    /// Where there is no trouble, every message takes so long.
    pub(crate) delay: Duration,
    /// The node itself ends or refuses calls in this world.
    pub(crate) unpredictable: bool,
    /// Nobody may be there who hangs up in the end.
    pub(crate) may_leave_calls: bool,
    /// Several ring at once or in turn: the early answer of one may not be what another, in another codec, answers.
    pub(crate) rings: bool,
    /// Ring groups may answer their caller before anybody has.
    pub(crate) at_once: bool,
    /// A REFER is heeded.
    pub(crate) transfers: bool,
    /// Whoever gets one may do what it likes.
    pub(crate) passes_refers: bool,
    /// An INVITE may take the place of somebody's leg.
    pub(crate) places_are_taken: bool,
    /// Calls are left alone for long.
    pub(crate) patient: bool,
    silent: bool,
    /// Somebody answers a call that is over.
    answers_cancel: bool,
    rules: BTreeSet<&'static str>,
}

impl Forgiven {
    pub(crate) fn new(world: World) -> Forgiven {
        Forgiven {
            world,
            trouble: false,
            delay: Duration::ZERO,
            unpredictable: false,
            may_leave_calls: matches!(world, World::Garbled | World::Meddling),
            rings: false,
            at_once: false,
            transfers: false,
            passes_refers: false,
            places_are_taken: false,
            patient: false,
            silent: false,
            answers_cancel: false,
            rules: BTreeSet::new(),
        }
    }

    /// Nobody holds this against anybody: something was drawn that provokes it.
    pub(crate) fn rule(&mut self, rule: &'static str) {
        self.rules.insert(rule);
    }

    /// Something broken was drawn, which others see as silence.
    pub(crate) fn broken(&mut self) {
        self.rules.extend(OF_SILENCE);
    }

    /// Somebody is silent where an answer is due.
    pub(crate) fn silence(&mut self) {
        self.silent = true;
    }

    /// Whether everybody does what the RFCs want, so that no call ends but by its phones.
    pub(crate) fn is_well_behaved(&self) -> bool {
        !self.silent && !self.trouble && self.rules.is_empty()
    }

    /// What these habits make others see.
    pub(crate) fn habits(&mut self, habits: &Habits) {
        self.silent |= habits.never_ack || habits.ignore_bye || habits.ignore_cancel || habits.deaf > 3 || habits.leaves_invite_open;
        self.silent |= habits.on_cancel == OnCancel::Nothing || habits.cancel_delay > ms(30_000);
        if habits.timer.as_ref().is_some_and(|timer| timer.lazy) {
            // A session that is not refreshed is ended by the node.
            self.broken();
            self.unpredictable = true;
        }
        self.answers_cancel |= habits.on_cancel == OnCancel::Answer;
        // What was not heard is in no trace.
        self.unpredictable |= habits.deaf > 0;
        if habits.bye_early || !habits.reoffers.is_empty() {
            self.broken();
        }
    }

    /// A callee may say its first word when nobody waits for it any more.
    pub(crate) fn slowness(&mut self, script: &Script) {
        let replies = script.steps.iter().filter(|step| matches!(step.act, Act::Reply(_)));
        self.silent |= replies.map(|step| step.after).min().is_none_or(|first| first > ms(3000));
    }

    /// Before the end.
    pub(crate) fn apply(&mut self, sim: &mut Sim) {
        let demanding = self.world == World::Demanding;
        if self.silent || self.trouble {
            self.broken();
        }
        if demanding {
            // A phone does not look at an offer that comes without credentials, and misses its version.
            self.rule("sdp-version");
        }
        if demanding && (self.silent || self.trouble || self.answers_cancel) {
            // A request that is not answered looks like one with old credentials when it comes again; and the ACK of a 2xx that comes
            // when the call is over has none, as its INVITE is forgotten.
            self.rules.extend(["nonce-count", "credentials"]);
        }
        if self.rings {
            self.rule("answer-changed");
        }
        if self.trouble {
            // A CANCEL that overtook its INVITE is refused; its twin is not. A PRACK that was overtaken by another request is, too.
            self.rules.extend(["second-final", "prack-refused"]);
        }
        if sim.broken_connections() > 0 {
            // An INVITE that went down with its connection is over for who sent it, as if it had got a 503 (RFC 3261 §8.1.3.1), and another
            // may follow; who has it does not know that.
            self.rule("two-offers");
        }
        for phone in PHONES {
            let phone = sim.phone_mut(phone);
            if matches!(self.world, World::Garbled | World::Meddling) {
                // The node answers what it was told, not what was said.
                let said: Vec<&str> = phone.violations().iter().map(|violation| violation.rule).collect();
                for rule in said {
                    phone.forgive(rule);
                }
            }
            for rule in &self.rules {
                phone.forgive(rule);
            }
        }
    }
}
