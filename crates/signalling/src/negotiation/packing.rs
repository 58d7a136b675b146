//! How much sound the packets hold that a leg is sent: what it asked for, whatever the other leg was told and sends.

use super::wishes::Wishes;
use tandem_model::PacketTimes;

/// A leg that takes no more than this would take nothing: it is not meant.
const SHORTEST_MS: u16 = 10;

/// Milliseconds of sound in a packet of a leg that asks for none (RFC 3551 §4.2).
const USUAL_MS: u16 = 20;

/// How much sound a packet holds that we make for a leg (RFC 8866 §6.4), in milliseconds; `usual_ms` where it asks for nothing itself.
pub(super) fn packet_ms(wishes: &Wishes, usual_ms: Option<u8>) -> u8 {
    let wanted = wishes.ptime.or(usual_ms.map(u16::from)).unwrap_or(USUAL_MS);
    saturated(wanted.min(wishes.maxptime.unwrap_or(u16::MAX)))
}

/// The same of packets that another leg made. `may_be_said_again`: what cannot be cut.
pub(super) fn passed(wishes: &Wishes, usual_ms: Option<u8>, may_be_said_again: bool) -> PacketTimes {
    let most = wishes.maxptime.filter(|most| *most >= SHORTEST_MS).unwrap_or(u16::MAX);
    let wanted = wishes.ptime.or(usual_ms.map(u16::from)).map(|wanted| wanted.min(most));
    PacketTimes {
        least_ms: saturated(wanted.unwrap_or(0)),
        most_ms: saturated(wanted.unwrap_or(most)),
        frame_ms: if may_be_said_again { saturated(most) } else { u8::MAX },
    }
}

fn saturated(ms: u16) -> u8 {
    u8::try_from(ms).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_sent_what_it_asked_for() {
        let said = |value: u16| Some(value).filter(|value| *value > 0);
        // `ptime`, `maxptime`, and what is usual on the trunk; least, most, longest frame, and what we make.
        for (asked, expected) in [
            ((0, 0, None), (0, 255, 255, 20)),
            ((20, 0, None), (20, 20, 255, 20)),
            ((30, 0, Some(40)), (30, 30, 255, 30)),
            ((0, 0, Some(40)), (40, 40, 255, 40)),
            ((0, 30, Some(40)), (30, 30, 30, 30)),
            ((0, 40, None), (0, 40, 40, 20)),
            ((0, 150, None), (0, 150, 150, 20)),
            ((60, 40, None), (40, 40, 40, 40)),
            ((20, 5, None), (20, 20, 255, 5)),
            ((400, 0, None), (255, 255, 255, 255)),
        ] {
            let (ptime, maxptime, usual_ms) = asked;
            let wishes = Wishes::of_lengths(said(ptime), said(maxptime));
            let PacketTimes { least_ms, most_ms, frame_ms } = passed(&wishes, usual_ms, true);
            assert_eq!((least_ms, most_ms, frame_ms, packet_ms(&wishes, usual_ms)), expected, "{asked:?}");
            assert_eq!(passed(&wishes, usual_ms, false).frame_ms, u8::MAX);
        }
    }
}
