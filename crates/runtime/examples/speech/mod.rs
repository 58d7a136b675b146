//! The speech of the tests in packets, for programs that measure what it costs to handle them.

use crate::talk::Failure;
use std::time::Duration;
use tandem_model::Codec;
use tandem_sound::{Encoder, Resampler, g711::FROM_MU_LAW, opus::OpusTerms};

const SPEECH: &[u8] = include_bytes!("../../../sound/tests/vectors/speech.ulaw");

/// The speech in that codec, 20 ms each.
pub(crate) fn packets(codec: Codec, seconds: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let mut encoder = Encoder::new(codec, 16_000, &OpusTerms::default())?;
    let mut resampler = Resampler::new(8_000, encoder.rate_hz());
    let narrow: Vec<i16> = SPEECH.iter().cycle().take(seconds * 8_000).map(|octet| FROM_MU_LAW[usize::from(*octet)]).collect();
    let mut packets = Vec::new();
    for frame in narrow.chunks_exact(160) {
        let mut samples = vec![0; encoder.rate_hz() as usize / 50];
        resampler.convert(frame, &mut samples);
        let mut payload = [0; 4_000];
        let length = encoder.encode(&samples, &mut payload).ok_or("a frame was not coded")?;
        packets.push(payload[..length].to_vec());
    }
    Ok(packets)
}

/// What this process has used so far.
pub(crate) fn processor_time() -> Result<Duration, Failure> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF)?;
    let time = usage.user_time();
    Ok(Duration::new(time.tv_sec().try_into()?, u32::try_from(time.tv_usec())? * 1_000))
}
