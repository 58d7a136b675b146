//! The program with a configuration of a test's own, asked over HTTP.

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long is waited for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of a test's own, with nothing in it.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A port of this machine at which nobody is: below those that are given to whoever asks for any.
pub(crate) fn nobody() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

/// A configuration in that folder, which keeps what it has there, with these lines in `[node]`, in `[api]` and behind all.
pub(crate) fn configured(folder: &Path, node: &str, api: &str, rest: &str) -> PathBuf {
    let (file, place) = (folder.join("edge.toml"), folder.display());
    let text = format!(
        "[node]\njournal_dir = '{place}/journal'\ndrain_timeout = '1s'\n{node}\n[[listen]]\nname = 'in'\nbind = '127.0.0.1:0'\n\
         [[media]]\nname = 'in'\nbind = '127.0.0.1'\nports = '40000-49999'\n[calls]\nmax = 8\nmax_cps = 400\n\
         [api]\nbind = '127.0.0.1:0'\n{api}\n{rest}\n"
    );
    fs::write(&file, text).unwrap();
    file
}

/// One that runs until it is dropped: killed, as by `kill -9`.
pub(crate) struct Program {
    child: Child,
    pub(crate) http: SocketAddr,
}

impl Program {
    pub(crate) fn start(config: &Path) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        let mut child = command.args(["serve", "--config"]).arg(config).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let after = |mark: &str| ready.split_once(mark).unwrap().1.split([' ', ',', '\n']).next().unwrap().parse().unwrap();
        Program { http: after(" http="), child }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n");
        write!(stream, "{head}{headers}Content-Length: {length}\r\n\r\n{body}").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer { head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// The `items` of a list, once it has so many.
    pub(crate) fn items_of(&self, path: &str, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let items = self.items(path);
            if items.len() == count || Instant::now() > deadline {
                assert_eq!(items.len(), count, "{items:?}");
                return items;
            }
        }
    }

    /// The `items` of a list.
    pub(crate) fn items(&self, path: &str) -> Vec<Value> {
        self.get(path).json()["items"].as_array().unwrap().clone()
    }
}

impl Program {
    /// Stops it as a person would, and waits until it has written down what it has.
    pub(crate) fn stop(&mut self) {
        assert_eq!(self.ask("POST", "/v1/admin/drain", "", r#"{"end_calls": true}"#).status(), 202);
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// An answer; its head in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(known, _)| *known == name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
