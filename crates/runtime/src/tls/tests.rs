//! Files that are good, odd and bad.

use super::{
    testing::{Authority, Issued},
    *,
};

fn problem(cert: &str, key: &str, client_ca: Option<&str>, ca: &str) -> (TlsFile, String) {
    let files = TlsFiles {
        cert: cert.as_bytes(),
        key: key.as_bytes(),
        client_ca: client_ca.map(str::as_bytes),
        ca: Some(ca.as_bytes()),
        min: TlsVersion::V1_2,
        ciphers: &[],
    };
    let problem = TlsSettings::new(&files).unwrap_err();
    (problem.file, problem.message)
}

#[test]
fn each_bad_file_is_named() {
    let authority = Authority::new("ca");
    let (one, other) = (authority.issue(&["dns a.example"]), authority.issue(&["dns a.example"]));
    let ca = authority.pem.as_str();
    let broken = one.cert.replace("-----END CERTIFICATE-----", "");
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (cert, key, client_ca, ca, file, words) in [
        ("", &*one.key, None, ca, TlsFile::Cert, "holds no certificate"),
        (&*one.key, &*one.key, None, ca, TlsFile::Cert, "holds no certificate"),
        (&*broken, &*one.key, None, ca, TlsFile::Cert, "is no PEM that can be read"),
        (garbled, &*one.key, None, ca, TlsFile::Cert, "cannot be used"),
        (&*one.cert, "", None, ca, TlsFile::Key, "holds no private key"),
        (&*one.cert, &*one.cert, None, ca, TlsFile::Key, "holds no private key"),
        (&*one.cert, &*other.key, None, ca, TlsFile::Key, "is not the key of the certificate in `cert`"),
        (&*one.cert, &*one.key, Some(""), ca, TlsFile::ClientCa, "holds no certificate"),
        (&*one.cert, &*one.key, Some(garbled), ca, TlsFile::ClientCa, "1 cannot be read"),
        (&*one.cert, &*one.key, Some(ca), "x", TlsFile::Ca, "holds no certificate"),
    ] {
        let (blamed, message) = problem(cert, key, client_ca, ca);
        assert_eq!(blamed, file, "{message}");
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn what_is_odd_is_told_and_used() {
    let authority = Authority::new("ca");
    let warnings = |issued: &Issued| issued.settings(&authority, None).warnings().to_vec();
    assert_eq!(warnings(&authority.issue(&["dns a.example"])), Vec::<String>::new());
    assert_eq!(warnings(&authority.issue_for_servers_only(&["uri sip:a.example"])), Vec::<String>::new());
    assert_eq!(warnings(&authority.issue_expired(&["dns a.example"])), ["has expired, on 2002-03-04: nobody will trust it"]);
    assert!(warnings(&authority.issue(&["dns *.example"]))[0].starts_with("names no host"));
    let later = authority.issue_as(&["dns a.example"], |params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    assert_eq!(warnings(&later), ["is not valid before 4000-01-01: nobody will trust it"]);
    let soon = authority.issue_as(&["dns a.example"], |params| {
        params.not_after = (std::time::SystemTime::now() + Duration::from_secs(86_400)).into();
    });
    assert!(warnings(&soon)[0].starts_with("expires on 2"), "{:?}", warnings(&soon));
}

#[test]
fn without_issuers_nobody_is_trusted() {
    let issued = Authority::new("ca").issue(&["dns a.example"]);
    let files = TlsFiles {
        cert: issued.cert.as_bytes(),
        key: issued.key.as_bytes(),
        client_ca: None,
        ca: None,
        min: TlsVersion::V1_2,
        ciphers: &[],
    };
    assert!(!TlsSettings::new(&files).unwrap().trusts_somebody());
}

#[test]
fn the_system_s_issuers_are_used_where_it_has_any() {
    let Some(issuers) = system_issuers() else { return };
    assert!(trusted(&issuers).is_ok_and(|store| !store.is_empty()));
}
