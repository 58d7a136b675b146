//! What searches ask, and what becomes of absurd answers; the bounds of the machine that finds hops.

use std::time::Duration;
use tandem_model::{Hop, ListenerId, NoHop, Timestamp, Transport};
use tandem_signalling::locate::{
    Door, Kind, Located, Locator, MAX_HOPS, MAX_QUESTIONS, MAX_SEARCHES, Question, Records, Reply, Sought, Srv,
};

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn sought(host: &str, port: Option<u16>) -> Sought {
    let door = Door { listener: ListenerId(0), transport: Transport::Udp, is_ipv4: true };
    Sought { host: host.into(), port, is_open: false, doors: [door].into(), seed: 1 }
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
