//! A scripted SIP phone, written apart from the signalling crate: a second opinion for simulator, demo and benches.
