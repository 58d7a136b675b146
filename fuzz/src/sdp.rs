//! A session description.

use tandem_signalling::sdp::{Connection, Description, MAX_MEDIA_LINES, RtcpAddress, RtpMap, Section, Writer};

/// What is read once prints as the same lines, and these print as the same bytes for ever.
pub fn sdp(bytes: &[u8]) {
    let Ok(description) = Description::parse(bytes) else { return };
    assert!(description.media().len() <= MAX_MEDIA_LINES, "{} media", description.media().len());
    ask(description.session());
    for media in description.media() {
        ask(media.section());
        let _ = (media.is_audio(), media.formats().count());
    }
    let once = printed(&description);
    let again = Description::parse(&once);
    assert!(again.is_ok(), "a copy cannot be read: {:?}", again.err());
    let Ok(again) = again else { return };
    assert!(again.session().lines().eq(description.session().lines()), "the session changed");
    assert_eq!(again.media().len(), description.media().len(), "media changed");
    for (one, other) in again.media().iter().zip(description.media()) {
        assert!(one.section().lines().eq(other.section().lines()), "a medium changed");
        assert!(one.formats().eq(other.formats()) && (one.port, one.kind, one.proto) == (other.port, other.kind, other.proto));
    }
    assert_eq!(printed(&again), once, "the second copy differs from the first");
}

pub(crate) fn printed(description: &Description<'_>) -> Vec<u8> {
    let mut writer = Writer::with_capacity(256);
    description.write_to(&mut writer);
    writer.finish()
}

/// Asks for everything that can be asked.
fn ask(section: Section<'_>) {
    let _ = (section.origin(), section.connection(), section.direction(), section.rtp_maps().count());
    let _ = (section.format_parameters(96), section.attribute(b"rtcp").map(RtcpAddress::parse));
    for line in section.lines() {
        let _ = (Connection::parse(line.value), RtpMap::parse(line.value), RtcpAddress::parse(line.value), line.attribute());
    }
}
