//! `tandem check`: every mistake of a configuration at once.

use crate::{
    BAD_INPUT, OK, answer, cli,
    configuration::{self, Loaded},
    tell,
};
use tandem_config::Config;
use tandem_runtime::Rules;

/// Reads the file and says what is wrong with it.
pub(crate) fn check(options: &cli::Check) -> anyhow::Result<u8> {
    match configuration::load(&options.config) {
        Ok(Loaded { config, rules, warnings, .. }) => {
            warnings.iter().for_each(|warning| tell(format_args!("warning: {warning}")));
            answer(praise(&config, &rules))?;
            Ok(OK)
        }
        Err(problems) => {
            tell(&problems);
            Ok(BAD_INPUT)
        }
    }
}

/// `edge.toml: good: 1 listener, 2 trunks, 1 route; takes at most 26 calls at a time and 12 new calls a second`
fn praise(config: &Config, rules: &Rules) -> String {
    let listeners = counted(config.listeners.len(), "listener");
    let (trunks, routes) = (counted(config.trunks.len(), "trunk"), counted(config.routes.len(), "route"));
    let (calls, new_calls) = (counted(rules.max_calls as usize, "call"), counted(rules.max_cps as usize, "new call"));
    format!("{}: good: {listeners}, {trunks}, {routes}; takes at most {calls} at a time and {new_calls} a second", config.file)
}

fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "\
[[listen]]
name = 'inside'
bind = '127.0.0.1:5060'
[[media]]
name = 'inside'
bind = '127.0.0.1'
ports = '20000-20199'
[[trunk]]
name = 'pbx'
match = { sources = ['127.0.0.2'] }
targets = [{ uri = 'sip:127.0.0.2' }]
[[route]]
do = { bridge = ['trunk:pbx'] }
";

    fn praised(text: &str) -> String {
        let (config, ruleset) = tandem_policy::load(text, "edge.toml", &|_| None, None).expect("it loads");
        let rules = Rules::new(&config, ruleset, None);
        praise(&config, &rules)
    }

    #[test]
    fn a_small_port_range_is_good_and_says_what_it_carries() {
        assert_eq!(
            praised(SMALL),
            "edge.toml: good: 1 listener, 1 trunk, 1 route; takes at most 26 calls at a time and 12 new calls a second"
        );
    }

    #[test]
    fn one_is_not_several() {
        let text = format!("[calls]\nmax = 1\nmax_cps = 1\n{SMALL}[[route]]\ndo = {{ reject = 404 }}\nto = '^1'\n");
        let text = text.replace("[[route]]\ndo = { bridge", "[[route]]\nto = '^2'\ndo = { bridge");
        assert_eq!(
            praised(&text),
            "edge.toml: good: 1 listener, 1 trunk, 2 routes; takes at most 1 call at a time and 1 new call a second"
        );
    }
}
