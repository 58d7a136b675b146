//! The files of listeners that speak TLS, read whole or refused whole.

use std::{fs::File, io::Read};
use tandem_config::{At, Config, Problems, TlsPaths};
use tandem_runtime::tls::{TlsFile, TlsFiles, TlsSettings, system_issuers};

/// The longest file, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// What the files say.
pub(crate) struct Certificates {
    /// Of each listener, how it speaks TLS.
    pub(crate) tls: Box<[Option<TlsSettings>]>,
    /// The same of `[api]`.
    pub(crate) api: Option<TlsSettings>,
    /// What is no mistake, and should be known.
    pub(crate) warnings: Vec<String>,
}

/// Reads the files of all listeners. Blocks on them.
///
/// # Errors
/// Every file that cannot be used, by the line that names it.
pub(crate) fn load(config: &Config) -> Result<Certificates, Problems> {
    let mut problems = Problems::new(&config.file);
    let mut warnings = Vec::new();
    let mut of = |paths: Option<&TlsPaths>, title: &str, connects: bool| {
        let paths = paths?;
        let settings = load_one(paths, title, connects, &mut problems)?;
        let warn =
            |warning: &String| format!("{}:{}: `cert` in {title}: `{}` {warning}", config.file, paths.cert.place.line, paths.cert.value);
        warnings.extend(settings.warnings().iter().map(warn));
        if connects && !settings.trusts_somebody() {
            warnings.push(format!(
                "{title}: the system has no issuers that it trusts, so every server is refused that we connect to: write `ca`"
            ));
        }
        Some(settings)
    };
    let tls = config.listeners.iter().map(|listener| of(listener.tls.as_ref(), &format!("[[listen]] {}", listener.name), true)).collect();
    let api = of(config.api.as_ref().and_then(|api| api.tls.as_ref()), "[api]", false);
    problems.or(Certificates { tls, api, warnings })
}

/// `connects`: to others too, of whom some are believed.
fn load_one(paths: &TlsPaths, title: &str, connects: bool, problems: &mut Problems) -> Option<TlsSettings> {
    let mut read = |key: &str, path: &At<Box<str>>| {
        let bytes = read(&path.value);
        bytes.map_err(|error| problems.add(path.place, format!("`{key}` in {title}: `{}` {error}", path.value))).ok()
    };
    let (cert, key) = (read("cert", &paths.cert), read("key", &paths.key));
    // `Some(None)`: there is none; `None`: it cannot be read.
    let client_ca = paths.client_ca.as_ref().map_or(Some(None), |path| read("client_ca", path).map(Some));
    let ca = paths.ca.as_ref().map_or_else(|| Some(if connects { system_issuers() } else { None }), |path| read("ca", path).map(Some));
    let (cert, key, client_ca, ca) = (cert?, key?, client_ca?, ca?);
    let ciphers: Vec<&str> = paths.ciphers.iter().map(|cipher| &*cipher.value).collect();
    let files = TlsFiles { cert: &cert, key: &key, client_ca: client_ca.as_deref(), ca: ca.as_deref(), min: paths.min, ciphers: &ciphers };
    let error = match TlsSettings::new(&files) {
        Ok(settings) => return Some(settings),
        Err(error) => error,
    };
    let (name, path) = match error.file {
        TlsFile::Cert => ("cert", Some(&paths.cert)),
        TlsFile::Key => ("key", Some(&paths.key)),
        TlsFile::ClientCa => ("client_ca", paths.client_ca.as_ref()),
        TlsFile::Ca => ("ca", paths.ca.as_ref()),
        TlsFile::Ciphers => {
            let place = paths.ciphers.first().map_or(paths.cert.place, |cipher| cipher.place);
            problems.add(place, format!("`ciphers` in {title}: {error}"));
            return None;
        }
    };
    match path {
        Some(path) => problems.add(path.place, format!("`{name}` in {title}: `{}` {error}", path.value)),
        None => problems.add(paths.cert.place, format!("{title}: the system's list of issuers {error}: write `ca`")),
    }
    None
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let length = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    match length {
        Ok(length) if length as u64 > MAX_FILE => Err(format!("is longer than {MAX_FILE} bytes")),
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::PathBuf};

    /// A folder that is gone with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("tandem-certificates-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            let made = rcgen::generate_simple_self_signed(["sip.example.com".to_owned()]).unwrap();
            let other = rcgen::generate_simple_self_signed(["*.example.com".to_owned()]).unwrap();
            for (name, text) in [
                ("cert.pem", made.cert.pem()),
                ("key.pem", made.signing_key.serialize_pem()),
                ("wild.pem", other.cert.pem()),
                ("wild.key", other.signing_key.serialize_pem()),
                ("empty.pem", String::new()),
            ] {
                fs::write(path.join(name), text).unwrap();
            }
            Folder(path)
        }

        /// A listener with these files, in line 4 and on.
        fn load(&self, files: &[(&str, &str)]) -> Result<Certificates, String> {
            let listener = "[[listen]]\nname = 'secure'\ntransport = 'tls'\n";
            let files: String = files.iter().map(|(key, file)| format!("{key} = '{}'\n", self.0.join(file).display())).collect();
            let media = "bind = '127.0.0.1'\n[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-29999'\n";
            let config = tandem_config::load(&format!("{listener}{files}{media}"), "edge.toml", &|_| None).expect("it reads");
            load(&config).map_err(|problems| problems.to_string())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn good_files_are_taken() {
        let folder = Folder::new("good");
        let files = [("cert", "cert.pem"), ("key", "key.pem"), ("client_ca", "cert.pem"), ("ca", "wild.pem")];
        let Certificates { tls, warnings, .. } = folder.load(&files).unwrap();
        assert!(tls.len() == 1 && tls[0].is_some());
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn each_bad_file_is_told_at_its_line() {
        let folder = Folder::new("bad");
        for (files, line, words) in [
            ([("cert", "nowhere.pem"), ("key", "key.pem"), ("ca", "cert.pem")], 4, "`cert` in [[listen]] secure: "),
            ([("cert", "empty.pem"), ("key", "key.pem"), ("ca", "cert.pem")], 4, "holds no certificate"),
            ([("cert", "cert.pem"), ("key", "wild.key"), ("ca", "cert.pem")], 5, "is not the key of the certificate in `cert`"),
            ([("cert", "cert.pem"), ("key", "key.pem"), ("ca", "empty.pem")], 6, "`ca` in [[listen]] secure: "),
            ([("cert", "cert.pem"), ("key", "key.pem"), ("client_ca", "key.pem")], 6, "`client_ca` in [[listen]] secure: "),
        ] {
            let problems = folder.load(&files).err().expect("a mistake");
            assert!(problems.starts_with(&format!("edge.toml:{line}:")) && problems.contains(words), "{problems}");
            assert_eq!(problems.lines().count(), 1, "{problems}");
        }
        let all = folder.load(&[("cert", "a"), ("key", "b"), ("client_ca", "c"), ("ca", "d")]).err().expect("a mistake");
        assert_eq!(all.lines().count(), 4, "{all}");
    }

    #[test]
    fn those_of_the_api_are_read_likewise() {
        let folder = Folder::new("api");
        let load = |cert: &str, key: &str| {
            let sections = "[[listen]]\nname = 'l'\nbind = '127.0.0.1'\n[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-29999'\n";
            let path = |name: &str| folder.0.join(name).display().to_string();
            let api = format!("[api]\nbind = '127.0.0.1'\ntls = {{ cert = '{}', key = '{}' }}\n", path(cert), path(key));
            let config = tandem_config::load(&(sections.to_owned() + &api), "edge.toml", &|_| None).expect("it reads");
            super::load(&config).map(|loaded| loaded.api.is_some()).map_err(|problems| problems.to_string())
        };
        assert_eq!(load("cert.pem", "key.pem"), Ok(true));
        let wrong = load("cert.pem", "wild.key").expect_err("a mistake");
        assert!(wrong.starts_with("edge.toml:10:") && wrong.contains("`key` in [api]: "), "{wrong}");
    }

    #[test]
    fn a_cipher_that_is_not_spoken_is_told_with_those_that_are() {
        let folder = Folder::new("ciphers");
        let load = |more: &str| {
            let path = |name: &str| folder.0.join(name).display().to_string();
            let files = format!("cert = '{}'\nkey = '{}'\nca = '{}'\n{more}\n", path("cert.pem"), path("key.pem"), path("cert.pem"));
            let listener = format!("[[listen]]\nname = 'secure'\ntransport = 'tls'\n{files}bind = '127.0.0.1'\n");
            let media = "[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-29999'\n";
            let config = tandem_config::load(&format!("{listener}{media}"), "edge.toml", &|_| None).expect("it reads");
            super::load(&config).map(|_| ()).map_err(|problems| problems.to_string())
        };
        let wrong = load("ciphers = ['TLS_RSA_WITH_NULL_MD5']").expect_err("a mistake");
        assert!(wrong.starts_with("edge.toml:7:") && wrong.contains("`ciphers` in [[listen]] secure: `TLS_RSA_WITH_NULL_MD5`"), "{wrong}");
        assert!(wrong.contains("there are TLS_AES_256_GCM_SHA384, "), "{wrong}");
        assert_eq!(load("tls_min = '1.3'\nciphers = ['TLS13_AES_128_GCM_SHA256']"), Ok(()));
    }

    #[test]
    fn what_is_odd_is_a_warning() {
        let folder = Folder::new("odd");
        let Certificates { warnings, .. } = folder.load(&[("cert", "wild.pem"), ("key", "wild.key"), ("ca", "cert.pem")]).unwrap();
        assert!(warnings.len() == 1 && warnings[0].starts_with("edge.toml:4: `cert` in [[listen]] secure: "), "{warnings:?}");
        assert!(warnings[0].contains("names no host"), "{warnings:?}");
    }
}
