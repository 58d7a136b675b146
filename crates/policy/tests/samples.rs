//! Every sample in `config/` loads as it stands.

use std::path::PathBuf;

#[test]
fn every_sample_loads_as_it_stands() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let mut loaded = 0;
    #[expect(clippy::disallowed_methods, reason = "this test is about files")]
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let result = tandem_policy::load(&text, &path.display().to_string(), &|_| None, Some(20_000));
        assert!(result.is_ok(), "{}", result.unwrap_err());
        loaded += 1;
    }
    assert!(loaded >= 2, "only {loaded} samples found");
}
