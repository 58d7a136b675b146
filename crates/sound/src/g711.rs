//! G.711 to and from 16-bit linear samples (ITU-T G.711, in the arithmetic of G.191): codes with the even or all bits inverted
//! as they go over the wire.

/// One µ-law octet.
pub fn mu_law(sample: i16) -> u8 {
    // 14-bit magnitude, in one's complement as the recommendation counts, with the bias of 33 that makes every
    // segment a power of two.
    let magnitude = (if sample < 0 { !sample } else { sample } >> 2).unsigned_abs() + 33;
    let magnitude = magnitude.min(0x1fff);
    let segment = 15 - magnitude.leading_zeros() as u16 - 5;
    let code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0f);
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    sign | (!(code as u8) & 0x7f)
}

/// One A-law octet.
pub fn a_law(sample: i16) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample } >> 4).unsigned_abs();
    let code = match magnitude {
        0..=31 => magnitude,
        _ => {
            let segment = 15 - magnitude.leading_zeros() as u16 - 3;
            (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f)
        }
    };
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    (sign | code as u8) ^ 0x55
}

/// What each µ-law octet stands for.
pub static FROM_MU_LAW: [i16; 256] = tables().0;

/// What each A-law octet stands for.
pub static FROM_A_LAW: [i16; 256] = tables().1;

const fn tables() -> ([i16; 256], [i16; 256]) {
    let (mut mu_law, mut a_law, mut code) = ([0; 256], [0; 256], 0);
    while code < 256 {
        mu_law[code] = from_mu_law(code as u8);
        a_law[code] = from_a_law(code as u8);
        code += 1;
    }
    (mu_law, a_law)
}

/// The middle of the interval that a µ-law octet names (table 2 of the recommendation, times four).
const fn from_mu_law(octet: u8) -> i16 {
    let code = !octet;
    let (segment, step) = (code >> 4 & 7, (code & 15) as i16);
    let magnitude = (((step << 3) + 0x84) << segment) - 0x84;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

/// The same of an A-law octet (table 1, times eight).
const fn from_a_law(octet: u8) -> i16 {
    let code = octet ^ 0x55;
    let (segment, step) = (code >> 4 & 7, (code & 15) as i16);
    let magnitude = if segment == 0 { (step << 4) + 8 } else { ((step << 4) + 0x108) << (segment - 1) };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_keeps_the_precision_of_its_segment() {
        for sample in i16::MIN..=i16::MAX {
            let magnitude = i32::from(sample).abs();
            let error = |heard: i32| (heard - i32::from(sample)).abs();
            assert!(error(from_mu_law(mu_law(sample)).into()) <= (magnitude + 132) / 32 + 4, "{sample}");
            assert!(error(from_a_law(a_law(sample)).into()) <= (magnitude / 32).max(8) + 16, "{sample}");
        }
    }

    #[test]
    fn a_code_survives_being_decoded_and_encoded() {
        for code in 0..=255_u8 {
            assert_eq!(a_law(from_a_law(code)), code);
            // µ-law has two zeros; the negative one is never made from a linear sample.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(mu_law(from_mu_law(code)), expected);
        }
    }

    #[test]
    fn the_codes_of_well_known_samples() {
        assert_eq!([0, -1, i16::MAX, i16::MIN].map(mu_law), [0xff, 0x7f, 0x80, 0x00]);
        assert_eq!([0, -1, i16::MAX, i16::MIN].map(a_law), [0xd5, 0x55, 0xaa, 0x2a]);
    }

    #[test]
    fn all_octets_stand_for_what_ffmpeg_takes_them_for() {
        // `tests/vectors/make` decodes the octets 0 to 255.
        let read = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect::<Vec<_>>();
        assert_eq!(FROM_MU_LAW[..], read(include_bytes!("../tests/vectors/g711/mu_law.pcm"))[..]);
        assert_eq!(FROM_A_LAW[..], read(include_bytes!("../tests/vectors/g711/a_law.pcm"))[..]);
    }
}
