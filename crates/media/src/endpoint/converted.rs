//! What a leg hears in packets of ours, though it speaks the same as who is heard.

use super::plain::Plain;
use crate::{
    path::repack::{Packer, Passes},
    rtp::{rewrite::Feeder, sequence::Seen},
};
use tandem_model::PacketTimes;

impl Plain {
    /// What it hears of another is cut and joined from that packet on.
    #[cold]
    pub(crate) fn pack(&mut self, packer: Packer, from: Seen) {
        if self.voice.as_ref().is_some_and(|voice| voice.speaker() == Some(packer.speaker)) {
            self.speak_with(None);
        }
        self.outgoing.hand_over((Feeder::Leg(packer.speaker), from), (Feeder::Packer(packer.speaker), Packer::FIRST));
        self.packer = Some(Box::new(packer));
        self.settle_passes();
    }

    /// What still was to be cut and joined is heard no more.
    pub(crate) fn stop_packing(&mut self) {
        self.packer = None;
        self.settle_passes();
    }

    /// What that leg says is said to it again from now on, though in the same codec.
    pub(crate) fn say_again(&mut self, speaker: u8) {
        if self.said_again != Some(speaker) {
            self.said_again = Some(speaker);
            self.stop_packing();
        }
    }

    pub(crate) fn is_said_again(&self, speaker: u8) -> bool {
        self.said_again == Some(speaker)
    }

    /// Its packets are ours, and not those of who is heard, though both speak the same.
    pub(crate) fn is_converted(&self) -> bool {
        self.packer.is_some() || self.said_again.is_some()
    }

    pub(super) fn settle_passes(&mut self) {
        let times = self.speech.as_ref().map_or(PacketTimes::ANY, |speech| speech.passed);
        self.passes = if self.is_converted() { Passes::NOTHING } else { Passes::of(times) };
    }
}
