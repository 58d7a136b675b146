//! What searches ask, and what becomes of absurd answers; the bounds of the machine that finds hops.

use std::time::Duration;
use tandem_model::{Hop, ListenerId, NoHop, Timestamp, Transport};
use tandem_signalling::locate::{
    Asker, Door, Kind, Located, Locator, MAX_HOPS, MAX_QUESTIONS, MAX_QUESTIONS_OF_ONE, MAX_SEARCHES, Question, Records, Reply, Sought, Srv,
};

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn sought(host: &str, port: Option<u16>) -> Sought {
    let door = Door { listener: ListenerId(0), transport: Transport::Udp, is_ipv4: true };
    Sought { host: host.into(), port, is_open: false, doors: [door].into(), seed: 1, asker: Asker::House }
}

fn addresses(list: &[[u8; 4]]) -> Reply {
    Reply::Found(Records::Addresses(list.iter().map(|address| (*address).into()).collect()), Duration::from_secs(60))
}

fn hops(located: Option<(u32, Located)>) -> Vec<Hop> {
    located.expect("it is found").1.expect("there are hops").into_vec()
}

#[test]
fn searches_for_one_thing_ask_once_and_are_all_told() {
    let mut locator = Locator::new();
    for seeker in 0..3 {
        assert_eq!(locator.locate(NOW, seeker, sought("a.example", Some(5060))), None);
    }
    let question = locator.poll_question().expect("one question");
    assert_eq!((question.kind, locator.poll_question()), (Kind::A, None));
    locator.answer(NOW, &question, addresses(&[[192, 0, 2, 1]]));
    let told: Vec<u32> = std::iter::from_fn(|| locator.poll_located()).map(|(seeker, _)| seeker).collect();
    assert_eq!(told, [0, 1, 2]);
    assert_eq!(
        hops(locator.locate(NOW, 9, sought("A.Example.", Some(5060)))).len(),
        1,
        "names have no case, and a dot at the end says nothing"
    );
}

#[test]
fn an_address_that_dns_says_is_used_whatever_it_is_and_those_beyond_a_few_are_not() {
    let mut locator = Locator::new();
    assert_eq!(locator.locate(NOW, 0, sought("a.example", Some(5060))), None);
    let question = locator.poll_question().expect("a question");
    let many: Vec<[u8; 4]> = (0..=255).map(|last| [127, 0, 0, last]).collect();
    locator.answer(NOW, &question, addresses(&many));
    let found = hops(locator.poll_located());
    assert_eq!((found.len(), found[0].address.to_string().as_str()), (8, "127.0.0.0:5060"));
}

#[test]
fn one_of_many_records_leads_to_a_bounded_number_of_hops() {
    let mut locator = Locator::new();
    assert_eq!(locator.locate(NOW, 0, sought("a.example", None)), None);
    let record = |number: u16| Srv { priority: number % 7, weight: number, port: 5060, target: format!("t{number}.example").into() };
    let question = locator.poll_question().expect("a question");
    locator.answer(NOW, &question, Reply::Found(Records::Srv((0..5_000).map(record).collect()), Duration::from_secs(60)));
    let mut asked = 0u8;
    while let Some(question) = locator.poll_question() {
        asked += 1;
        locator.answer(NOW, &question, addresses(&[[10, 0, 1, asked], [10, 0, 2, asked]]));
    }
    assert_eq!((asked, hops(locator.poll_located()).len()), (16, MAX_HOPS));
}

#[test]
fn records_that_lead_to_themselves_lead_nowhere() {
    let mut locator = Locator::new();
    assert_eq!(locator.locate(NOW, 0, sought("a.example", None)), None);
    let srv = locator.poll_question().expect("a question");
    let itself = Srv { priority: 0, weight: 0, port: 5060, target: srv.name.clone() };
    locator.answer(NOW, &srv, Reply::Found(Records::Srv([itself].into()), Duration::from_secs(60)));
    let address = locator.poll_question().expect("its address");
    assert_eq!((&address.name, address.kind), (&srv.name, Kind::A));
    locator.answer(NOW, &address, Reply::Nothing(None));
    assert_eq!(locator.poll_located(), Some((0, Err(NoHop::Unknown))));
}

#[test]
fn what_dns_does_not_answer_is_told_from_what_it_does_not_have() {
    for (reply, lost) in [(Reply::Nothing(None), NoHop::Unknown), (Reply::Failed, NoHop::Unanswered)] {
        let mut locator = Locator::new();
        assert_eq!(locator.locate(NOW, 0, sought("a.example", Some(5060))), None);
        let question = locator.poll_question().expect("a question");
        locator.answer(NOW, &question, reply);
        assert_eq!(locator.poll_located(), Some((0, Err(lost))));
    }
}

#[test]
fn an_empty_answer_is_none() {
    let mut locator = Locator::new();
    assert_eq!(locator.locate(NOW, 0, sought("a.example", Some(5060))), None);
    let question = locator.poll_question().expect("a question");
    locator.answer(NOW, &question, addresses(&[]));
    assert_eq!(locator.poll_located(), Some((0, Err(NoHop::Unknown))));
}

#[test]
fn questions_and_searches_are_bounded() {
    let mut locator = Locator::new();
    let mut refused = 0;
    for number in 0..MAX_QUESTIONS + 10 {
        let located = locator.locate(NOW, number as u32, sought(&format!("h{number}.example"), Some(5060)));
        refused += usize::from(located == Some((number as u32, Err(NoHop::Unanswered))));
    }
    let asked: Vec<Question> = std::iter::from_fn(|| locator.poll_question()).collect();
    assert_eq!((asked.len(), refused), (MAX_QUESTIONS, 10));
    let mut locator = Locator::new();
    let located: Vec<_> =
        (0..MAX_SEARCHES + 10).filter_map(|seeker| locator.locate(NOW, seeker, sought("a.example", Some(5060)))).collect();
    assert_eq!(located.len(), 10);
}

#[test]
fn the_answers_that_are_kept_are_bounded() {
    let mut locator = Locator::new();
    for number in 0..5_000u32 {
        let now = NOW + Duration::from_millis(number.into());
        if locator.locate(now, number, sought(&format!("h{number}.example"), Some(5060))).is_none() {
            let question = locator.poll_question().expect("a question");
            locator.answer(now, &question, addresses(&[[192, 0, 2, 1]]));
            assert!(locator.poll_located().is_some());
        }
    }
    let later = NOW + Duration::from_secs(5);
    assert_eq!(locator.locate(later, 0, sought("h0.example", Some(5060))), None, "the oldest made room");
    assert!(locator.locate(later, 0, sought("h4999.example", Some(5060))).is_some());
}

// What peers may ask, and what that means for us.

fn of_peer(peer: u64, host: &str) -> Sought {
    Sought { asker: Asker::Peer(peer), ..sought(host, Some(5060)) }
}

/// Peers have asked for as many names as they may, and none is answered.
fn beset() -> Locator<u32> {
    let mut locator = Locator::new();
    for number in 0..2 * MAX_QUESTIONS as u32 {
        locator.locate(NOW, number, of_peer(u64::from(number) / 5, &format!("slow{number}.example")));
    }
    locator
}

#[test]
fn what_peers_ask_leaves_room_for_us() {
    let mut locator = beset();
    let asked: Vec<Question> = std::iter::from_fn(|| locator.poll_question()).collect();
    assert_eq!(asked.len(), MAX_QUESTIONS / 2);
    assert_eq!(locator.locate(NOW, 0, sought("carrier.example", Some(5060))), None);
    let question = locator.poll_question().expect("it is asked");
    assert!(locator.is_ours(&question) && asked.iter().all(|question| !locator.is_ours(question)));
}

#[test]
fn what_one_call_asks_leaves_room_for_others() {
    let mut locator = Locator::new();
    let ask = |locator: &mut Locator<u32>, peer: u64| -> usize {
        let sought = |number: usize| of_peer(peer, &format!("{peer}.{number}.example"));
        let located = (0..MAX_QUESTIONS_OF_ONE + 3).filter_map(|number| locator.locate(NOW, 0, sought(number)));
        located.filter(|(_, located)| *located == Err(NoHop::Unanswered)).count()
    };
    assert_eq!((ask(&mut locator, 1), ask(&mut locator, 2)), (3, 3));
}

#[test]
fn what_a_peer_may_not_ask_is_asked_for_us_all_the_same() {
    let mut locator = beset();
    assert!(locator.locate(NOW, 0, of_peer(999, "carrier.example")).is_some(), "nobody was asked");
    assert_eq!(locator.locate(NOW, 1, sought("carrier.example", Some(5060))), None, "and so nothing is known of it");
}

#[test]
fn a_question_of_a_peer_that_is_ours_too_counts_as_ours() {
    let mut locator = Locator::new();
    assert_eq!(locator.locate(NOW, 0, of_peer(1, "carrier.example")), None);
    assert_eq!(locator.locate(NOW, 1, sought("carrier.example", Some(5060))), None);
    let question = locator.poll_question().expect("one question");
    assert!(locator.is_ours(&question) && locator.poll_question().is_none());
}

#[test]
fn a_name_that_nobody_answers_for_says_nothing_of_others() {
    let mut locator = Locator::new();
    assert_eq!(locator.locate(NOW, 0, sought("carrier.example", Some(5060))), None);
    let carrier = locator.poll_question().expect("a question");
    locator.answer(NOW, &carrier, addresses(&[[192, 0, 2, 1]]));
    assert!(locator.poll_located().is_some());
    // Its record has run out, and somebody asks for a name whose servers are silent.
    let later = NOW + Duration::from_secs(70);
    assert_eq!(locator.locate(later, 1, of_peer(1, "slow.example")), None);
    let slow = locator.poll_question().expect("a question");
    locator.handle_timeout(later + Duration::from_secs(1));
    locator.answer(later + Duration::from_secs(3), &slow, Reply::Failed);
    let now = later + Duration::from_secs(4);
    assert_eq!(locator.locate(now, 2, sought("carrier.example", Some(5060))), None, "it is asked for anew, and waited for");
    locator.answer(now, &carrier, addresses(&[[192, 0, 2, 9]]));
    assert_eq!(
        std::iter::from_fn(|| locator.poll_located()).last().map(|located| hops(Some(located))[0].address.to_string()).as_deref(),
        Some("192.0.2.9:5060")
    );
}

#[test]
fn names_of_peers_do_not_crowd_out_ours() {
    let mut locator = Locator::new();
    assert_eq!(locator.locate(NOW, 0, sought("carrier.example", Some(5060))), None);
    let question = locator.poll_question().expect("a question");
    locator.answer(NOW, &question, addresses(&[[192, 0, 2, 1]]));
    for number in 0..5_000 {
        assert_eq!(locator.locate(NOW, 0, of_peer(1, &format!("h{number}.example"))), None);
        let question = locator.poll_question().expect("a question");
        let reply = Reply::Found(Records::Addresses([[192, 0, 2, 2].into()].into()), Duration::from_secs(3_000));
        locator.answer(NOW, &question, reply);
    }
    assert!(locator.locate(NOW, 1, sought("carrier.example", Some(5060))).is_some());
    assert!(locator.locate(NOW, 1, of_peer(1, "h0.example")).is_none());
}
