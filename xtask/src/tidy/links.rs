//! Links between the project's pages lead somewhere.

use crate::tree::{Finding, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md") {
        for (line, target) in links(text) {
            if let Some(complaint) = complaint(tree, path, &target) {
                findings.push(Finding::new(path, line, complaint));
            }
        }
    }
    findings
}

fn complaint(tree: &Tree, page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { Some(page.to_owned()) } else { resolve(page, file) };
    let Some(path) = path.filter(|path| path.is_empty() || tree.paths.binary_search(path).is_ok()) else {
        return Some(format!("links to {target}, which is not there"));
    };
    let text = tree.files.get(&path).filter(|_| path.ends_with(".md"))?;
    let anchor = anchor?;
    (!headings(text).any(|heading| heading == anchor)).then(|| format!("links to #{anchor}, which {path} has no heading for"))
}

/// `target` as seen from `page`, as a path from the root; `None` if it leaves the project.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// `[text](target)` outside code, with its line.
fn links(text: &str) -> impl Iterator<Item = (usize, String)> {
    prose(text).flat_map(|(line, text)| {
        let targets: Vec<(usize, String)> = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(target, _)| (line, target.split_whitespace().next().unwrap_or_default().to_owned()))
            .collect();
        targets
    })
}

/// Lines that are not in a fence, without what stands between backticks.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then(|| (index + 1, line.split('`').step_by(2).collect::<String>()))
    })
}

/// The anchors that GitHub gives to the headings of a page.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let mut fenced = false;
    text.lines().filter_map(move |line| {
        fenced ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        (!fenced && title.len() < line.len() && title.starts_with(' ')).then(|| anchor(title))
    })
}

fn anchor(title: &str) -> String {
    let kept = title.trim().chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let tree = Tree::of(&[("docs/a.md", text), ("docs/b.md", "# Who owns `a` message?\n"), ("README.md", ""), ("config/x.toml", "")]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let text =
            "# Here\n[b](b.md) [r](../README.md) [c](../config/) [o](b.md#who-owns-a-message) [h](#here) [w](https://example.com/x)\n";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        assert_eq!(found("ok\n[c](c.md)\n"), ["docs/a.md:2: links to c.md, which is not there"]);
        assert_eq!(found("[out](../../etc)\n").len(), 1);
        assert_eq!(found("[b](b.md#nothing)\n").len(), 1);
    }

    #[test]
    fn code_has_no_links() {
        assert_eq!(found("`[a](b)`\n```\n[c](d)\n```\n"), Vec::<String>::new());
    }
}
