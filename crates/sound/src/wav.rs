//! WAV files as bytes: read whole, written piece by piece. Who opens them is elsewhere.

use std::fmt;

/// What is read of a file at most: an hour at 48 kHz in two channels.
pub const MAX_BYTES: usize = 48_000 * 2 * 2 * 3_600;

/// Bytes before the first sample of a file that [`header`] begins.
pub const HEADER: usize = 44;

/// The most bytes of sound that one file can name.
pub const MAX_SOUND: u32 = u32::MAX - HEADER as u32 - 1;

/// A file that was read: one channel, whatever it had.
#[derive(Clone, PartialEq, Eq)]
pub struct Wav {
    /// Samples a second.
    pub rate_hz: u32,
    /// The samples.
    pub samples: Box<[i16]>,
}

impl fmt::Debug for Wav {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wav({} samples at {} Hz)", self.samples.len(), self.rate_hz)
    }
}

/// Why a file cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// It does not begin as one.
    #[error("it is no WAV file: it does not begin with RIFF and WAVE")]
    NoWav,
    /// A part that it must have is missing, or comes after the sound.
    #[error("it has no `{0}` part where one is needed")]
    Missing(&'static str),
    /// It ends too early to say what it is.
    #[error("it ends in the middle of its description")]
    Short,
    /// Its samples are of a kind that is not read.
    #[error(
        "its samples are of format {format} with {bits} bits; PCM of 8, 16, 24 or 32 bits, floats of 32 and both kinds of G.711 are read"
    )]
    Format {
        /// The number that WAV has for it.
        format: u16,
        /// Bits of one sample.
        bits: u16,
    },
    /// Its rate or its number of channels is none that anybody records with.
    #[error("it has {channels} channels at {rate_hz} Hz; 1 to 8 at 4000 to 192000 Hz are read")]
    Shape {
        /// Channels.
        channels: u16,
        /// Samples a second of each.
        rate_hz: u32,
    },
    /// It is longer than what is kept in memory.
    #[error("it has more than {MAX_BYTES} bytes")]
    Long,
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
/// The format stands in the first octets of what follows.
const EXTENSIBLE: u16 = 0xfffe;

/// How the samples lie.
struct Layout {
    format: u16,
    channels: u16,
    rate_hz: u32,
    bits: u16,
}

/// Reads a file. Its channels are averaged. This allocates.
///
/// # Errors
/// Why it cannot be played.
pub fn read(bytes: &[u8]) -> Result<Wav, WavError> {
    if bytes.len() > MAX_BYTES {
        return Err(WavError::Long);
    }
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NoWav);
    }
    let mut layout = None;
    let mut rest = &bytes[12..];
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let (id, length) = (&head[..4], u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize);
        // The sound may be said to be longer than it is: whoever wrote it stopped at once, or did not know.
        let part = &after[..length.min(after.len())];
        match id {
            b"fmt " => layout = Some(Layout::read(part)?),
            b"data" => {
                let layout = layout.ok_or(WavError::Missing("fmt "))?;
                return Ok(Wav { rate_hz: layout.rate_hz, samples: layout.samples(part)? });
            }
            _ => {}
        }
        // Parts begin at even places.
        rest = after.get(length.saturating_add(length % 2)..).unwrap_or(&[]);
    }
    Err(WavError::Missing(if layout.is_some() { "data" } else { "fmt " }))
}

impl Layout {
    fn read(part: &[u8]) -> Result<Layout, WavError> {
        let u16_at = |at: usize| part.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]])).ok_or(WavError::Short);
        let rate_hz = u32::from(u16_at(4)?) | u32::from(u16_at(6)?) << 16;
        let (said, channels, bits) = (u16_at(0)?, u16_at(2)?, u16_at(14)?);
        let format = if said == EXTENSIBLE { u16_at(24)? } else { said };
        if !(1..=8).contains(&channels) || !(4_000..=192_000).contains(&rate_hz) {
            return Err(WavError::Shape { channels, rate_hz });
        }
        Ok(Layout { format, channels, rate_hz, bits })
    }

    fn samples(&self, bytes: &[u8]) -> Result<Box<[i16]>, WavError> {
        let sample: fn(&[u8]) -> i16 = match (self.format, self.bits) {
            (PCM, 8) => |bytes| (i16::from(bytes[0]) - 128) << 8,
            // The upper two octets of whatever there are.
            (PCM, 16 | 24 | 32) => |bytes| i16::from_le_bytes([bytes[bytes.len() - 2], bytes[bytes.len() - 1]]),
            (FLOAT, 32) => |bytes| (f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) * 32_767.0) as i16,
            (A_LAW, 8) => |bytes| crate::g711::FROM_A_LAW[usize::from(bytes[0])],
            (MU_LAW, 8) => |bytes| crate::g711::FROM_MU_LAW[usize::from(bytes[0])],
            (format, bits) => return Err(WavError::Format { format, bits }),
        };
        let width = usize::from(self.bits / 8);
        let channels = i32::from(self.channels);
        let average = |frame: &[u8]| (frame.chunks_exact(width).map(|bytes| i32::from(sample(bytes))).sum::<i32>() / channels) as i16;
        Ok(bytes.chunks_exact(width * usize::from(self.channels)).map(average).collect())
    }
}

/// What a file begins with that has `sound` bytes of 16-bit samples, at most [`MAX_SOUND`]. A file that is still being written says how
/// long it is by now: written over now and then, it can be played whenever the writer stops.
pub fn header(rate_hz: u32, channels: u16, sound: u32) -> [u8; HEADER] {
    let (mut bytes, frame) = ([0; HEADER], channels * 2);
    let parts: [(usize, &[u8]); 11] = [
        (0, b"RIFF"),
        (4, &(sound.min(MAX_SOUND) + HEADER as u32 - 8).to_le_bytes()),
        (8, b"WAVEfmt "),
        (16, &16_u32.to_le_bytes()),
        (20, &PCM.to_le_bytes()),
        (22, &channels.to_le_bytes()),
        (24, &rate_hz.to_le_bytes()),
        (28, &(rate_hz * u32::from(frame)).to_le_bytes()),
        (32, &frame.to_le_bytes()),
        (34, &[16, 0, b'd', b'a', b't', b'a']),
        (40, &sound.min(MAX_SOUND).to_le_bytes()),
    ];
    for (at, part) in parts {
        bytes[at..at + part.len()].copy_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(format: u16, channels: u16, rate: u32, bits: u16, sound: &[u8]) -> Vec<u8> {
        let mut bytes = header(rate, channels, sound.len() as u32).to_vec();
        bytes[20..22].copy_from_slice(&format.to_le_bytes());
        bytes[34..36].copy_from_slice(&bits.to_le_bytes());
        bytes.extend_from_slice(sound);
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        let samples = [0_i16, 1, -1, 32_767, -32_768, 1_234];
        let sound: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let wav = read(&file(PCM, 1, 44_100, 16, &sound)).unwrap();
        assert_eq!((wav.rate_hz, &*wav.samples), (44_100, &samples[..]));
        let both = read(&file(PCM, 2, 8_000, 16, &sound)).unwrap();
        assert_eq!(*both.samples, [0, 16_383, (-32_768 + 1_234) / 2]);
    }

    #[test]
    fn kinds_of_samples() {
        let one = |format, bits, sound: &[u8]| read(&file(format, 1, 8_000, bits, sound)).unwrap().samples;
        assert_eq!(*one(PCM, 8, &[128, 255, 0]), [0, 127 << 8, -32_768]);
        assert_eq!(*one(PCM, 24, &[9, 0, 1, 9, 0xff, 0xff]), [256, -1]);
        assert_eq!(*one(PCM, 32, &[9, 9, 0, 1]), [256]);
        assert_eq!(*one(FLOAT, 32, &0.5_f32.to_le_bytes()), [16_383]);
        assert_eq!(*one(FLOAT, 32, &f32::NAN.to_le_bytes()), [0]);
        assert_eq!(*one(MU_LAW, 8, &[0xff, 0x00]), [0, -32_124]);
        assert_eq!(*one(A_LAW, 8, &[0xd5]), [8]);
        let mut extensible = header(8_000, 1, 2)[..36].to_vec();
        extensible[16..22].copy_from_slice(&[40, 0, 0, 0, 0xfe, 0xff]);
        extensible.extend_from_slice(&[22, 0, 16, 0, 4, 0, 0, 0, 1, 0]);
        extensible.extend_from_slice(&[0; 14]);
        extensible.extend_from_slice(b"data\x02\0\0\0\x07\0");
        assert_eq!(*read(&extensible).unwrap().samples, [7]);
    }

    #[test]
    fn parts_that_nobody_knows_are_passed_over() {
        let whole = file(PCM, 1, 8_000, 16, &[5, 0]);
        let mut with = whole[..12].to_vec();
        with.extend_from_slice(b"LIST\x03\0\0\0abc\0");
        with.extend_from_slice(&whole[12..]);
        assert_eq!(*read(&with).unwrap().samples, [5]);
    }

    #[test]
    fn one_whose_writer_died_is_read_as_far_as_it_goes() {
        let mut cut = file(PCM, 1, 8_000, 16, &[5, 0, 6, 0, 7, 0]);
        cut.truncate(HEADER + 5);
        assert_eq!(*read(&cut).unwrap().samples, [5, 6]);
        let mut unsaid = file(PCM, 1, 8_000, 16, &[5, 0, 6, 0]);
        unsaid[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(*read(&unsaid).unwrap().samples, [5, 6]);
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        let of = |bytes: &[u8]| read(bytes).unwrap_err();
        assert_eq!(of(b""), WavError::NoWav);
        assert_eq!(of(b"RIFF\0\0\0\0WAVE"), WavError::Missing("fmt "));
        assert_eq!(of(b"RIFF\0\0\0\0WAVEdata\x02\0\0\0\0\0"), WavError::Missing("fmt "));
        assert_eq!(of(b"RIFF\0\0\0\0WAVEfmt \x04\0\0\0\x01\0\x01\0"), WavError::Short);
        assert_eq!(of(&file(PCM, 1, 8_000, 16, &[])[..36]), WavError::Missing("data"));
        assert_eq!(of(&file(2, 1, 8_000, 4, &[])), WavError::Format { format: 2, bits: 4 });
        assert_eq!(of(&file(PCM, 0, 8_000, 16, &[])), WavError::Shape { channels: 0, rate_hz: 8_000 });
        assert_eq!(of(&file(PCM, 1, 0, 16, &[])), WavError::Shape { channels: 1, rate_hz: 0 });
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_do_harm(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), is_begun: bool) {
            if is_begun && bytes.len() >= 40 {
                bytes[..20].copy_from_slice(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0");
            }
            let _ = read(&bytes);
        }
    }
}
