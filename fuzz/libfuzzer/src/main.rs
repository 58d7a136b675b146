//! One program for all targets: `TANDEM_FUZZ` names the one that it runs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use tandem_fuzz::{TARGETS, Target};

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("TANDEM_FUZZ").unwrap_or_default();
        let found = TARGETS.iter().find(|(target, _)| *target == name);
        let (_, target) = found.unwrap_or_else(|| panic!("TANDEM_FUZZ={name:?} names no target"));
        let _ = TARGET.set(*target);
    },
    |bytes: &[u8]| {
        if let Some(target) = TARGET.get() {
            target(bytes);
        }
    }
);
