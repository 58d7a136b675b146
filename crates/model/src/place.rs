//! What a call is counted for on trunks.

use crate::{LegId, Question, QuestionId};

/// What a call has a place on a trunk for. The trunk counts it until the call says that the place is free, or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The leg of whoever called.
    Caller,
    /// The leg of whoever was called, or the member of a ring group that answered.
    Callee,
    /// This member of a ring group.
    Member(u8),
    /// The target of a transfer, or the leg that we were told to dial, that this question was about.
    Target(QuestionId),
    /// The route that has it.
    Route,
    /// This leg, which was another call's.
    Joined(LegId),
}

impl Place {
    /// What the answer to a question gives a place for.
    pub fn asked(id: QuestionId, question: &Question) -> Place {
        match question {
            Question::Ring { member, .. } => Place::Member(*member),
            Question::Forward(forward) => match forward.member {
                Some(member) => Place::Member(member),
                None => Place::Callee,
            },
            Question::Transfer(_) | Question::Target(_) | Question::Call(_) | Question::Told { .. } => Place::Target(id),
            Question::Consulted { asked, .. } => Place::asked(id, asked),
            Question::Admit(_) | Question::User(_) | Question::Route(_) | Question::Dial(_) => Place::Callee,
        }
    }
}
