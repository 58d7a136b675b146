//! The offer/answer table, whole.

use tandem_signalling::negotiation::{Exchange, ExchangeEvent};

#[test]
fn every_state_meets_every_event() {
    let events =
        [ExchangeEvent::OfferArrives, ExchangeEvent::WeOffer, ExchangeEvent::AnswerArrives, ExchangeEvent::WeAnswer, ExchangeEvent::Fails];
    let mut table = String::new();
    for state in Exchange::ALL {
        table += &format!("{state:?}\n");
        for event in events {
            table += &format!("  {:13} -> {:?}\n", format!("{event:?}"), state.on(event));
        }
    }
    insta::assert_snapshot!(table, @r"
    Idle
      OfferArrives  -> Become(OfferReceived { established: false })
      WeOffer       -> Become(OfferSent { established: false })
      AnswerArrives -> Ignore
      WeAnswer      -> Misuse
      Fails         -> Ignore
    OfferReceived { established: false }
      OfferArrives  -> Refuse(500)
      WeOffer       -> Refuse(491)
      AnswerArrives -> Ignore
      WeAnswer      -> Become(Stable)
      Fails         -> Become(Idle)
    OfferReceived { established: true }
      OfferArrives  -> Refuse(500)
      WeOffer       -> Refuse(491)
      AnswerArrives -> Ignore
      WeAnswer      -> Become(Stable)
      Fails         -> Become(Stable)
    OfferSent { established: false }
      OfferArrives  -> Refuse(491)
      WeOffer       -> Refuse(491)
      AnswerArrives -> Become(Stable)
      WeAnswer      -> Misuse
      Fails         -> Become(Idle)
    OfferSent { established: true }
      OfferArrives  -> Refuse(491)
      WeOffer       -> Refuse(491)
      AnswerArrives -> Become(Stable)
      WeAnswer      -> Misuse
      Fails         -> Become(Stable)
    Stable
      OfferArrives  -> Become(OfferReceived { established: true })
      WeOffer       -> Become(OfferSent { established: true })
      AnswerArrives -> Ignore
      WeAnswer      -> Misuse
      Fails         -> Ignore
    ");
}
