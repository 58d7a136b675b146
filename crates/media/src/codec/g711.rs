//! G.711 from 16-bit linear samples (ITU-T G.711, in the arithmetic of G.191): codes with the even or all bits inverted
//! as they go over the wire.

/// One µ-law octet.
pub(crate) fn mu_law(sample: i16) -> u8 {
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
pub(crate) fn a_law(sample: i16) -> u8 {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a receiver makes of a µ-law octet (the decoder of RFC 3551's day, written from the recommendation's tables).
    fn from_mu_law(code: u8) -> i32 {
        let code = !code;
        let (segment, step) = (u32::from(code >> 4 & 7), i32::from(code & 15));
        let magnitude = (((step << 3) + 0x84) << segment) - 0x84;
        if code & 0x80 != 0 { -magnitude } else { magnitude }
    }

    fn from_a_law(code: u8) -> i32 {
        let code = code ^ 0x55;
        let (segment, step) = (u32::from(code >> 4 & 7), i32::from(code & 15));
        let magnitude = if segment == 0 { (step << 4) + 8 } else { ((step << 4) + 0x108) << (segment - 1) };
        if code & 0x80 != 0 { magnitude } else { -magnitude }
    }

    #[test]
    fn every_sample_keeps_the_precision_of_its_segment() {
        for sample in i16::MIN..=i16::MAX {
            let magnitude = i32::from(sample).abs();
            let error = |heard: i32| (heard - i32::from(sample)).abs();
            assert!(error(from_mu_law(mu_law(sample))) <= (magnitude + 132) / 32 + 4, "{sample}");
            assert!(error(from_a_law(a_law(sample))) <= (magnitude / 32).max(8) + 16, "{sample}");
        }
    }

    #[test]
    fn a_code_survives_being_decoded_and_encoded() {
        for code in 0..=255_u8 {
            assert_eq!(a_law(from_a_law(code) as i16), code);
            // µ-law has two zeros; the negative one is never made from a linear sample.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(mu_law(from_mu_law(code) as i16), expected);
        }
    }

    #[test]
    fn the_codes_of_well_known_samples() {
        assert_eq!([0, -1, i16::MAX, i16::MIN].map(mu_law), [0xff, 0x7f, 0x80, 0x00]);
        assert_eq!([0, -1, i16::MAX, i16::MIN].map(a_law), [0xd5, 0x55, 0xaa, 0x2a]);
    }
}
