//! Opus (RFC 6716) as RTP carries it (RFC 7587), by libopus: always one channel of ours, at the rate that the other side can use.

pub mod frames;

use opus::{Application, Bandwidth, Bitrate, Channels};
use std::fmt;

/// What libopus is told to spend on a frame, of 10: half of what the best costs, and hardly to be told from it.
const COMPLEXITY: i32 = 5;

/// Of a hundred packets, so many are taken to be lost where nothing is known yet and the peer wants to be able to repair.
const LOSS_PERCENT: u8 = 5;

/// The longest packet that an encoder makes: 60 ms at the highest rate.
pub const MAX_PACKET: usize = 1_275 * 3;

/// What a peer says of Opus in its `fmtp`: how it wants to be sent to (RFC 7587 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpusTerms {
    /// The highest rate that it can play, in hertz.
    pub max_playback_hz: u32,
    /// Bits a second at most, on average.
    pub max_average_bitrate: Option<u32>,
    /// It makes use of what each packet can say of the one before.
    pub fec: bool,
    /// It likes not to be sent silence.
    pub dtx: bool,
    /// It wants all packets of one size.
    pub constant: bool,
    /// It would rather have two channels. We have one, which goes as one: who can play two can play that (§3.4).
    pub stereo: bool,
}

impl Default for OpusTerms {
    fn default() -> Self {
        OpusTerms { max_playback_hz: 48_000, max_average_bitrate: None, fec: false, dtx: false, constant: false, stereo: false }
    }
}

impl OpusTerms {
    /// Reads the value of an `a=fmtp` line, without the payload number. What is unknown or out of range counts as not said.
    pub fn read(fmtp: &str) -> OpusTerms {
        let mut terms = OpusTerms::default();
        for (key, value) in fmtp.split(';').filter_map(|pair| pair.split_once('=')) {
            let (value, is_set) = (value.trim(), value.trim() == "1");
            let number = |least: u32, most: u32| value.parse().ok().filter(|number| (least..=most).contains(number));
            match key.trim().to_ascii_lowercase().as_str() {
                "maxplaybackrate" => terms.max_playback_hz = number(8_000, 48_000).unwrap_or(terms.max_playback_hz),
                "maxaveragebitrate" => terms.max_average_bitrate = number(6_000, 510_000),
                "useinbandfec" => terms.fec = is_set,
                "usedtx" => terms.dtx = is_set,
                "cbr" => terms.constant = is_set,
                "stereo" => terms.stereo = is_set,
                _ => {}
            }
        }
        terms
    }

    fn bandwidth(&self) -> Bandwidth {
        match self.max_playback_hz {
            ..12_000 => Bandwidth::Narrowband,
            12_000..16_000 => Bandwidth::Mediumband,
            16_000..24_000 => Bandwidth::Wideband,
            24_000..48_000 => Bandwidth::Superwideband,
            _ => Bandwidth::Fullband,
        }
    }

    /// Bits a second for speech of that rate.
    fn bitrate(&self, rate_hz: u32) -> u32 {
        let wanted = match rate_hz {
            ..16_000 => 24_000,
            16_000..24_000 => 32_000,
            _ => 48_000,
        };
        self.max_average_bitrate.map_or(wanted, |most| most.min(wanted))
    }
}

/// libopus refused, which it does for rates that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Opus cannot be coded so: {0}")]
pub struct OpusError(&'static str);

impl From<opus::Error> for OpusError {
    fn from(error: opus::Error) -> Self {
        OpusError(error.description())
    }
}

/// How long a packet is that shall have `wanted_ms`, in milliseconds: Opus knows 10, 20, 40 and 60.
pub fn packet_ms(wanted_ms: u8) -> u8 {
    match wanted_ms {
        0..20 => 10,
        20..40 => 20,
        40..60 => 40,
        60.. => 60,
    }
}

/// From samples to packets.
pub struct Encoder {
    inner: opus::Encoder,
    rate_hz: u32,
}

impl Encoder {
    /// An encoder for samples at `rate_hz`: 8000, 12 000, 16 000, 24 000 or 48 000.
    ///
    /// # Errors
    /// Another rate.
    pub fn new(rate_hz: u32, terms: &OpusTerms) -> Result<Encoder, OpusError> {
        let mut inner = opus::Encoder::new(rate_hz, Channels::Mono, Application::Voip)?;
        inner.set_complexity(COMPLEXITY)?;
        inner.set_max_bandwidth(terms.bandwidth())?;
        inner.set_bitrate(Bitrate::Bits(terms.bitrate(rate_hz) as i32))?;
        inner.set_vbr(!terms.constant)?;
        inner.set_inband_fec(terms.fec)?;
        inner.set_packet_loss_perc(if terms.fec { LOSS_PERCENT.into() } else { 0 })?;
        inner.set_dtx(terms.dtx)?;
        Ok(Encoder { inner, rate_hz })
    }

    /// The rate of the samples that it takes, in hertz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The next packet needs nothing of those before it.
    pub fn begin_anew(&mut self) {
        // It refuses nothing that this crate can ask of it.
        let _ = self.inner.reset_state();
    }

    /// So many of a hundred packets do not arrive, as the peer reports: with FEC the next ones say more of those before them.
    pub fn expect_loss(&mut self, percent: u8) {
        // It refuses what is no percentage, and nothing else.
        let _ = self.inner.set_packet_loss_perc(percent.min(100).into());
    }

    /// One packet of 10, 20, 40 or 60 ms. How long it is; `None` where the frame has another length, or `packet` no room (see
    /// [`MAX_PACKET`]). With DTX a packet of one or two octets need not be sent (RFC 7587 §3.1.3).
    pub fn encode(&mut self, samples: &[i16], packet: &mut [u8]) -> Option<usize> {
        self.inner.encode(samples, packet).ok()
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("rate_hz", &self.rate_hz).finish_non_exhaustive()
    }
}

/// From packets to samples.
pub struct Decoder {
    inner: opus::Decoder,
    rate_hz: u32,
}

impl Decoder {
    /// A decoder for samples at `rate_hz`: 8000, 12 000, 16 000, 24 000 or 48 000. Two channels become one.
    ///
    /// # Errors
    /// Another rate.
    pub fn new(rate_hz: u32) -> Result<Decoder, OpusError> {
        Ok(Decoder { inner: opus::Decoder::new(rate_hz, Channels::Mono)?, rate_hz })
    }

    /// The rate of the samples that it makes, in hertz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Samples that a packet stands for; `None` if it is none.
    pub fn samples(&self, packet: &[u8]) -> Option<usize> {
        // RFC 6716 §3.4: at least one frame.
        self.inner.get_nb_samples(packet).ok().filter(|samples| !packet.is_empty() && *samples > 0)
    }

    /// How many samples came of a packet; `None` if it is none, or there is no room for them.
    pub fn decode(&mut self, packet: &[u8], samples: &mut [i16]) -> Option<usize> {
        if packet.is_empty() { None } else { self.inner.decode(packet, samples, false).ok() }
    }

    /// Makes up the samples of a packet that is missing from what was heard before. Their number is that of a packet.
    pub fn conceal(&mut self, samples: &mut [i16]) -> Option<usize> {
        self.inner.decode(&[], samples, false).ok()
    }

    /// Takes them from what the packet after it says of it; where it says nothing, they are made up.
    pub fn recover(&mut self, next: &[u8], samples: &mut [i16]) -> Option<usize> {
        if next.is_empty() { self.conceal(samples) } else { self.inner.decode(next, samples, true).ok() }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("rate_hz", &self.rate_hz).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn tone(hz: f64, rate: u32, from: usize, count: usize) -> Vec<i16> {
        (from..from + count).map(|n| (8_000.0 * (TAU * hz * n as f64 / f64::from(rate)).sin()) as i16).collect()
    }

    /// The part of the sound that is that tone, from 0 to 1.
    fn share(samples: &[i16], rate: u32, hz: f64) -> f64 {
        let (mut re, mut im, mut all) = (0.0, 0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let angle = TAU * hz * n as f64 / f64::from(rate);
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
            all += f64::from(*sample).powi(2);
        }
        2.0 * (re * re + im * im) / (samples.len() as f64 * all.max(1.0))
    }

    #[test]
    fn what_a_peer_says() {
        let said = OpusTerms::read("minptime=10; maxplaybackrate=16000 ;maxaveragebitrate=20000;useinbandfec=1;usedtx=1;stereo=0;cbr=1");
        let terms =
            OpusTerms { max_playback_hz: 16_000, max_average_bitrate: Some(20_000), fec: true, dtx: true, constant: true, stereo: false };
        assert_eq!(said, terms);
        assert_eq!(OpusTerms::read("maxplaybackrate=7;maxaveragebitrate=9999999;useinbandfec=yes;;=;x"), OpusTerms::default());
    }

    #[test]
    fn a_tone_is_heard_at_every_rate_and_length() {
        for rate in [8_000, 16_000, 48_000] {
            for ms in [10, 20, 40, 60] {
                let mut encoder = Encoder::new(rate, &OpusTerms::default()).unwrap();
                let mut decoder = Decoder::new(rate).unwrap();
                let frame = rate as usize * ms / 1_000;
                let mut heard = Vec::new();
                for n in 0..600 / ms {
                    let mut packet = [0; MAX_PACKET];
                    let length = encoder.encode(&tone(440.0, rate, n * frame, frame), &mut packet).unwrap();
                    assert_eq!(decoder.samples(&packet[..length]), Some(frame));
                    let mut samples = vec![0; frame];
                    assert_eq!(decoder.decode(&packet[..length], &mut samples), Some(frame));
                    heard.extend(samples);
                }
                let share = share(&heard[heard.len() / 2..], rate, 440.0);
                assert!(share > 0.95, "{rate} Hz, {ms} ms: {share}");
            }
        }
    }

    fn bytes_of_a_second(terms: &OpusTerms, sound: impl Fn(usize) -> Vec<i16>) -> Vec<usize> {
        let mut encoder = Encoder::new(48_000, terms).unwrap();
        (0..50).map(|n| encoder.encode(&sound(n), &mut [0; MAX_PACKET]).unwrap()).collect()
    }

    #[test]
    fn terms_are_kept() {
        let mut random = tandem_model::Random::new(3);
        let noise: Vec<i16> = (0..48_000).map(|_| random.below(20_000) as i16 - 10_000).collect();
        let noise = |n: usize| noise[n * 960..][..960].to_vec();
        let average: usize = bytes_of_a_second(&OpusTerms::read("maxaveragebitrate=12000"), noise).iter().sum();
        assert!((1_200..1_650).contains(&average), "{average} bytes");
        let constant = bytes_of_a_second(&OpusTerms::read("cbr=1"), noise);
        assert!(constant.iter().all(|length| *length == constant[0]));
        let silence = bytes_of_a_second(&OpusTerms::read("usedtx=1"), |_| vec![0; 960]);
        assert!(silence[25..].iter().filter(|length| **length <= 2).count() > 20, "{silence:?}");
        assert!(bytes_of_a_second(&OpusTerms::default(), |_| vec![0; 960]).iter().all(|length| *length > 2));
    }

    #[test]
    fn what_the_peer_cannot_play_is_not_sent() {
        let terms = OpusTerms::read("maxplaybackrate=8000");
        let (mut encoder, mut decoder) = (Encoder::new(48_000, &terms).unwrap(), Decoder::new(48_000).unwrap());
        let mut loudest = 0;
        for n in 0..50 {
            let mut packet = [0; MAX_PACKET];
            let length = encoder.encode(&tone(7_000.0, 48_000, n * 960, 960), &mut packet).unwrap();
            let mut samples = [0; 960];
            decoder.decode(&packet[..length], &mut samples).unwrap();
            loudest = samples.iter().skip(usize::from(n < 5) * 960).map(|sample| sample.unsigned_abs()).fold(loudest, u16::max);
        }
        assert!(loudest < 800, "{loudest}");
    }

    #[test]
    fn the_packet_after_a_lost_one_says_what_was_in_it() {
        let mut encoder = Encoder::new(16_000, &OpusTerms::read("useinbandfec=1")).unwrap();
        encoder.expect_loss(20);
        let sound = |n: usize| tone(300.0 + 40.0 * n as f64, 16_000, n * 320, 320);
        let packets: Vec<Vec<u8>> = (0..30)
            .map(|n| {
                let mut packet = [0; MAX_PACKET];
                let length = encoder.encode(&sound(n), &mut packet).unwrap();
                packet[..length].to_vec()
            })
            .collect();
        let heard = |repair: &dyn Fn(&mut Decoder, &mut [i16])| {
            let mut decoder = Decoder::new(16_000).unwrap();
            let mut samples = [0; 320];
            packets[..20].iter().for_each(|packet| _ = decoder.decode(packet, &mut samples));
            repair(&mut decoder, &mut samples);
            share(&samples, 16_000, 300.0 + 40.0 * 20.0)
        };
        let recovered = heard(&|decoder, samples| assert_eq!(decoder.recover(&packets[21], samples), Some(320)));
        let made_up = heard(&|decoder, samples| assert_eq!(decoder.conceal(samples), Some(320)));
        assert!(recovered > 0.8 && recovered > made_up + 0.2, "{recovered} against {made_up}");
    }

    #[test]
    fn what_is_no_packet_is_said_to_be_none() {
        let mut decoder = Decoder::new(8_000).unwrap();
        let mut random = tandem_model::Random::new(4);
        for length in 0..2_000_usize {
            let packet: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
            let mut samples = [0; 960];
            let (said, made) = (decoder.samples(&packet), decoder.decode(&packet, &mut samples));
            assert!(made.is_none() || made == said, "{length}");
        }
        assert_eq!(decoder.decode(&[], &mut [0; 160]), None);
        assert_eq!(decoder.samples(&[3, 0]), None, "no frame");
        assert!(Encoder::new(44_100, &OpusTerms::default()).is_err());
    }
}
