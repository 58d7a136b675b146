//! Packets that do not go on as they are: cut and joined, or said again.

use super::{Session, matrix::Pair};
use crate::{
    endpoint::Heard,
    packet::{PacketBuf, Verdict},
    path::{
        relay,
        repack::{self, Way},
        transcode,
    },
    rtp::rewrite::Feeder,
};
use tandem_model::{Codec, Timestamp};

impl Session {
    /// Passes on a packet in a codec that both speak under that number, in packets as long as the listener wants.
    pub(super) fn convert(&mut self, now: Timestamp, pair: Pair, heard: Heard, number: u8, packet: &mut PacketBuf) -> Verdict {
        let (speaker, listener) = pair;
        let name = self.endpoints[speaker].name;
        let listener = &mut self.endpoints[listener];
        let verdict = match repack::way(name, &heard, listener, packet) {
            Way::AsItIs => return relay::rtp(now, name, heard, number, listener, packet),
            Way::SaidAgain(codec) => return self.say_again(now, pair, heard, codec, packet),
            Way::Packed => repack::rtp(now, &heard, number, listener, packet),
        };
        if listener.reports.is_none() {
            self.begin_reports(now);
        }
        verdict
    }

    /// Says a packet in that codec again, as the listener wants to be spoken to.
    pub(super) fn say_again(&mut self, now: Timestamp, pair: Pair, heard: Heard, codec: Codec, packet: &PacketBuf) -> Verdict {
        let (speaker, listener) = pair;
        let name = self.endpoints[speaker].name;
        let listener = &mut self.endpoints[listener];
        // Nor does it leave a gap among others of it that go on as they are.
        listener.outgoing.skip(Feeder::Leg(name), heard.seen);
        let verdict = transcode::rtp(now, name, heard, codec, listener, packet, &mut self.random);
        let figures = listener.voice.as_ref().and_then(|voice| voice.figures());
        if verdict == Verdict::Waits && listener.reports.is_none() {
            self.begin_reports(now);
        }
        self.endpoints[speaker].note_played(figures);
        verdict
    }
}
