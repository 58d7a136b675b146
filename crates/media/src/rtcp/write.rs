//! Writing RTCP: headers, words, and who we are (RFC 3550 §6.5).

/// Source description.
const SDES: u8 = 202;

/// Characters of a CNAME: 96 random bits in base 64 (RFC 7022 §4.2).
pub(crate) const CNAME_LEN: usize = 16;

/// An SDES packet with one CNAME and the zero octets that end its chunk.
pub(crate) const SDES_LEN: usize = 8 + 2 + CNAME_LEN + 2;

/// The first word of a packet of `len` octets, without padding.
pub(crate) fn begin(bytes: &mut [u8], at: usize, count: u8, kind: u8, len: usize) {
    let words = (len / 4 - 1) as u32;
    write(bytes, at, u32::from(0x80 | count) << 24 | u32::from(kind) << 16 | words);
}

/// One word.
pub(crate) fn write(bytes: &mut [u8], at: usize, word: u32) {
    if let Some(place) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = word.to_be_bytes();
    }
}

/// The name of the source `sender`.
pub(crate) fn description(sender: u32, cname: &[u8; CNAME_LEN]) -> [u8; SDES_LEN] {
    const CNAME: u8 = 1;
    let mut sdes = [0; SDES_LEN];
    begin(&mut sdes, 0, 1, SDES, SDES_LEN);
    write(&mut sdes, 4, sender);
    sdes[8] = CNAME;
    sdes[9] = CNAME_LEN as u8;
    sdes[10..10 + CNAME_LEN].copy_from_slice(cname);
    sdes
}
