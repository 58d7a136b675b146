//! Endpoints and target URIs.

use crate::common::{assert_mistake, read};
use tandem_config::{Config, Do, Endpoint, Target};
use tandem_model::Destination;

fn bridge(endpoint: &str) -> String {
    format!("[[trunk]]\nname='t'\ntargets=[{{uri='sip:127.0.0.2'}}]\n[[route]]\ndo={{bridge=['{endpoint}']}}")
}

fn endpoint(text: &str) -> Endpoint {
    let config: Config = read(&bridge(text)).expect("it loads");
    match &config.routes[0].action.value {
        Do::Bridge { endpoints, .. } => endpoints[0].value.clone(),
        other => unreachable!("{other:?}"),
    }
}

fn target(text: &str) -> Target {
    match endpoint(text) {
        Endpoint::Uri(target) => target,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_trunk_is_named_with_or_without_a_number() {
    assert_eq!(endpoint("trunk:t"), Endpoint::Trunk { name: "t".into(), number: None });
    assert_eq!(endpoint("trunk:t/+4930"), Endpoint::Trunk { name: "t".into(), number: Some("+4930".into()) });
    assert_eq!(endpoint("trunk:t/a/b"), Endpoint::Trunk { name: "t".into(), number: Some("a/b".into()) });
}

#[test]
fn a_uri_says_where_it_points() {
    for (uri, destination) in [
        ("sip:127.0.0.2", Destination::Address("127.0.0.2:5060".parse().unwrap())),
        ("sip:127.0.0.2:5070;transport=UDP", Destination::Address("127.0.0.2:5070".parse().unwrap())),
        ("SIP:100@127.0.0.2;user=phone", Destination::Address("127.0.0.2:5060".parse().unwrap())),
        ("sip:pbx.example.org", Destination::Domain { host: "pbx.example.org".into(), secure: false }),
        ("sip:100@pbx.example.org.:5080", Destination::Name { host: "pbx.example.org.".into(), port: Some(5080) }),
        ("sip:localhost", Destination::Domain { host: "localhost".into(), secure: false }),
    ] {
        assert_eq!(target(uri).destination, destination, "{uri}");
    }
}

#[test]
fn a_number_goes_into_a_uri_escaped() {
    let target = target("sip:own@127.0.0.2:5070;transport=udp");
    assert_eq!(&*target.uri(), "sip:own@127.0.0.2:5070;transport=udp");
    assert_eq!(&*target.uri_for("+49 30#1"), "sip:+49%2030%231@127.0.0.2:5070;transport=udp");
    assert_eq!(&*target.uri_for("a;b?c@d"), "sip:a%3Bb%3Fc%40d@127.0.0.2:5070;transport=udp");
    assert_eq!(&*target.uri_for("ü\r\n"), "sip:%C3%BC%0D%0A@127.0.0.2:5070;transport=udp");
    assert_eq!(&*target.uri_for(""), "sip:127.0.0.2:5070;transport=udp");
}

#[test]
fn what_is_no_endpoint_is_explained() {
    for (text, words) in [
        ("t", "is not an endpoint"),
        ("tunk:t", "the nearest is `trunk:`"),
        ("trunk:", "a name has from 1"),
        ("trunk:a b", "cannot stand in a name"),
        ("trunk:t/", "behind the slash stands the number"),
        ("http://127.0.0.2", "is not an endpoint"),
        ("sip:", "is not a host name"),
        ("sip:@127.0.0.2", "a plain user part"),
        ("sip:a:secret@127.0.0.2", "without a password"),
        ("sip:127.0.0.2:0", "is not a port"),
        ("sip:127.0.0.2:70000", "is not a port"),
        ("sip:127.0.0.2:", "is not a port"),
        ("sip:1.2.3", "is not a host name"),
        ("sip:a..b", "is not a host name"),
        ("sip:-a.example", "is not a host name"),
        ("sip:::1", "stands in brackets here: `[::1]`"),
        ("sip:[::1", "`[` without `]`"),
        ("sip:[1.2.3.4]", "is not an IPv6 address"),
        ("sip:[::1]5060", "only a port may follow"),
        ("sip:127.0.0.2?Subject=x", "carries no headers"),
        ("sip:127.0.0.2;maddr=10.0.0.1", "`maddr` is not built yet"),
        ("sip:127.0.0.2;transport=carrier-pigeon", "unknown transport"),
        ("sip:127.0.0.2;;lr", "empty parameter"),
        ("sip:a b@127.0.0.2", "cannot stand in a URI"),
        ("sip:<a>@127.0.0.2", "cannot stand in a URI"),
    ] {
        assert_mistake(&bridge(text), &[words]);
    }
    assert_mistake(&bridge(&format!("sip:{}@127.0.0.2", "1".repeat(600))), &["at most 512 bytes"]);
}
