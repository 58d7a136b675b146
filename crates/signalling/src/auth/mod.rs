//! Digest authentication, both ways (RFC 3261 §22, RFC 7616 as far as SIP uses it, RFC 8760).
//!
//! [`Guard`] challenges those who call us and checks what they answer; [`Answers`] is what one leg knows of the challenges that it
//! was given, and answers them. Between them is the grammar: [`Scheme`], and [`DigestChallenge`] and [`Credentials`] made of it.
//!
//! What is deliberately not here: `auth-int`, `userhash`, and every scheme but Digest.

mod answers;
mod challenge;
mod credentials;
mod digest;
mod guard;
mod guesses;
mod nonce;
mod scheme;
mod used;

pub use answers::{Answers, Tried, Unanswerable};
pub use challenge::DigestChallenge;
pub use credentials::Credentials;
pub use digest::{Algorithm, Hash, Hex, Terms};
pub use guard::{Guard, How, Outcome, Source, Wrong};
pub use scheme::{Malformed, Scheme};

pub(crate) use answers::{again, copy_credentials};
