//! The server interface of OpenTok, as far as it is about telephones: sessions, calls into them, and who is in them. Paths, fields, answers and
//! errors are theirs; `docs/opentok.md` tells what differs.
//!
//! A session is nothing that is kept: its id proves itself ([`session`]). Once somebody is called into it there is a room ([`rooms`]), a call
//! whose legs carry the names that they have here as their label ([`connection`]).

mod connection;
mod dial;
mod keys;
mod mute;
mod refusal;
mod rooms;
mod session;
mod signal;
mod signed;
mod streams;
mod token;
mod who;

use crate::Interface;
use axum::{
    Router,
    routing::{delete, get, post},
};
use refusal::no_such_method;
pub(crate) use rooms::Rooms;
use std::sync::Arc;

/// Every path of it.
pub(crate) fn router() -> Router<Arc<Interface>> {
    let of_session = Router::new()
        .route("/connection/{connection}", delete(connection::disconnect))
        .route("/connection/{connection}/play-dtmf", post(keys::play_to_one))
        .route("/connection/{connection}/signal", post(signal::to_one))
        .route("/play-dtmf", post(keys::play_to_all))
        .route("/signal", post(signal::to_all))
        .route("/stream", get(streams::list))
        .route("/stream/{stream}", get(streams::get))
        .route("/stream/{stream}/mute", post(mute::one))
        .route("/mute", post(mute::all));
    Router::new()
        .route("/session/create", post(session::create))
        .route("/v2/project/{project}/dial", post(dial::dial))
        .nest("/v2/project/{project}/session/{session}", of_session)
        .method_not_allowed_fallback(no_such_method)
}
