//! Listeners of TLS, targets that ask for it, and trunks that are known by a certificate.

use crate::common::{assert_mistake, mistakes, mistakes_alone, read};
use tandem_config::{Difference, Endpoint, load};
use tandem_model::{Destination, ListenerId, Transport};

const SECURE: &str = "\
[[listen]]
name = \"secure\"
transport = \"tls\"
bind = \"127.0.0.1\"
cert = \"cert.pem\"
key = \"key.pem\"
";

fn target(uri: &str) -> tandem_config::Target {
    let text = format!("{SECURE}[[trunk]]\nname = 't'\ntargets = [{{ uri = '{uri}' }}]\n");
    read(&text).unwrap_or_else(|problems| unreachable!("{problems}")).trunks[0].targets[0].uri.clone()
}

#[test]
fn a_listener_names_its_files_and_has_a_port_of_its_own() {
    let text = format!("{SECURE}client_ca = \"clients.pem\"\nca = \"servers.pem\"\n");
    let config = read(&text).unwrap_or_else(|problems| unreachable!("{problems}"));
    let listener = &config.listeners[1];
    assert_eq!((listener.transport, listener.bind.port()), (Transport::Tls, 5061));
    let tls = listener.tls.as_ref().expect("its files");
    let path = |path: &Option<tandem_config::At<Box<str>>>| path.as_ref().map(|path| path.to_string());
    assert_eq!((&**tls.cert, &**tls.key, tls.cert.place.line), ("cert.pem", "key.pem", 12));
    assert_eq!((path(&tls.client_ca).as_deref(), path(&tls.ca).as_deref()), (Some("clients.pem"), Some("servers.pem")));
    assert_eq!(config.listeners[0].tls, None);
}

#[test]
fn what_a_listener_lacks_or_has_too_much_is_told() {
    let listener = |lines: &str| format!("[[listen]]\nname = \"x\"\nbind = \"127.0.0.1:5070\"\n{lines}\n");
    assert_mistake(&listener("transport = \"tls\"\nkey = \"k\""), &["[[listen]] x needs `cert = \"cert.pem\"`"]);
    assert_mistake(&listener("transport = \"tls\"\ncert = \"c\""), &["[[listen]] x needs `key = \"key.pem\"`"]);
    assert_mistake(&listener("transport = \"tls\"\ncert = \"\"\nkey = \"k\""), &["`cert` in [[listen]] x"]);
    assert_mistake(&listener("transport = \"tls\"\ncert = 7\nkey = \"k\""), &["text in quotes is wanted"]);
    for key in ["cert", "key", "client_ca", "ca"] {
        for transport in ["", "transport = \"udp\"\n", "transport = \"tcp\"\n"] {
            let words = format!("`{key}` in [[listen]] x goes only with `transport = \"tls\"`");
            assert_mistake(&listener(&format!("{transport}{key} = \"f\"")), &[&words]);
        }
    }
    // Whoever mistyped the transport meant the files.
    assert_mistake(&listener("transport = \"tsl\"\ncert = \"c\"\nkey = \"k\""), &["`transport` in [[listen]] x", "tls"]);
    for (wrong, right) in [("certs", "cert"), ("clientca", "client_ca"), ("kee", "key")] {
        let text = listener(&format!("transport = \"tls\"\ncert = \"c\"\nkey = \"k\"\n{wrong} = \"f\""));
        assert_mistake(&text, &[&format!("the nearest valid key is `{right}`")]);
    }
}

#[test]
fn tls_and_tcp_cannot_share_a_port_and_tls_and_udp_can() {
    let beside =
        |transport: &str| format!("{SECURE}[[listen]]\nname = \"other\"\ntransport = \"{transport}\"\nbind = \"127.0.0.1:5061\"\n");
    assert_mistake(&beside("tcp"), &["listener `secure` has that port already"]);
    assert_eq!(mistakes(&beside("udp")), Vec::<String>::new());
}

#[test]
fn a_target_asks_for_tls_by_its_scheme_or_its_parameter() {
    for (uri, sips, destination, again) in [
        ("sip:127.0.0.2;transport=tls", false, "127.0.0.2:5061", "sip:7@127.0.0.2;transport=tls"),
        ("sip:127.0.0.2:5070;transport=TLS", false, "127.0.0.2:5070", "sip:7@127.0.0.2:5070;transport=TLS"),
        ("sips:127.0.0.2", true, "127.0.0.2:5061", "sips:7@127.0.0.2"),
        ("SIPS:127.0.0.2:5070;transport=tcp", true, "127.0.0.2:5070", "sips:7@127.0.0.2:5070;transport=tcp"),
    ] {
        let target = target(uri);
        assert_eq!((target.transport, target.sips), (Some(Transport::Tls), sips), "{uri}");
        assert_eq!(target.destination, Destination::Address(destination.parse().expect("an address")), "{uri}");
        assert_eq!(&*target.uri_for("7"), again);
    }
    assert_eq!(target("sips:a@sbc.example.org").destination, Destination::Domain { host: "sbc.example.org".into(), secure: true });
    assert_eq!(&*target("sips:a@sbc.example.org").uri(), "sips:a@sbc.example.org");
}

#[test]
fn a_target_leaves_from_a_listener_that_speaks_as_it_asks() {
    let trunk = |lines: &str| format!("{SECURE}[[trunk]]\nname = 't'\n{lines}\n");
    let config = read(&trunk("targets = [{ uri = 'sips:127.0.0.2' }, { uri = 'sip:127.0.0.2' }]")).expect("it loads");
    let listener = |index: usize| config.sides(Some(&config.trunks[0]), &config.trunks[0].targets[index].uri).map(|sides| sides.listener);
    assert_eq!((listener(0), listener(1)), (Some(ListenerId(1)), Some(ListenerId(0))));
    assert_mistake(&trunk("listen = 'secure'\ntargets = [{ uri = 'sip:127.0.0.2' }]"), &["add `;transport=tls`"]);
    assert_mistake(&trunk("listen = 'inside'\ntargets = [{ uri = 'sips:127.0.0.2' }]"), &["speaks UDP, and the target asks for TLS"]);
    assert_mistake(&trunk("targets = [{ uri = 'sips:127.0.0.2;transport=udp' }]"), &["`sips:` is TLS, which does not go over UDP"]);
    let through = |proxy: &str| trunk(&format!("proxy = 'sip:127.0.0.3;lr{proxy}'\ntargets = [{{ uri = 'sips:127.0.0.2' }}]"));
    assert_mistake(&through(""), &["`sips:` asks for TLS all the way, and the `proxy` of [[trunk]] t"]);
    assert_eq!(mistakes(&through(";transport=tls")), Vec::<String>::new());
    let without = "[[trunk]]\nname = 't'\ntargets = [{ uri = 'sips:127.0.0.2' }]\n";
    assert_mistake(without, &["no listener and media side", "reach 127.0.0.2:5061 over TLS"]);
    assert_mistake("[[route]]\ndo = { bridge = ['sips:7@127.0.0.2'] }\n", &["over TLS"]);
}

#[test]
fn a_route_can_name_a_sips_uri() {
    let text = format!("{SECURE}[[route]]\ndo = {{ bridge = ['sips:7@127.0.0.2'] }}\n");
    let config = read(&text).expect("it loads");
    let tandem_config::Do::Bridge { endpoints, .. } = &config.routes[0].action.value else { unreachable!() };
    let Endpoint::Uri(target) = &endpoints[0].value else { unreachable!() };
    assert!(target.sips);
}

#[test]
fn who_is_known_by_a_certificate_must_be_asked_for_one() {
    let trunk = |matching: &str| format!("[[trunk]]\nname = 't'\nmatch = {{ {matching} }}\n");
    let asking = SECURE.replace("\"key.pem\"", "\"key.pem\"\nclient_ca = \"clients.pem\"");
    for matching in ["tls_name = 'sbc.example.com'", "tls_name = 'sbc.example.com.', listen = 'secure'"] {
        let config = read(&format!("{asking}{}", trunk(matching))).expect("it loads");
        let matching = config.trunks[0].matching.as_ref().expect("a match");
        assert_eq!(matching.tls_name.as_ref().map(|name| &*name.value), Some("sbc.example.com"));
    }
    assert_mistake(&format!("{SECURE}{}", trunk("tls_name = 'a.example'")), &["no [[listen]] has a `client_ca`"]);
    assert_mistake(&format!("{asking}{}", trunk("tls_name = 'a.example', listen = 'inside'")), &["the [[listen]] of its `listen` has no"]);
    // A file whose name cannot be read is one mistake, not two.
    for unread in ["clients.pem", "cert.pem"] {
        let text = format!("{}{}", asking.replace(unread, "${NOWHERE}"), trunk("tls_name = 'a.example', listen = 'secure'"));
        assert_mistake(&text, &["the environment variable NOWHERE is not set"]);
    }
    for name in ["", "*.example.com", "192.0.2.1", "sip:a.example"] {
        assert_mistake(&format!("{asking}{}", trunk(&format!("tls_name = '{name}'"))), &["is not a host name"]);
    }
    assert_mistake(
        &format!("{asking}{}", trunk("sources = ['127.0.0.2'], tls_nam = 'a.example'")),
        &["the nearest valid key is `tls_name`"],
    );
}

#[test]
fn other_files_need_no_restart_and_another_transport_does() {
    let config = |secure: &str| load(&format!("{}{secure}", crate::common::BASE), "new.toml", &crate::common::env).expect("it loads");
    let between = |secure: &str| Difference::between(&config(SECURE), &config(secure)).reload();
    assert_eq!(between(SECURE), Ok(Vec::new()));
    let changed = Ok(vec!["TLS in [[listen]] secure changed".to_owned()]);
    assert_eq!(between(&SECURE.replace("cert.pem", "other.pem")), changed);
    assert_eq!(between(&format!("{SECURE}client_ca = \"clients.pem\"\n")), changed);
    let tcp = "[[listen]]\nname = \"secure\"\ntransport = \"tcp\"\nbind = \"127.0.0.1:5061\"\n";
    assert!(between(tcp).is_err_and(|problems| problems.to_string().contains("needs a restart")));
}

#[test]
fn a_file_of_tls_alone_loads() {
    let media = "[[media]]\nname = 'm'\nbind = '127.0.0.1'\nports = '20000-20999'\n[calls]\nmax_cps = 10\n";
    assert_eq!(mistakes_alone(&format!("{SECURE}{media}")), Vec::<String>::new());
}
