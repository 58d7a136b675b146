//! Who depends on whom, as `cargo metadata` has it, is what the house allows.

use crate::{
    house::{CLOSED_BELOW, NEVER_BELOW_PURE, ROOMS, Room, TEST_TOOLS},
    metadata::{Kind, Metadata, Package},
    tree::Finding,
};

pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in metadata.members.iter().filter_map(|id| metadata.packages.get(id)) {
        match ROOMS.iter().find(|room| room.name == package.name) {
            Some(room) => findings.extend(check_room(metadata, room, package)),
            None => findings.push(Finding::new(&package.name, 0, "is in no room of the house: add it to xtask/src/house.rs")),
        }
    }
    findings
}

fn check_room(metadata: &Metadata, room: &Room, package: &Package) -> Vec<Finding> {
    let is_ours = |name: &str| ROOMS.iter().any(|room| room.name == name);
    let manifest = format!("{}/Cargo.toml", room.path);
    let mut findings = Vec::new();
    let mut complain = |message: String| findings.push(Finding::new(&manifest, 0, message));
    for name in metadata.direct(package, Kind::Normal) {
        if is_ours(name) && !room.house.contains(&name) {
            complain(format!("{} may not depend on {name}", room.name));
        }
        if room.pure && !is_ours(name) && !room.outside.contains(&name) {
            complain(format!("{} is pure and {name} is not in its list (xtask/src/house.rs)", room.name));
        }
    }
    if !room.pure {
        return findings;
    }
    for name in metadata.direct(package, Kind::Build) {
        complain(format!("{} is pure and needs {name} at build time", room.name));
    }
    for name in metadata.direct(package, Kind::Dev) {
        if !is_ours(name) && !TEST_TOOLS.contains(&name) {
            complain(format!("{} is pure and its tests may not use {name}", room.name));
        }
    }
    for name in metadata.linked(package, &CLOSED_BELOW).into_iter().filter(|name| NEVER_BELOW_PURE.contains(name)) {
        complain(format!("{} is pure and reaches {name}", room.name));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::tests::one_member;

    fn found(name: &str, uses: &[(&str, Option<&str>)], below: &[&str]) -> Vec<String> {
        check(&one_member(name, uses, below)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn what_is_listed_passes() {
        let uses = [("tandem-model", None), ("bytes", None), ("insta", Some("dev")), ("tandem-sim", Some("dev"))];
        assert_eq!(found("tandem-signalling", &uses, &["memchr"]), Vec::<String>::new());
        assert_eq!(found("tandem-runtime", &[("tokio", None), ("tandem-media", None)], &["libc"]), Vec::<String>::new());
    }

    #[test]
    fn a_pure_crate_with_a_dependency_not_listed_is_found() {
        assert_eq!(found("tandem-media", &[("bytes", None)], &[]).len(), 1);
        assert_eq!(found("tandem-media", &[("cc", Some("build"))], &[]).len(), 1);
        assert_eq!(found("tandem-media", &[("tokio", Some("dev"))], &[]).len(), 1);
    }

    #[test]
    fn what_lies_below_a_pure_crate_counts() {
        assert_eq!(found("tandem-policy", &[("regex", None)], &["getrandom"]), ["tandem-policy is pure and reaches getrandom"]);
    }

    #[test]
    fn rooms_know_only_those_they_may() {
        assert_eq!(found("tandem-media", &[("tandem-signalling", None)], &[]), ["tandem-media may not depend on tandem-signalling"]);
        assert_eq!(found("tandem", &[("tandem-signalling", None)], &[]), ["tandem may not depend on tandem-signalling"]);
    }

    #[test]
    fn a_crate_that_nobody_planned_is_found() {
        assert!(found("tandem-extra", &[], &[])[0].contains("in no room"));
    }
}
