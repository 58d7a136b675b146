//! Every sample configuration in `config/`, `docker/` and `examples/` loads as it stands.
#![expect(clippy::disallowed_methods, reason = "this test is about files")]

use std::path::{Path, PathBuf};
use tandem_model::{Decision, Origin, Question, Route};
use tandem_policy::Ruleset;

/// What samples leave to the environment: addresses, passwords and a folder.
fn environment(name: &str) -> Option<String> {
    match name {
        "CERTIFICATES" => Some("certificates".into()),
        name if name.ends_with("_PASSWORD") || name.ends_with("_SECRET") => Some("a secret that is long".into()),
        name if name.ends_with("_KEY") => Some("0123456789abcdef0123456789abcdef".into()),
        name => name.ends_with("_ADDRESS").then(|| format!("192.0.2.{}", name.len())),
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("the folder can be read").path()).collect()
}

#[test]
fn every_sample_loads_as_it_stands() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = files_in(&root.join("examples")).into_iter().filter(|path| path.is_dir());
    let mut loaded = Vec::new();
    for folder in [root.join("config"), root.join("docker")].into_iter().chain(examples) {
        for path in files_in(&folder).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
            let text = std::fs::read_to_string(&path).unwrap();
            let result = tandem_policy::load(&text, &path.display().to_string(), &environment, Some(20_000));
            assert!(result.is_ok(), "{}", result.unwrap_err());
            loaded.push(path);
        }
    }
    assert!(loaded.len() >= 7, "only {loaded:?} found");
}

fn sample(name: &str) -> Ruleset {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config").join(name);
    let text = std::fs::read_to_string(&path).expect("the sample can be read");
    tandem_policy::load(&text, name, &environment, Some(20_000)).expect("the sample loads").1
}

#[test]
fn whom_the_samples_have_routes_for_may_be_called_by_whom_they_are_for() {
    let phones =
        [("alice", "bob"), ("alice", "101"), ("bob", "alice"), ("bob", "100"), ("bob", "0"), ("bob", "+4930123456"), ("alice", "0")];
    let rules = sample("phones.toml");
    for (caller, called) in phones {
        let origin = Origin::User { name: caller.into() };
        let call = Route { origin, called: called.into(), uri: "sip:1@a".into(), caller: None, trail: None, headers: Box::default() };
        // Nobody has registered, which is 480.
        let decision = crate::common::ask(&rules, &Question::Route(call));
        let is_through = matches!(decision, Decision::Route { .. } | Decision::Reject { status: 480, .. });
        assert!(is_through, "{caller} calls {called}: {decision:?}");
    }
    let rules = sample("pbx-trunk.toml");
    let trunks = [("pbx", "112"), ("pbx", "+4930123456"), ("pbx", "80"), ("pbx", "700"), ("carrier", "+493055512")];
    for (caller, called) in trunks {
        let decision = crate::common::ask(&rules, &crate::common::call(&rules, caller, called));
        assert!(matches!(decision, Decision::Route { .. }), "{caller} calls {called}: {decision:?}");
    }
}
