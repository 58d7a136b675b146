//! `do = { ring = […] }`: what is read, and what is wrong with it.

use crate::common::{assert_mistake, read};
use std::time::Duration;
use tandem_config::{Do, Endpoint};
use tandem_model::{Hears, PicksUp, RingTerms, Strategy};

const TRUNK: &str = "[[trunk]]\nname='t'\ntargets=[{uri='sip:127.0.0.2'}]\n[[route]]\n";

fn ring(keys: &str) -> (Vec<Endpoint>, RingTerms) {
    let config = read(&format!("{TRUNK}do={{ring=['trunk:t/1','sip:127.0.0.3'],{keys}}}")).expect("it loads");
    match &config.routes[0].action.value {
        Do::Ring { endpoints, terms, .. } => (endpoints.iter().map(|endpoint| endpoint.value.clone()).collect(), *terms),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_group_has_members_and_terms() {
    let (endpoints, terms) = ring("");
    assert_eq!(endpoints.len(), 2);
    assert_eq!(terms, RingTerms::default());
    let usual = RingTerms::default();
    assert_eq!((usual.strategy, usual.ends_on_6xx, usual.hears), (Strategy::Parallel, true, Hears::EarlyMedia));
    assert_eq!(usual.picks_up, PicksUp::WhenAnswered);
    let (_, terms) = ring("strategy='round-robin',timeout='40s',target_timeout='15s',ends_on_6xx=false,hears='ringing',picks_up='at-once'");
    let expected = RingTerms {
        strategy: Strategy::RoundRobin,
        timeout: Some(Duration::from_secs(40)),
        target_timeout: Some(Duration::from_secs(15)),
        ends_on_6xx: false,
        hears: Hears::Ringing,
        picks_up: PicksUp::AtOnce,
    };
    assert_eq!(terms, expected);
}

#[test]
fn mistakes_are_named_with_their_place() {
    let wrong = |entry: &str, words: &[&str]| assert_mistake(&format!("{TRUNK}do={{{entry}}}"), words);
    wrong("ring=[]", &["`ring`", "is empty"]);
    wrong("ring=['trunk:t','trunk:t']", &["`ring`", "twice"]);
    wrong("ring=['trunk:u']", &["no trunk `u`", "`t`"]);
    wrong("ring=['trunk:t'],strategy='paralel'", &["`strategy`", "`paralel`", "\"parallel\""]);
    wrong("ring=['trunk:t'],hears='music'", &["`hears`", "\"ringing\""]);
    wrong("ring=['trunk:t'],ends_on_6xx='no'", &["`ends_on_6xx`", "true or false"]);
    wrong("ring=['trunk:t'],picks_up='now'", &["`picks_up`", "\"at-once\""]);
    wrong("bridge=['trunk:t'],picks_up='at-once'", &["`picks_up`", "goes only with `ring`"]);
    let direct = "anchor=false\ndo={ring=['trunk:t'],picks_up='at-once'}";
    assert_mistake(&format!("{TRUNK}{direct}"), &["`picks_up = \"at-once\"`", "`anchor = false`"]);
    wrong("ring=['trunk:t'],target_timeout='0s'", &["`target_timeout`", "from 1s"]);
    wrong("ring=['trunk:t'],bridge=['trunk:t']", &["bridge and ring"]);
    wrong("bridge=['trunk:t'],strategy='parallel'", &["`strategy`", "goes only with `ring`"]);
    wrong("answer='echo',timeout='5s'", &["`timeout`", "goes only with `bridge` and `ring`"]);
    wrong("rnig=['trunk:t']", &["`rnig`", "`ring`"]);
}

#[test]
fn those_that_ring_at_once_need_ports_at_once() {
    let house = |strategy: &str| {
        format!(
            "[[listen]]\nname='l'\nbind='127.0.0.1:5060'\n[[media]]\nname='m'\nbind='127.0.0.1'\nports='20000-20063'\n\
             [calls]\nmax=8\nmax_cps=1\n[[trunk]]\nname='t'\ntargets=[{{uri='sip:127.0.0.2'}}]\nmatch={{sources=['127.0.0.2']}}\n\
             [[route]]\ndo={{ring=['trunk:t/1','trunk:t/2','trunk:t/3'],strategy='{strategy}'}}"
        )
    };
    let problems = |strategy: &str| crate::common::mistakes_alone(&house(strategy));
    assert_eq!(problems("sequential"), Vec::<String>::new(), "four ports a call");
    assert!(problems("parallel").iter().any(|problem| problem.contains("ports")), "eight ports a call: {:?}", problems("parallel"));
}
