//! Keys as tones, in the codec of a leg.

use crate::{
    rtp::header::{FIXED_LEN, Header},
    voice,
};
use tandem_model::{Key, Speech};
use tandem_sound::{
    Encoder,
    keys::Generator,
    opus::{MAX_PACKET, OpusError},
};

/// Milliseconds that a tone takes to die away.
const RAMP_MS: u32 = 3;

/// Says keys, and silence between them.
#[derive(Debug)]
pub(super) struct Tones {
    encoder: Encoder,
    generator: Option<Generator>,
    samples: Box<[i16]>,
    packet: Box<[u8]>,
    payload: u8,
    clock_rate: u32,
    packet_ms: u32,
}

impl Tones {
    /// For a leg that wants to be spoken to so.
    ///
    /// # Errors
    /// A codec that cannot be spoken so.
    pub(super) fn new(speech: &Speech) -> Result<Tones, OpusError> {
        let encoder = voice::encoder(speech, voice::rate_of(speech.codec))?;
        let packet_ms = u32::from(encoder.packet_ms(speech.packet_ms));
        Ok(Tones {
            generator: None,
            samples: vec![0; (encoder.rate_hz() * packet_ms / 1_000) as usize].into(),
            packet: vec![0; FIXED_LEN + MAX_PACKET].into(),
            payload: speech.payload & 0x7f,
            clock_rate: speech.codec.clock_rate(),
            packet_ms,
            encoder,
        })
    }

    /// Milliseconds of sound in a packet.
    pub(super) fn packet_ms(&self) -> u32 {
        self.packet_ms
    }

    /// Ticks of RTP in a second.
    pub(super) fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// That key sounds from now on.
    pub(super) fn press(&mut self, key: Key) {
        self.generator = Some(Generator::new(key, self.encoder.rate_hz()));
    }

    /// Makes the next packet; the key that sounds is let go after so many milliseconds of it. `None` where the codec has nothing to send.
    pub(super) fn say(&mut self, ends_after_ms: Option<u32>) -> Option<Header> {
        match &mut self.generator {
            Some(generator) => {
                let until = ends_after_ms.map(|ms| ms.saturating_sub(RAMP_MS) * self.encoder.rate_hz() / 1_000);
                let until = until.map_or(self.samples.len(), |until| self.samples.len().min(until as usize));
                let (sounds, dies_away) = self.samples.split_at_mut(until);
                generator.fill(sounds);
                if ends_after_ms.is_some() {
                    generator.release();
                    generator.fill(dies_away);
                }
            }
            None => self.samples.fill(0),
        }
        self.generator.take_if(|generator| generator.is_over());
        let payload_len = self.encoder.encode(&self.samples, &mut self.packet[FIXED_LEN..])?;
        Some(Header { marker: false, payload: self.payload, sequence: 0, timestamp: 0, ssrc: 0, payload_len })
    }

    /// The packet that [`Tones::say`] made, with the header that it shall have.
    pub(super) fn packet(&mut self, header: &Header) -> &[u8] {
        let packet = &mut self.packet[..FIXED_LEN + header.payload_len];
        if let Some(fixed) = packet.first_chunk_mut() {
            Header::begin(fixed);
        }
        header.write(packet);
        packet
    }
}
