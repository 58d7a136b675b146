//! `${NAME}` in strings.

/// `text` with every `${NAME}` replaced by what `env` says. `$${` stands for `${` itself.
pub(crate) fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        let behind = &from[2..];
        if let Some(escaped) = before.strip_suffix('$') {
            out.push_str(escaped);
            out.push_str("${");
            rest = behind;
            continue;
        }
        out.push_str(before);
        let end = behind.find('}').ok_or("`${` has no `}` (write `$${` for the characters themselves)")?;
        let name = &behind[..end];
        if !is_name(name) {
            return Err(format!("`${{{name}}}` does not name an environment variable"));
        }
        out.push_str(&env(name).ok_or_else(|| format!("the environment variable {name} is not set"))?);
        rest = &behind[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
