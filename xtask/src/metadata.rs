//! `cargo metadata`, as far as the checks need it.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

/// The packages of a build and who uses whom.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) packages: BTreeMap<String, Package>,
    /// Ids of the workspace's own packages.
    pub(crate) members: BTreeSet<String>,
}

/// A package, by its id.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) license_file: Option<String>,
    /// Ids of what it is built with, resolved, by the kind of dependency.
    pub(crate) uses: Vec<(Kind, String)>,
}

/// When a dependency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

impl Metadata {
    /// Asks cargo about the workspace of `manifest`, from `root`.
    pub(crate) fn read(root: &Path, manifest: &str) -> Result<Metadata> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked", "--manifest-path", manifest])
            .current_dir(root)
            .output()
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Metadata::parse(&output.stdout)
    }

    pub(crate) fn parse(json: &[u8]) -> Result<Metadata> {
        let value: Value = serde_json::from_slice(json).context("cargo metadata is not JSON")?;
        let mut metadata = Metadata::default();
        for package in list(&value["packages"]) {
            let (id, package) = read_package(package);
            metadata.packages.insert(id, package);
        }
        for node in list(&value["resolve"]["nodes"]) {
            if let Some(package) = metadata.packages.get_mut(&text(&node["id"])) {
                package.uses = list(&node["deps"]).flat_map(read_uses).collect();
            }
        }
        metadata.members = list(&value["workspace_members"]).map(text).collect();
        if metadata.members.is_empty() || metadata.packages.is_empty() {
            bail!("cargo metadata names no package");
        }
        Ok(metadata)
    }

    /// Names of what `package` is built with directly.
    pub(crate) fn direct(&self, package: &Package, kind: Kind) -> BTreeSet<&str> {
        package
            .uses
            .iter()
            .filter(|(of, _)| *of == kind)
            .filter_map(|(_, id)| self.packages.get(id))
            .map(|used| used.name.as_str())
            .collect()
    }

    /// Names of what is linked with `package`, however far down (what runs at build time is not), but not what is below `closed`.
    pub(crate) fn linked(&self, package: &Package, closed: &[&str]) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![package];
        while let Some(next) = waiting.pop() {
            for (_, id) in next.uses.iter().filter(|(kind, _)| *kind == Kind::Normal) {
                if let Some(used) = self.packages.get(id)
                    && seen.insert(used.name.as_str())
                    && !closed.contains(&used.name.as_str())
                {
                    waiting.push(used);
                }
            }
        }
        seen
    }
}

fn read_package(value: &Value) -> (String, Package) {
    let package = Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        license: value["license"].as_str().map(str::to_owned),
        license_file: value["license_file"].as_str().map(str::to_owned),
        uses: Vec::new(),
    };
    (text(&value["id"]), package)
}

/// A dependency that only another platform has is still one: the build must be free of it everywhere.
fn read_uses(value: &Value) -> Vec<(Kind, String)> {
    let kind = |value: &Value| match value["kind"].as_str() {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    };
    list(&value["dep_kinds"]).map(|entry| (kind(entry), text(&value["pkg"]))).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Metadata with one workspace member `name` that uses `uses`, each of which uses `below`.
    pub(crate) fn one_member(name: &str, uses: &[(&str, Option<&str>)], below: &[&str]) -> Metadata {
        let package = |name: &str| format!(r#"{{"id":"{name}","name":"{name}","version":"1.0.0","license":"MIT"}}"#);
        let edge = |name: &str, kind: Option<&str>| {
            let kind = kind.map_or("null".to_owned(), |kind| format!("\"{kind}\""));
            format!(r#"{{"pkg":"{name}","dep_kinds":[{{"kind":{kind}}}]}}"#)
        };
        let node = |name: &str, edges: Vec<String>| format!(r#"{{"id":"{name}","deps":[{}]}}"#, edges.join(","));
        let mut packages = vec![package(name)];
        let mut nodes = vec![node(name, uses.iter().map(|(used, kind)| edge(used, *kind)).collect())];
        for (used, _) in uses {
            packages.push(package(used));
            nodes.push(node(used, below.iter().map(|deep| edge(deep, None)).collect()));
        }
        packages.extend(below.iter().map(|deep| package(deep)));
        let json = format!(
            r#"{{"packages":[{}],"resolve":{{"nodes":[{}]}},"workspace_members":["{name}"]}}"#,
            packages.join(","),
            nodes.join(",")
        );
        Metadata::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn direct_and_linked_dependencies_are_told_apart() {
        let metadata = one_member("tandem-model", &[("serde", None), ("insta", Some("dev"))], &["libc"]);
        let member = &metadata.packages["tandem-model"];
        assert_eq!(metadata.direct(member, Kind::Normal), BTreeSet::from(["serde"]));
        assert_eq!(metadata.direct(member, Kind::Dev), BTreeSet::from(["insta"]));
        assert_eq!(metadata.linked(member, &[]), BTreeSet::from(["serde", "libc"]));
        assert_eq!(metadata.linked(member, &["serde"]), BTreeSet::from(["serde"]));
    }

    #[test]
    fn output_without_packages_is_an_error() {
        assert!(Metadata::parse(b"{}").is_err());
        assert!(Metadata::parse(b"no").is_err());
    }
}
