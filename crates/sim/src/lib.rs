//! The simulator: virtual clock, seeded network, phones and the core under test.
