//! Decisions: who may call, where a call goes, with what.
//!
//! What is here: the rules of a configuration in the shape in which they are asked ([`Ruleset`]), the one function that
//! answers ([`decide()`]), and the counters that say when a trunk or the node is full ([`LimitBook`], [`NodeLimits`]).
//!
//! What is deliberately not here: acting. Nothing is sent, counted or changed by deciding; whoever carries a decision
//! out tells the counters.
//!
//! Three things to know: [`Ruleset`], [`CallView`] and [`decide()`].

mod abuse;
mod account;
mod agents;
mod barred;
mod bucket;
mod consult;
mod decide;
mod dial;
mod headers;
mod health;
mod identity;
mod limits;
mod manner;
mod node_limits;
mod numbers;
mod overlap;
mod places;
mod routing;
mod ruleset;
mod slot;
mod targets;
mod toll;
mod trail;
mod trunk;
mod turns;
mod users;

pub use abuse::{AbuseBook, Ban, Offence, Standing};
pub use consult::read_said;
pub use decide::{CallView, decide};
pub use health::HealthBook;
pub use limits::{Begun, LimitBook};
pub use node_limits::{NodeFull, NodeLimits};
pub use places::Places;
pub use ruleset::{Ruleset, load, load_with};
