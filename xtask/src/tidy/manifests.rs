//! Every crate has the workspace's lints, and every pure crate the bans.

use crate::{
    house::ROOMS,
    tree::{Finding, Tree},
};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: Option<(String, &str)> = None;
    for room in &ROOMS {
        let manifest = format!("{}/Cargo.toml", room.path);
        match tree.files.get(&manifest) {
            None => findings.push(Finding::new(&manifest, 0, "xtask/src/house.rs expects this crate")),
            Some(text) if !has_workspace_lints(text) => {
                findings.push(Finding::new(&manifest, 0, "lacks `[lints]` with `workspace = true`"));
            }
            Some(_) => {}
        }
        let bans = format!("{}/clippy.toml", room.path);
        match (room.pure, tree.files.get(&bans), &first) {
            (true, None, _) => findings.push(Finding::new(&bans, 0, "a pure crate has its bans beside it: copy another's")),
            (true, Some(text), None) => first = Some((bans, text)),
            (true, Some(text), Some((other, same))) if text != same => {
                findings.push(Finding::new(&bans, 0, format!("differs from {other}: the bans are the same for all pure crates")));
            }
            (false, Some(_), _) => findings.push(Finding::new(&bans, 0, "only pure crates have a clippy.toml of their own")),
            _ => {}
        }
    }
    findings
}

fn has_workspace_lints(manifest: &str) -> bool {
    let section = manifest.lines().skip_while(|line| line.trim() != "[lints]").skip(1);
    section.take_while(|line| !line.starts_with('[')).any(|line| line.replace(' ', "") == "workspace=true")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[package]\n\n[lints]\nworkspace = true\n";

    fn house() -> Vec<(String, String)> {
        let mut files = Vec::new();
        for room in &ROOMS {
            files.push((format!("{}/Cargo.toml", room.path), LINTS.to_owned()));
            if room.pure {
                files.push((format!("{}/clippy.toml", room.path), "bans".to_owned()));
            }
        }
        files
    }

    fn found(change: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
        let files: Vec<(String, String)> =
            house().into_iter().filter_map(|(path, text)| change(&path, &text).map(|text| (path, text))).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        check(&Tree::of(&files)).iter().map(|finding| finding.path.clone()).collect()
    }

    #[test]
    fn a_house_in_order_passes() {
        assert_eq!(found(|_, text| Some(text.to_owned())), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_the_lints_is_found() {
        let without =
            |path: &str, text: &str| Some(if path == "crates/media/Cargo.toml" { "[lints]\n".to_owned() } else { text.to_owned() });
        assert_eq!(found(without), ["crates/media/Cargo.toml"]);
    }

    #[test]
    fn bans_that_are_missing_or_differ_are_found() {
        assert_eq!(found(|path, text| (path != "crates/phone/clippy.toml").then(|| text.to_owned())), ["crates/phone/clippy.toml"]);
        let weaker = |path: &str, text: &str| Some(if path == "crates/phone/clippy.toml" { String::new() } else { text.to_owned() });
        assert_eq!(found(weaker), ["crates/phone/clippy.toml"]);
    }
}
