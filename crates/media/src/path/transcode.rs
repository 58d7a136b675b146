//! Another codec on the other side: what is heard waits in a buffer, and is said again at a steady pace.

use crate::{
    endpoint::{Heard, Plain},
    packet::{PacketBuf, Verdict},
    voice::Voice,
};
use tandem_model::{Carries, Codec, Random, Timestamp};

/// Takes an RTP packet of sound in `codec` of the leg that the session knows by the name `speaker`, for `listener` to hear.
pub(crate) fn rtp(
    now: Timestamp,
    speaker: u8,
    heard: Heard,
    codec: Codec,
    listener: &mut Plain,
    packet: &PacketBuf,
    random: &mut Random,
) -> Verdict {
    let is_told = listener.rtp_target().is_some() || listener.is_only_deaf();
    let Some(speech) = listener.speech.as_ref().filter(|_| is_told) else {
        // Nobody is to hear it, now or later.
        listener.speak_with(None);
        listener.outgoing.interrupt();
        return Verdict::Consumed;
    };
    let is_noise = heard.rule.carries == Carries::Noise;
    // Noise goes beside whatever is spoken.
    let is_beside = is_noise && listener.voice.as_ref().is_some_and(|voice| voice.speaker() == Some(speaker));
    if !is_beside && !listener.voice.as_ref().is_some_and(|voice| voice.is_of(speaker, codec)) {
        // Rates that Opus does not know are never asked for.
        let voice = Voice::of_peer(speech, speaker, codec, random.next_u64()).ok().map(Box::new);
        listener.speak_with(voice);
    }
    if let Some(voice) = &mut listener.voice {
        voice.listen_for_keys(listener.listens);
        voice.take(now, heard.seen, heard.header.timestamp, is_noise, heard.header.payload_of(packet.bytes()));
    }
    Verdict::Waits
}
