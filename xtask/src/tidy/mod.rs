//! The invariants of ARCHITECTURE.md that neither the compiler nor clippy can see, one check a file.

mod dependencies;
mod exceptions;
mod length;
mod links;
mod manifests;
mod purity;
mod sources;
mod unfinished;

use crate::{
    metadata::Metadata,
    tree::{Finding, Tree, project_root},
};
use anyhow::Result;
use exceptions::{Exceptions, Occurrence};
use sources::Sources;

pub(crate) fn run() -> Result<Vec<Finding>> {
    let root = project_root();
    let tree = Tree::read(&root)?;
    let mut findings = check_tree(&tree);
    findings.extend(dependencies::check(&Metadata::read(&root, "Cargo.toml")?));
    findings.sort();
    if findings.is_empty() {
        println!("tidy: {} files", tree.files.len());
    }
    Ok(findings)
}

fn check_tree(tree: &Tree) -> Vec<Finding> {
    let sources = Sources::of(tree);
    let occurrences: Vec<Occurrence> =
        [length::look(&sources), purity::look(&sources), unfinished::look(&sources)].into_iter().flatten().collect();
    let (exceptions, mut findings) = Exceptions::of(tree);
    findings.extend(exceptions.judge(&occurrences));
    findings.extend(unfinished::check(tree, &sources));
    findings.extend(manifests::check(tree));
    findings.extend(links::check(tree));
    findings
}
