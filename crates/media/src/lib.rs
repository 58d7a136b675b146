//! RTP and RTCP packets as values: sessions, relay, source latching, statistics.
