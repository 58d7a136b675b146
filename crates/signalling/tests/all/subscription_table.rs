//! The table of the subscription that a REFER makes, whole.

use tandem_signalling::subscription::{Subscription, SubscriptionEvent};

const EVENTS: [SubscriptionEvent; 7] = [
    SubscriptionEvent::Begun,
    SubscriptionEvent::Progress,
    SubscriptionEvent::Decided,
    SubscriptionEvent::Answered,
    SubscriptionEvent::Refused,
    SubscriptionEvent::Expired,
    SubscriptionEvent::LetGo,
];

#[test]
fn every_state_meets_every_event() {
    let mut table = String::new();
    for state in Subscription::ALL {
        table += &format!("{state:?}\n");
        for event in EVENTS {
            let (next, tell) = state.on(event);
            table += &format!("  {:8} -> {:?}, {:?}\n", format!("{event:?}"), next, tell);
        }
    }
    insta::assert_snapshot!(table, @r"
    Told
      Begun    -> Telling, Active
      Progress -> Telling, Active
      Decided  -> TellingLast, Terminated(NoResource)
      Answered -> Told, Nothing
      Refused  -> Over, Nothing
      Expired  -> TellingLast, Terminated(Timeout)
      LetGo    -> TellingLast, Terminated(Timeout)
    Telling
      Begun    -> Behind, Nothing
      Progress -> Behind, Nothing
      Decided  -> LastBehind(NoResource), Nothing
      Answered -> Told, Nothing
      Refused  -> Over, Nothing
      Expired  -> LastBehind(Timeout), Nothing
      LetGo    -> LastBehind(Timeout), Nothing
    Behind
      Begun    -> Behind, Nothing
      Progress -> Behind, Nothing
      Decided  -> LastBehind(NoResource), Nothing
      Answered -> Telling, Active
      Refused  -> Over, Nothing
      Expired  -> LastBehind(Timeout), Nothing
      LetGo    -> LastBehind(Timeout), Nothing
    LastBehind(NoResource)
      Begun    -> LastBehind(NoResource), Nothing
      Progress -> LastBehind(NoResource), Nothing
      Decided  -> LastBehind(NoResource), Nothing
      Answered -> TellingLast, Terminated(NoResource)
      Refused  -> Over, Nothing
      Expired  -> LastBehind(NoResource), Nothing
      LetGo    -> LastBehind(NoResource), Nothing
    LastBehind(Timeout)
      Begun    -> LastBehind(Timeout), Nothing
      Progress -> LastBehind(Timeout), Nothing
      Decided  -> LastBehind(NoResource), Nothing
      Answered -> TellingLast, Terminated(Timeout)
      Refused  -> Over, Nothing
      Expired  -> LastBehind(Timeout), Nothing
      LetGo    -> LastBehind(Timeout), Nothing
    TellingLast
      Begun    -> TellingLast, Nothing
      Progress -> TellingLast, Nothing
      Decided  -> TellingLast, Nothing
      Answered -> Over, Nothing
      Refused  -> Over, Nothing
      Expired  -> TellingLast, Nothing
      LetGo    -> TellingLast, Nothing
    Over
      Begun    -> Over, Nothing
      Progress -> Over, Nothing
      Decided  -> Over, Nothing
      Answered -> Over, Nothing
      Refused  -> Over, Nothing
      Expired  -> Over, Nothing
      LetGo    -> Over, Nothing
    ");
}
