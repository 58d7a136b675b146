//! Why an offer or an answer was not taken, as SIP says it.

use crate::sdp::SdpError;
use std::borrow::Cow;

/// What the peer is told. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SIP status: 400 for what is no session description, 488 for what cannot be done, 491 and 500 for what cannot be
    /// done now, 500 also for our own mistakes.
    pub status: u16,
    /// Warning code and text (RFC 3261 §20.43), without the agent between them. The text needs no escapes.
    pub warning: Option<(u16, Cow<'static, str>)>,
}

impl Refusal {
    const fn not_acceptable(code: u16, text: &'static str) -> Refusal {
        Refusal { status: 488, warning: Some((code, Cow::Borrowed(text))) }
    }

    const fn own_mistake(text: &'static str) -> Refusal {
        Refusal { status: 500, warning: Some((399, Cow::Borrowed(text))) }
    }

    /// Without a Warning.
    pub(super) const fn status(status: u16) -> Refusal {
        Refusal { status, warning: None }
    }

    /// What would answer the call cannot be read.
    pub const NO_PROMPT: Refusal = Refusal::own_mistake("The announcement cannot be played");
    /// No audio, or audio that is switched off.
    pub(super) const NO_AUDIO: Refusal = Refusal::not_acceptable(304, "No audio offered");
    /// Audio over a transport that we do not relay.
    pub(super) const PROTOCOL: Refusal = Refusal::not_acceptable(302, "Only RTP/AVP is accepted");
    /// No codec is left.
    pub(super) const NO_CODEC: Refusal = Refusal::not_acceptable(305, "No common audio codec");
    /// A host name in `c=`.
    pub(super) const HOST_NAME: Refusal = Refusal::not_acceptable(301, "Address in c= must be a literal, not a host name");
    /// IPv6 where our end is IPv4, or the reverse.
    pub(super) const FAMILY: Refusal = Refusal::not_acceptable(301, "Address family in c= does not fit");
    /// A group address.
    pub(super) const MULTICAST: Refusal = Refusal::not_acceptable(330, "Multicast not available");
    /// Neither the session nor the audio has a `c=` line that can be read.
    pub(super) const CONNECTION: Refusal = Refusal::not_acceptable(399, "No readable c= line for the audio");
    /// The answer does not have a line for each line of the offer.
    pub(super) const LINE_COUNT: Refusal = Refusal::not_acceptable(399, "Answer does not match the media lines of the offer");
    /// The answer switches the only medium off.
    pub(super) const AUDIO_REJECTED: Refusal = Refusal::not_acceptable(304, "Audio rejected by the answer");

    /// The answer rejects the fax.
    pub(super) const FAX_REJECTED: Refusal = Refusal::not_acceptable(304, "Fax rejected by the answer");

    /// An offer of ours would need an address of ours.
    pub(super) const NOT_THROUGH_US: Refusal = Refusal::not_acceptable(399, "Media does not pass here, so no offer can be made");
    /// A leg of an anchored call without its ports.
    pub(super) const NO_ENDPOINT: Refusal = Refusal::own_mistake("Media endpoint not open");
    /// The answer belongs to an offer that another one replaced.
    pub(super) const SUPERSEDED: Refusal = Refusal::own_mistake("Offer was superseded");

    /// The same for an answer: whoever offered did nothing wrong, so it is 488 in any case.
    pub fn of_answer(mut self) -> Refusal {
        if self.status == 400 {
            self.status = 488;
        }
        self
    }
}

impl From<SdpError> for Refusal {
    fn from(error: SdpError) -> Refusal {
        Refusal { status: 400, warning: Some((399, Cow::Owned(error.to_string()))) }
    }
}
