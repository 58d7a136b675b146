//! Every crate of the build can be used under a permissive licence.

use crate::{
    metadata::{Metadata, Package},
    spdx::Expression,
    tree::{Finding, project_root},
};
use anyhow::Result;
use std::collections::BTreeMap;

/// Licences that ask for no more than notice. Another one is added here by hand, once somebody has read it.
/// CDLA-Permissive-2.0 is one for data, here the certificate authorities that browsers trust: its text goes with the data, no more.
const PERMISSIVE: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(crate) fn run(manifest: &str) -> Result<Vec<Finding>> {
    let metadata = Metadata::read(&project_root(), manifest)?;
    let findings = check(&metadata);
    if findings.is_empty() {
        println!("licences: {} crates, all permissive: {}", metadata.packages.len(), counts(&metadata));
    }
    Ok(findings)
}

fn check(metadata: &Metadata) -> Vec<Finding> {
    metadata.packages.values().filter_map(|package| Some(Finding::new(&place(package), 0, complaint(package)?))).collect()
}

fn place(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

fn complaint(package: &Package) -> Option<String> {
    let Some(licence) = &package.license else {
        return Some(match &package.license_file {
            Some(file) => format!("names no licence, only the file {file}"),
            None => "names no licence".to_owned(),
        });
    };
    match Expression::parse(licence) {
        Err(error) => Some(format!("has a licence that cannot be read: {error:#}")),
        Ok(expression) if expression.is_met(&|name| PERMISSIVE.contains(&name)) => None,
        Ok(_) => Some(format!("is under {licence}, which is not in the list of permissive licences (xtask/src/licences.rs)")),
    }
}

fn counts(metadata: &Metadata) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for licence in metadata.packages.values().filter_map(|package| package.license.as_deref()) {
        *counts.entry(licence).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(licence, count)| (std::cmp::Reverse(count), licence));
    counts.iter().map(|(licence, count)| format!("{count} × {licence}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(license: Option<&str>, license_file: Option<&str>) -> Vec<String> {
        let package = Package {
            name: "thing".to_owned(),
            version: "0.1.0".to_owned(),
            license: license.map(str::to_owned),
            license_file: license_file.map(str::to_owned),
            uses: Vec::new(),
        };
        let metadata = Metadata { packages: BTreeMap::from([("thing".to_owned(), package)]), ..Metadata::default() };
        check(&metadata).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_permissive_crate_passes() {
        assert_eq!(findings(Some("Unlicense OR MIT"), None), Vec::<String>::new());
    }

    #[test]
    fn a_crate_under_copyleft_is_named() {
        assert_eq!(findings(Some("AGPL-3.0-only"), None).len(), 1);
        assert!(findings(Some("LGPL-2.1-only AND MIT"), None)[0].starts_with("thing 0.1.0: is under LGPL-2.1-only AND MIT"));
    }

    #[test]
    fn a_crate_without_an_expression_is_named() {
        assert!(findings(None, None)[0].contains("names no licence"));
        assert!(findings(None, Some("COPYING"))[0].contains("COPYING"));
        assert!(findings(Some("ask us!"), None)[0].contains("cannot be read"));
    }
}
