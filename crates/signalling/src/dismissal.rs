//! ACK and BYE for a 2xx that finds no call any more (RFC 3261 §13.2.2.4), made of the 2xx alone: nothing else is left.

use crate::auth::copy_credentials;
use crate::dialog::Dialog;
use crate::message::{Message, Method};
use crate::minted::Minter;
use crate::wire::Transmit;
use bytes::Bytes;
use tandem_model::{Destination, Flow, LegId};

const MAX_FORWARDS: u32 = 70;

/// Branch serials of dismissals: from here on; what legs use themselves is far below.
const FIRST_SERIAL: u16 = 0xc000;

/// ACK and BYE for a 2xx to the INVITE of `leg`, which is gone. Nothing repeats the BYE but the 2xx that comes again. `None` if the
/// 2xx does not say where to. `first`: the ACK of the first 2xx, if that had credentials.
pub(crate) fn dismissal(minter: &Minter, response: &Message, flow: &Flow, leg: LegId, first: Option<&[u8]>) -> Option<Box<[Transmit; 2]>> {
    let cseq = response.cseq().ok()?.number;
    let dialog = Dialog::from_response(response, minter.tag(leg), cseq, "", flow.transport).ok()?;
    let destination = dialog.destination()?;
    let via = response.via().ok()?;
    // What its Contact names beside the host that it came from has no claim to them.
    let is_theirs = matches!(&destination, Destination::Address(address) if address.ip() == flow.remote.ip());
    let first = first.filter(|_| is_theirs).and_then(|first| Message::parse(Bytes::copy_from_slice(first)).ok());
    let serial = serial_of(response.to_tag().unwrap_or_default());
    let request = |method: Method, cseq: u32, serial: u16| {
        let branch = minter.branch(leg, serial);
        let via = ["SIP/2.0/", via.transport, " ", via.sent_by(), ";branch=", branch.as_str(), ";rport"];
        let mut printer = dialog.request(method.as_str(), cseq, &via, MAX_FORWARDS);
        if let Some(first) = first.as_ref().filter(|_| method == Method::Ack) {
            // RFC 3261 §13.2.2.4: the credentials of the INVITE.
            copy_credentials(first, &mut printer);
        }
        let bytes = printer.finish();
        Transmit { listener: flow.listener, destination: destination.clone(), bytes, trial: false }
    };
    Some(Box::new([request(Method::Ack, cseq, serial), request(Method::Bye, cseq.checked_add(1)?, serial + 1)]))
}

/// A serial for each phone: the same again for the same 2xx, so that a BYE that is repeated is a copy of the first, and another for
/// another phone behind the same proxy.
fn serial_of(tag: &str) -> u16 {
    let sum = tag.bytes().fold(0u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    FIRST_SERIAL | (sum & 0x0fff) << 1
}
