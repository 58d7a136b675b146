//! Every sample configuration in `config/`, `docker/` and `examples/` loads as it stands.
#![expect(clippy::disallowed_methods, reason = "this test is about files")]

use std::path::{Path, PathBuf};

/// What samples leave to the environment: addresses, passwords and a folder.
fn environment(name: &str) -> Option<String> {
    match name {
        "CERTIFICATES" => Some("certificates".into()),
        name if name.ends_with("_PASSWORD") => Some("secret".into()),
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
