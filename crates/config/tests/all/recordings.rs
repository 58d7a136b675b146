//! `record` of a route, and `recordings` of `[files]`.

use crate::common::{assert_mistake, read};
use tandem_model::Layout;

const ROUTE: &str = "[[trunk]]\nname='t'\ntargets=[{uri='sip:127.0.0.2'}]\n[[route]]\n";

#[test]
fn a_route_says_how_its_calls_are_recorded() {
    for (record, expected) in
        [("", None), ("record=false\n", None), ("record=true\n", Some(Layout::Mono)), ("record='sides'\n", Some(Layout::Sides))]
    {
        let config = read(&format!("{ROUTE}{record}do={{bridge=['trunk:t']}}")).expect("it loads");
        assert_eq!(config.routes[0].record, expected, "{record:?}");
        assert_eq!(&*config.files.recordings, "recordings");
    }
}

#[test]
fn mistakes_are_named() {
    for (keys, words) in [
        ("record='stereo'\ndo={bridge=['trunk:t']}", "\"mono\", \"sides\""),
        ("record=1\ndo={bridge=['trunk:t']}", "this is a whole number"),
        ("record=true\ndo={reject=404}", "`record` in [[route]] number 1 does not go with `reject`"),
        ("record=true\nanchor=false\ndo={bridge=['trunk:t']}", "does not go with `anchor = false`"),
    ] {
        assert_mistake(&format!("{ROUTE}{keys}"), &[words]);
    }
    assert_mistake("[files]\nrecording='a'\n", &["recordings"]);
}
