//! G.711: 8 bits for 14 (µ-law) or 13 (A-law), by the segments of the Recommendation.

/// Linear 16-bit to µ-law.
pub(super) fn encode_mu(sample: i16) -> u8 {
    const BIAS: i32 = 0x84;
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(32_635) + BIAS;
    let exponent = 7 - (magnitude.leading_zeros() - 17).min(7);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !(sign | ((exponent as u8) << 4) | mantissa as u8)
}

/// µ-law to linear 16-bit.
pub(super) fn decode_mu(code: u8) -> i16 {
    let code = !code;
    let magnitude = ((i32::from(code & 0x0f) << 3) + 0x84) << (code >> 4 & 7);
    let value = (magnitude - 0x84) as i16;
    if code & 0x80 == 0 { value } else { -value }
}

/// Linear 16-bit to A-law.
pub(super) fn encode_a(sample: i16) -> u8 {
    let sign = if sample >= 0 { 0x80u8 } else { 0 };
    let magnitude = if sample >= 0 { i32::from(sample) } else { -1 - i32::from(sample) } >> 4;
    let code = if magnitude < 16 {
        magnitude
    } else {
        let exponent = 32 - magnitude.leading_zeros() as i32 - 4;
        (exponent << 4) | ((magnitude >> (exponent - 1)) & 0x0f)
    };
    (sign | code as u8) ^ 0x55
}

/// A-law to linear 16-bit.
pub(super) fn decode_a(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (exponent, mantissa) = (i32::from(code >> 4 & 7), i32::from(code & 0x0f));
    let magnitude = if exponent == 0 { (mantissa << 4) + 8 } else { ((mantissa << 4) + 0x108) << (exponent - 1) };
    if code & 0x80 != 0 { magnitude as i16 } else { -magnitude as i16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back() {
        for code in 0..=255u8 {
            // µ-law has two zeros, which are one sample.
            assert!(encode_mu(decode_mu(code)) == code || decode_mu(code) == 0, "µ-law {code:#x}");
            assert_eq!(encode_a(decode_a(code)), code, "A-law {code:#x}");
        }
    }

    #[test]
    fn known_values() {
        assert_eq!((encode_mu(0), encode_mu(i16::MAX), encode_mu(i16::MIN)), (0xff, 0x80, 0x00));
        assert_eq!((encode_a(0), encode_a(i16::MAX), encode_a(i16::MIN)), (0xd5, 0xaa, 0x2a));
    }
}
