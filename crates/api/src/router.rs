//! Every path, and what needs which scope: the document that tells of them is made of the same list.

use crate::{
    Interface, access, admin, calls,
    compat::{opentok, webex_dialer},
    cors, dial, document, events, front, guests, health, hearing,
    legs::{audible, dtmf, hold, play, record},
    metrics, page, records, registrations, repeat, trace, trunks,
};
use axum::{Router, middleware, routing::get};
use std::sync::Arc;
use tandem_config::Scope;
use utoipa_axum::{router::OpenApiRouter, routes};

type Routes = OpenApiRouter<Arc<Interface>>;

/// The router of an interface.
pub(crate) fn router(interface: &Arc<Interface>) -> Router {
    let (routes, _) = routes().split_for_parts();
    routes
        .layer(middleware::from_fn_with_state(interface.clone(), repeat::remember))
        .layer(middleware::from_fn(front::in_time))
        .merge(webex_dialer::routes())
        .route("/docs", get(page::page))
        .fallback(front::nothing_here)
        .method_not_allowed_fallback(front::no_such_method)
        .layer(middleware::from_fn_with_state(interface.clone(), access::identify))
        .layer(middleware::from_fn_with_state(interface.clone(), cors::answer))
        .merge(opentok::router().layer(middleware::from_fn(front::in_time)))
        .layer(middleware::from_fn(front::stand))
        .with_state(interface.clone())
}

/// The document that tells of all of it.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    document::finish(routes().into_openapi())
}

fn routes() -> Routes {
    let open = OpenApiRouter::new().routes(routes!(health::health)).routes(routes!(health::ready)).routes(routes!(document::openapi));
    let admin = OpenApiRouter::new().routes(routes!(admin::drain)).routes(routes!(admin::reload));
    let seen = OpenApiRouter::new()
        .routes(routes!(calls::list))
        .routes(routes!(calls::get))
        .routes(routes!(events::events))
        .routes(routes!(records::list))
        .routes(routes!(trace::trace))
        .routes(routes!(trunks::list))
        .routes(routes!(registrations::list))
        .routes(routes!(metrics::metrics));
    let called = OpenApiRouter::new()
        .routes(routes!(dial::make))
        .routes(routes!(guests::end))
        .routes(routes!(guests::add))
        .routes(routes!(guests::hang_up))
        .routes(routes!(guests::reject))
        .routes(routes!(guests::transfer))
        .routes(routes!(hearing::hearing))
        .routes(routes!(audible::mute))
        .routes(routes!(audible::unmute))
        .routes(routes!(audible::deafen))
        .routes(routes!(audible::undeafen))
        .routes(routes!(hold::hold))
        .routes(routes!(hold::unhold))
        .routes(routes!(dtmf::dtmf))
        .routes(routes!(play::play))
        .routes(routes!(play::stop))
        .routes(routes!(record::record))
        .routes(routes!(record::stop_record));
    open.merge(needs(Scope::Read, seen)).merge(needs(Scope::Call, called)).merge(needs(Scope::Admin, admin))
}

/// Routes that need a scope, and say so.
fn needs(scope: Scope, mut routes: Routes) -> Routes {
    document::needs(scope, routes.get_openapi_mut());
    routes.route_layer(middleware::from_fn_with_state(scope, access::require))
}
