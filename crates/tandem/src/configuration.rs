//! The configuration file, read whole or refused whole.

use crate::certificates::{self, Certificates};
use std::path::Path;
use tandem_config::{Config, Outside, Place, Problems};
use tandem_runtime::{Rules, limits, prompts::PromptStore, tls::TlsSettings};

/// What a file says.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) rules: Rules,
    /// How `[api]` speaks TLS.
    pub(crate) api_tls: Option<TlsSettings>,
    /// What is no mistake, and should be known.
    pub(crate) warnings: Vec<String>,
}

/// Reads and checks `path` and the files that it names, and that this process may open what the configuration needs. Blocks on the files.
///
/// # Errors
/// Every mistake in it, by line; a file that cannot be read is one.
pub(crate) fn load(path: &Path) -> Result<Loaded, Problems> {
    let name = path.display().to_string();
    let whole = |message: String| {
        let mut problems = Problems::new(&name);
        problems.add(Place::WHOLE, message);
        problems
    };
    let text = std::fs::read_to_string(path).map_err(|error| whole(format!("cannot be read: {error}")))?;
    let descriptors = limits::raise_descriptor_limit().map_err(|error| whole(format!("the descriptor limit cannot be raised: {error}")))?;
    let (config, ruleset) = tandem_policy::load_with(&text, &name, outside(), Some(descriptors))?;
    let Certificates { tls, api, warnings } = certificates::load(&config)?;
    check_prompts(&config)?;
    let rules = Rules { tls, ..Rules::new(&config, ruleset, Some(descriptors)) };
    Ok(Loaded { config, rules, api_tls: api, warnings })
}

/// Reads the prompts that routes play. Blocks on them.
fn check_prompts(config: &Config) -> Result<(), Problems> {
    let mut problems = Problems::new(&config.file);
    let store = PromptStore::new(Path::new(&*config.files.prompts));
    for route in &config.routes {
        for name in route.action.value.prompts() {
            if let Err(error) = store.read(name) {
                problems.add(route.action.place, format!("the prompt `{name}` of [[route]] {}: {error}", route.name));
            }
        }
    }
    problems.or(())
}

/// Secrets come from the environment and from files, as seen from the folder that the process runs in.
fn outside() -> Outside<'static> {
    Outside { env: &|variable| std::env::var(variable).ok(), file: &read_secret }
}

/// The longest file with a secret, in bytes: one that is longer is something else.
const MAX_SECRET: u64 = 4096;

fn read_secret(path: &str) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > MAX_SECRET {
        return Err(format!("it is longer than {MAX_SECRET} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}
