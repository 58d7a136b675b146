//! The node itself: health, draining, reloading, TLS.

use crate::common::{Served, node::Peer, node::TestNode};
use serde_json::json;

#[test]
fn a_node_that_drains_is_alive_and_not_ready() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let served = Served::start(callee.address, "");
    served.talking(&caller, &callee, "talk");
    assert_eq!((served.get("/healthz").json(), served.get("/readyz").json()), (json!({"status": "ok"}), json!({"status": "ready"})));
    for _ in 0..3 {
        assert_eq!(served.post("/v1/admin/drain", "").status, 202, "told again it goes on draining");
    }
    assert_eq!((served.get("/healthz").status, served.get("/readyz").problem().0), (200, 503));
    caller.send(served.node.address, &caller.invite(served.node.address, "second", ""));
    caller.hear_failure(served.node.address, "second", "503");
    assert_eq!(served.get("/v1/calls").json()["items"].as_array().unwrap().len(), 1, "the call that was there goes on");
    assert_eq!(served.post("/v1/admin/drain", r#"{"end_calls": true}"#).status, 202);
    callee.hear_starting("BYE");
}

#[test]
fn a_reload_tells_what_changed_or_what_is_wrong() {
    let served = Served::alone("");
    assert_eq!(served.post("/v1/admin/reload", "").json(), json!({"changed": ["[[trunk]] carrier changed"]}));
    served.reloads.lock().unwrap().answer = Err("edge.toml:3:1: unknown key".into());
    let (status, _, detail) = served.post("/v1/admin/reload", "").problem();
    assert_eq!((status, &*detail), (422, "edge.toml:3:1: unknown key"));
    assert_eq!(served.reloads.lock().unwrap().count, 2);
}

#[test]
fn it_speaks_tls_where_it_is_told_to() {
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
    use tandem_runtime::tls::{TlsFiles, TlsSettings};
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let min = tandem_config::TlsVersion::default();
    let files = TlsFiles { cert: cert.as_bytes(), key: key.as_bytes(), client_ca: None, ca: None, min, ciphers: &[] };
    let node = TestNode::bridging_to("127.0.0.1:9".parse().unwrap());
    let idempotency = std::sync::Arc::<tandem_api::MemoryIdempotency>::default();
    let served = Served::secured(node, "", idempotency, Some(TlsSettings::new(&files).unwrap()));
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let client = ClientConnection::new(config.into(), "localhost".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(client, crate::common::connect(served.address));
    std::io::Write::write_all(&mut stream, crate::common::request("GET", "/healthz", "", "").as_bytes()).unwrap();
    assert_eq!(crate::common::hear(stream).status, 200);
    let mut plain = crate::common::connect(served.address);
    std::io::Write::write_all(&mut plain, crate::common::request("GET", "/healthz", "", "").as_bytes()).unwrap();
    let mut said = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain, &mut said);
    assert!(!said.starts_with(b"HTTP"), "and nothing else");
}

#[test]
fn trunks_and_registrations_are_seen() {
    let served = Served::alone("");
    let trunks = served.get("/v1/trunks").json();
    let names: Vec<&str> = trunks["items"].as_array().unwrap().iter().map(|trunk| trunk["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["caller", "callee"]);
    let callee = &trunks["items"][1];
    assert_eq!(
        (&callee["state"], &callee["calls"], &callee["targets"][0]["uri"]),
        (&json!("unknown"), &json!(0), &json!("sip:127.0.0.1:9"))
    );
    assert_eq!(served.get("/v1/registrations").json(), json!({"items": []}));
}

#[test]
fn a_call_is_traced_as_json_as_a_picture_and_as_a_capture() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let served = Served::start(callee.address, "");
    let evil = caller.invite(served.node.address, "trace", "X-Evil: </text><script>alert(1)</script>\r\n");
    crate::common::node::answered_call_by(&served.node, &caller, &callee, "trace", &evil);
    let call = served.node.calls.recv().unwrap();
    let get = |format: &str| served.ask("GET", &format!("/v1/calls/{call}/trace{format}"), "", "");
    let trace = get("").json();
    let summaries: Vec<&str> = trace["steps"].as_array().unwrap().iter().map(|step| step["summary"].as_str().unwrap()).collect();
    assert!(summaries[0].starts_with("INVITE") && summaries.contains(&"ACK"), "{summaries:?}");
    let picture = get("?format=svg");
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    assert!(picture.header("content-security-policy").unwrap().contains("sandbox"));
    assert!(picture.body.starts_with("<svg") && !picture.body.contains("<script"), "nothing of a message is a tag");
    let text = get("?format=text");
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(text.body.starts_with(&call.to_string()) && text.body.contains("INVITE") && text.body.contains('▶'), "{}", text.body);
    assert_eq!(get("?format=gif").problem().1, "format");
    assert_eq!(served.get("/v1/calls/call_0000000000000/trace").problem().0, 404);
}

#[test]
fn prometheus_reads_figures() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let served = Served::start(callee.address, "");
    served.talking(&caller, &callee, "counted");
    let page = served.get("/metrics");
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "tandem_calls 1",
        "tandem_calls_answered_total 1",
        "tandem_legs 2",
        "tandem_call_setup_seconds_bucket{le=\"+Inf\"} 1",
        "tandem_call_setup_seconds_count 1",
        "tandem_sip_responses_total{direction=\"sent\",class=\"2xx\"} 1",
        "tandem_trunk_calls{trunk=\"callee\"} 1",
        "tandem_draining 0",
        "tandem_store_database_up 1",
        "tandem_store_lag_seconds 1.5",
        "tandem_store_records_waiting{place=\"journal\"} 0",
        "tandem_webhook_waiting 7",
        "tandem_webhook_delivered_total 3",
    ] {
        assert!(page.body.lines().any(|known| known == line), "{line} is not in\n{}", page.body);
    }
    // A name and perhaps labels, a blank, a number; each metric is told of before it comes.
    let mut known = std::collections::BTreeSet::new();
    for line in page.body.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert!(known.insert(kind.split(' ').next().unwrap().to_owned()), "{kind} comes twice");
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = name.split('{').next().unwrap();
            let whole = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).filter(|whole| known.contains(*whole));
            assert!(known.contains(name) || whole.is_some(), "{line}");
        }
    }
}
