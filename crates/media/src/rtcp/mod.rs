//! RTCP (RFC 3550 §6): reading compound packets, and passing them on beside a renumbered stream.
//!
//! A relay that gives a stream its own SSRC, sequence and timestamps must say the same in RTCP, or the peers find
//! reports about streams that they do not know. So reports go on, rewritten in place, and the rest does not:
//!
//! - SR and RR: the sender becomes the outgoing stream, the SR's RTP timestamp and counts move with the stream, and each
//!   report block is turned to name the source, and to count in the numbers, of the leg that it is for. NTP times pass,
//!   so round-trip times span both legs; that of each leg is learnt on the way ([`round_trip`]). A block about anything else is left out.
//! - SDES: replaced by a CNAME of our own (RFC 7022). A phone's CNAME names its user and host, which is nobody's
//!   business on the other side, and must stay the same while the SSRC does.
//! - APP: passes under the new sender.
//! - BYE: left out. The outgoing stream goes on with the next source; its end is told by signalling.
//! - Feedback (RFC 4585), extended reports (RFC 3611) and unknown types: left out. They are not negotiated here, and
//!   they number packets and name sources in ways of their own.

//!
//! Of what we say ourselves (another codec, a tone) the leg gets reports of our own instead, and tells its own to us alone.

pub(crate) mod compound;
pub(crate) mod reports;
pub(crate) mod round_trip;
pub(crate) mod translate;
pub(crate) mod write;
