//! `tandem trace`: what a call of a running node has sent and got, as a ladder, a picture or a capture.

use crate::{BAD_INPUT, FAILED, OK, answer, cli, configuration, tell};
use anyhow::Context;
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};
use tandem_config::{Api, Scope};
use tandem_hooks::{Block, Client, Guard, PostError, Reply, Terms, Url, bearer};
use tandem_model::{CallId, Secret};
use tandem_runtime::{background, log::Escaped, tls::system_issuers};

/// Where a node is asked that nobody has said anything of.
const USUAL: &str = "http://127.0.0.1:8080";

/// The variable that has the key.
const KEY: &str = "TANDEM_API_KEY";

/// A trace is no longer than a flight recorder.
const TERMS: Terms = Terms { timeout: Duration::from_secs(60), max_reply: 256 << 20 };

/// Asks the node, and shows or writes what it says.
pub(crate) fn trace(options: &cli::Trace) -> anyhow::Result<u8> {
    let asked = match Asked::of(options) {
        Ok(asked) => asked,
        Err(problem) => {
            tell(problem);
            return Ok(BAD_INPUT);
        }
    };
    let mut files = Vec::new();
    for (format, file) in [("svg", &options.svg), ("pcap", &options.pcap)] {
        files.extend(file.as_deref().map(|file| (format, Some(file))));
    }
    if files.is_empty() {
        files.push(("text", None));
    }
    for (format, file) in files {
        let reply = asked.get(format)?;
        if reply.status != 200 {
            tell(format_args!("{}: {}", asked.base, problem(&reply)));
            return Ok(FAILED);
        }
        write(&reply, file)?;
    }
    Ok(OK)
}

fn write(reply: &Reply, file: Option<&Path>) -> anyhow::Result<()> {
    match file {
        Some(file) => fs::write(file, &reply.body).with_context(|| format!("{} cannot be written", file.display())),
        None => answer(String::from_utf8_lossy(&reply.body).trim_end()),
    }
}

/// What the node says is wrong.
fn problem(reply: &Reply) -> String {
    let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let detail = json["detail"].as_str().map(|detail| Escaped(detail).to_string());
    detail.unwrap_or_else(|| format!("it answered {}", reply.status))
}

/// Who is asked, with what key, of which call.
struct Asked {
    base: String,
    key: Option<Secret>,
    call: CallId,
}

impl Asked {
    fn of(options: &cli::Trace) -> Result<Asked, String> {
        let call =
            options.call.parse().map_err(|_| format!("`{}` is no call: call_…, as /v1/calls shows it", options.call.escape_debug()))?;
        let api = match &options.config {
            Some(file) => Some(configured(file)?),
            None => None,
        };
        let base = options.api.clone().or_else(|| api.as_ref().map(address)).unwrap_or_else(|| USUAL.to_owned());
        Url::parse(&base).map_err(|error| format!("`{}` {error}", base.escape_debug()))?;
        let said = options.key.clone().or_else(|| std::env::var(KEY).ok()).filter(|key| !key.is_empty());
        let known = || api.as_ref()?.keys.iter().find(|key| key.scopes.contains(&Scope::Read)).map(|key| key.key.clone());
        let key = said.map(|key| Secret::new(&key)).or_else(known);
        Ok(Asked { base: base.trim_end_matches('/').to_owned(), key, call })
    }

    fn get(&self, format: &str) -> anyhow::Result<Reply> {
        let url = Url::parse(&format!("{}/v1/calls/{}/trace?format={format}", self.base, self.call))?;
        let headers: Vec<_> = match &self.key {
            Some(key) => vec![bearer(key.expose()).context("a key has letters, digits and -._~+/= alone")?],
            None => Vec::new(),
        };
        // Whoever types it may ask whom they like.
        let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)].map(|first| Block { first, length: 0 });
        let client = Client::new(Guard::new(everywhere), system_issuers().as_deref());
        let (background, _thread) = background::start().context("no runtime")?;
        let reply = background.run(async move { client.get(&url, &headers, &TERMS).await }).blocking_recv()?;
        reply.map_err(|error: PostError| anyhow::anyhow!("{}: {error}", self.base))
    }
}

fn configured(file: &Path) -> Result<Api, String> {
    let loaded = configuration::load(file).map_err(|problems| problems.to_string())?;
    loaded.config.api.ok_or_else(|| format!("{}: there is no [api]", file.display()))
}

/// Where a program on the node's own machine finds it.
fn address(api: &Api) -> String {
    let bind: SocketAddr = *api.bind;
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("{}://{}", if api.tls.is_some() { "https" } else { "http" }, SocketAddr::new(ip, bind.port()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::TcpListener,
        path::PathBuf,
        thread::{self, JoinHandle},
    };

    fn options(api: &str) -> cli::Trace {
        let call = CallId::new(1_700_000_000_000, 1).to_string();
        cli::Trace { call, api: Some(api.to_owned()), key: Some("0123456789abcdef".to_owned()), config: None, svg: None, pcap: None }
    }

    /// Answers so many requests, and tells what they were.
    fn node(count: usize, status: u16, body: &'static str) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let one = |_| {
                let (mut stream, mut head) = (listener.accept().unwrap().0, Vec::new());
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                write!(stream, "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
                String::from_utf8(head).unwrap()
            };
            (0..count).map(one).collect()
        });
        (base, served)
    }

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("tandem-trace-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_node_is_asked_with_the_key_for_each_form() {
        let (base, served) = node(2, 200, "a picture");
        let (svg, pcap) = (file("a.svg"), file("a.pcap"));
        let options = cli::Trace { svg: Some(svg.clone()), pcap: Some(pcap.clone()), ..options(&base) };
        assert_eq!(trace(&options).unwrap(), OK);
        let asked = served.join().unwrap();
        for (head, form) in asked.iter().zip(["svg", "pcap"]) {
            assert!(head.starts_with(&format!("GET /v1/calls/{}/trace?format={form} HTTP/1.1", options.call)), "{head}");
            assert!(head.to_ascii_lowercase().contains("authorization: bearer 0123456789abcdef\r\n"), "{head}");
        }
        for file in [svg, pcap] {
            assert_eq!(fs::read_to_string(&file).unwrap(), "a picture");
            fs::remove_file(file).unwrap();
        }
        let (base, served) = node(1, 200, "call_1\n");
        assert_eq!(trace(&self::options(&base)).unwrap(), OK);
        assert!(served.join().unwrap()[0].contains("format=text"));
    }

    #[test]
    fn what_goes_wrong_is_told() {
        let (base, served) = node(1, 404, r#"{"detail": "there is no such call"}"#);
        assert_eq!(trace(&options(&base)).unwrap(), FAILED);
        served.join().unwrap();
        assert!(trace(&options(&base)).is_err(), "nobody is there any more");
        assert_eq!(trace(&options("ftp://127.0.0.1")).unwrap(), BAD_INPUT);
        assert_eq!(trace(&cli::Trace { call: "../x".to_owned(), ..options(&base) }).unwrap(), BAD_INPUT);
        assert_eq!(trace(&cli::Trace { config: Some("/nowhere.toml".into()), ..options(&base) }).unwrap(), BAD_INPUT);
    }

    #[test]
    fn a_configuration_says_where_the_node_is() {
        let api = |lines: &str| {
            let sections =
                "[[listen]]\nname = 'l'\nbind = '127.0.0.1:0'\n[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-20999'\n";
            tandem_config::load(&format!("{sections}[api]\n{lines}"), "a.toml", &|_| None).unwrap().api.unwrap()
        };
        assert_eq!(address(&api("bind = '0.0.0.0'")), "http://127.0.0.1:8080");
        assert_eq!(address(&api("bind = '[::]:8443'\ntls = { cert = 'a', key = 'b' }")), "https://[::1]:8443");
        assert_eq!(address(&api("bind = '192.0.2.1:81'")), "http://192.0.2.1:81");
    }
}
