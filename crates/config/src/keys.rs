//! Every key there is, section by section: those that are read, and those that are planned and answered with "not built
//! yet" so that nobody believes they work.

/// The keys of one table.
pub(crate) struct Keys {
    /// How messages call the table.
    pub(crate) title: &'static str,
    /// Keys that are read.
    pub(crate) built: &'static [&'static str],
    /// Keys that a later version reads.
    pub(crate) later: &'static [&'static str],
}

pub(crate) const ROOT: Keys = Keys {
    title: "the configuration",
    built: &[
        "node",
        "log",
        "listen",
        "media",
        "calls",
        "files",
        "abuse",
        "webhooks",
        "registrar",
        "api",
        "webex",
        "trunk",
        "user",
        "route",
    ],
    later: &["token"],
};

pub(crate) const NODE: Keys = Keys {
    title: "[node]",
    built: &["name", "domain", "dns", "drain_timeout", "dump_dir", "flight_recorder", "store", "journal_dir", "keep_records"],
    later: &[],
};

pub(crate) const LOG: Keys = Keys { title: "[log]", built: &["format", "level"], later: &[] };

pub(crate) const LISTEN: Keys = Keys {
    title: "[[listen]]",
    built: &["name", "transport", "bind", "advertise", "silent", "cert", "key", "client_ca", "ca", "tls_min", "ciphers"],
    later: &[],
};

pub(crate) const MEDIA: Keys = Keys { title: "[[media]]", built: &["name", "bind", "advertise", "ports", "dscp"], later: &[] };

pub(crate) const CALLS: Keys =
    Keys { title: "[calls]", built: &["max", "max_cps", "max_duration", "inactivity_timeout", "hold_timeout", "shards"], later: &[] };

pub(crate) const FILES: Keys = Keys { title: "[files]", built: &["recordings", "prompts"], later: &[] };

pub(crate) const ABUSE: Keys = Keys { title: "[abuse]", built: &["answers", "offences", "ban", "allow"], later: &[] };

pub(crate) const API: Keys =
    Keys { title: "[api]", built: &["bind", "keys", "tls", "cors", "rate", "connections", "body", "webhook", "opentok"], later: &[] };

pub(crate) const API_KEY: Keys = Keys { title: "a key of `keys`", built: &["name", "key", "scopes"], later: &[] };

pub(crate) const OPENTOK: Keys = Keys { title: "a project of `opentok`", built: &["key", "secret", "trunk"], later: &[] };

pub(crate) const API_TLS: Keys = Keys { title: "`tls`", built: &["cert", "key"], later: &[] };

pub(crate) const WEBHOOK: Keys = Keys { title: "`webhook`", built: &["url", "secret"], later: &[] };

pub(crate) const WEBHOOKS: Keys = Keys { title: "[webhooks]", built: &["allow"], later: &[] };

pub(crate) const WEBEX: Keys = Keys {
    title: "[webex]",
    built: &["trunk", "endpoint_trunk", "from", "base", "open", "may_call", "load_timeout", "bridge_timeout"],
    later: &[],
};

pub(crate) const TRUNK: Keys = Keys {
    title: "[[trunk]]",
    built: &[
        "name",
        "targets",
        "proxy",
        "match",
        "listen",
        "media",
        "nat",
        "called_from",
        "caller_id",
        "caller",
        "privacy",
        "diversion",
        "history_info",
        "from_domain",
        "codecs",
        "t38",
        "transcode",
        "dtmf",
        "ptime",
        "prack",
        "trying_timeout",
        "ring_timeout",
        "failover",
        "redirect",
        "refer",
        "replaces",
        "limits",
        "may_call",
        "minutes_per_hour",
        "headers_in",
        "headers_out",
        "numbers_in",
        "numbers_out",
        "session_timer",
        "login",
        "challenge",
        "register",
        "ping",
    ],
    later: &["stir", "srtp", "keying", "ice"],
};

pub(crate) const USER: Keys = Keys {
    title: "[[user]]",
    built: &[
        "name",
        "password",
        "number",
        "media",
        "nat",
        "codecs",
        "t38",
        "transcode",
        "dtmf",
        "ptime",
        "prack",
        "trying_timeout",
        "ring_timeout",
        "refer",
        "replaces",
        "session_timer",
        "privacy",
        "headers_in",
        "limits",
        "may_call",
        "minutes_per_hour",
    ],
    later: &["jwt", "srtp", "keying", "ice"],
};

pub(crate) const REGISTRAR: Keys = Keys {
    title: "[registrar]",
    built: &["expires", "min_expires", "max_expires", "contacts", "bindings", "flow_timer", "algorithms"],
    later: &[],
};

pub(crate) const TARGET: Keys = Keys { title: "a target", built: &["uri", "priority", "weight"], later: &[] };

pub(crate) const MATCH: Keys = Keys { title: "`match`", built: &["sources", "listen", "domain", "to", "tls_name"], later: &[] };

pub(crate) const LIMITS: Keys = Keys { title: "`limits`", built: &["calls", "cps", "status"], later: &[] };

pub(crate) const CALLER: Keys = Keys { title: "`caller`", built: &["number", "name"], later: &[] };

pub(crate) const NUMBER: Keys = Keys { title: "a rule for numbers", built: &["of", "match", "to"], later: &[] };

pub(crate) const HEADERS: Keys = Keys { title: "rules for headers", built: &["set", "pass", "remove"], later: &[] };

pub(crate) const SESSION_TIMER: Keys = Keys { title: "`session_timer`", built: &["expires", "min", "refresher"], later: &[] };

pub(crate) const LOGIN: Keys = Keys { title: "`login`", built: &["username", "password", "realm"], later: &[] };

pub(crate) const CHALLENGE: Keys = Keys { title: "`challenge`", built: &["username", "password", "realm", "algorithms"], later: &[] };

pub(crate) const REGISTER: Keys = Keys { title: "`register`", built: &["uri", "expires", "bulk"], later: &[] };

pub(crate) const PING: Keys = Keys { title: "`ping`", built: &["every", "down_after"], later: &[] };

pub(crate) const SECRET: Keys = Keys { title: "a secret", built: &["file"], later: &[] };

pub(crate) const ROUTE: Keys =
    Keys { title: "[[route]]", built: &["name", "from", "to", "do", "anchor", "limits", "emergency", "record"], later: &[] };

pub(crate) const DO: Keys = Keys {
    title: "`do`",
    built: &[
        "bridge",
        "ring",
        "strategy",
        "timeout",
        "target_timeout",
        "ends_on_6xx",
        "hears",
        "picks_up",
        "ringback",
        "answer",
        "announce",
        "times",
        "reject",
        "reason",
        "ask",
        "secret",
        "default",
    ],
    later: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&Keys; 32] = [
        &ROOT,
        &NODE,
        &LOG,
        &LISTEN,
        &MEDIA,
        &CALLS,
        &FILES,
        &ABUSE,
        &API,
        &API_KEY,
        &API_TLS,
        &WEBHOOK,
        &OPENTOK,
        &WEBHOOKS,
        &WEBEX,
        &TRUNK,
        &USER,
        &REGISTRAR,
        &TARGET,
        &MATCH,
        &LIMITS,
        &CALLER,
        &NUMBER,
        &HEADERS,
        &SESSION_TIMER,
        &LOGIN,
        &CHALLENGE,
        &REGISTER,
        &PING,
        &SECRET,
        &ROUTE,
        &DO,
    ];

    #[test]
    fn the_documentation_names_every_key() {
        let text = include_str!("../../../docs/configuration.md");
        let (built, later) = text.split_once("## Not built yet").unwrap();
        for keys in ALL {
            for key in keys.built {
                let is_named = [format!("`{key}`"), format!("[{key}]"), format!("{key} = ")].iter().any(|form| built.contains(form));
                assert!(is_named, "`{key}` of {} is not in docs/configuration.md", keys.title);
            }
            for key in keys.later {
                let is_named = later.contains(&format!("`{key}`")) || later.contains(&format!("[{key}]"));
                assert!(is_named, "`{key}` of {} is not listed as not built yet in docs/configuration.md", keys.title);
            }
        }
    }

    /// What stands in the sections of that name; all there is for what is written inside of others.
    fn sections(samples: &str, title: &str) -> String {
        if !title.starts_with('[') {
            return samples.to_owned();
        }
        let parts = samples.split("\n[").filter_map(|part| part.strip_prefix(&title[1..]));
        parts.collect()
    }

    #[test]
    fn the_samples_show_every_key() {
        let samples = [
            include_str!("../../../config/pbx-trunk.toml"),
            include_str!("../../../config/tls-trunk.toml"),
            include_str!("../../../config/phones.toml"),
        ]
        .concat();
        for keys in ALL {
            for key in keys.built {
                let shown = sections(&samples, keys.title);
                let is_shown = shown.contains(&format!("{key} = ")) || samples.contains(&format!("[{key}]"));
                assert!(is_shown, "`{key}` of {} is in no sample of config/", keys.title);
            }
        }
    }
}
