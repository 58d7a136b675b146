//! Routes that ask: their questions as JSON, and the client that puts them.

use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;
use tandem_api::WebexDialer;
use tandem_config::Config;
use tandem_hooks::{Block, Client, Guard, Url, ask};
use tandem_model::{CallId, Question, Route};
use tandem_runtime::{Consultation, Consultations, MAX_CONSULTATIONS, background::Background, log::Rfc3339, tls::system_issuers};
use tokio::sync::{Semaphore, mpsc};

/// Questions under way at a time.
const MAX_ASKED: usize = 256;

/// A client for all that the node calls by HTTP itself. Blocks on the system's list of issuers.
pub(crate) fn client(config: &Config) -> Client {
    Client::new(guard(config), system_issuers().as_deref())
}

/// What `[webex]` has us ask. Blocks as [`client`] does.
pub(crate) fn webex(config: &Config) -> Option<WebexDialer> {
    let webex = config.webex.clone()?;
    // Configuration has looked at the URL.
    let guard = Url::parse(&webex.base).map_or_else(|_| guard(config), |base| guard(config).letting(&base));
    Some(WebexDialer::new(webex, Client::new(guard, system_issuers().as_deref())))
}

fn guard(config: &Config) -> Guard {
    Guard::new(config.webhooks.allow.iter().map(|network| Block { first: network.address, length: network.prefix }))
}

/// Where a node may leave its questions; they are put in the background.
pub(crate) fn start(background: &Background, client: Client) -> Consultations {
    let (give, mut taken) = mpsc::channel(MAX_CONSULTATIONS);
    let asks = background.clone();
    // It ends with the node that holds the other end.
    drop(background.run(async move {
        let room = Arc::new(Semaphore::new(MAX_ASKED));
        while let Some(consultation) = taken.recv().await {
            let Ok(place) = room.clone().acquire_owned().await else { return };
            let client = client.clone();
            drop(asks.run(async move {
                put(&client, consultation).await;
                drop(place);
            }));
        }
    }));
    give
}

async fn put(client: &Client, consultation: Consultation) {
    let Some(question) = question(&consultation) else { return };
    let Consultation { call, consult, reply, .. } = consultation;
    let secret = consult.secret.as_ref().map(|secret| secret.expose());
    // Configuration has looked at the URL.
    let Ok(url) = Url::parse(&consult.url) else { return };
    match ask(client, &url, secret, question, consult.timeout).await {
        // A call that waits no longer does not mind.
        Ok(said) => drop(reply.send(said)),
        Err(error) => tracing::debug!(%call, %url, %error, "who was asked where a call goes said nothing"),
    }
}

/// What is posted.
#[derive(Serialize)]
struct Asked<'a> {
    r#type: &'static str,
    time: String,
    call: String,
    route: &'a str,
    transfer: bool,
    origin: Box<str>,
    called: &'a str,
    uri: &'a str,
    caller: Option<AskedCaller<'a>>,
    headers: &'a [(Box<str>, Box<str>)],
}

#[derive(Serialize)]
struct AskedCaller<'a> {
    number: &'a str,
    name: Option<&'a str>,
    private: bool,
}

fn question(consultation: &Consultation) -> Option<Bytes> {
    let Consultation { call, unix_us, consult, asked, .. } = consultation;
    let (route, transfer) = match asked {
        Question::Route(route) => (route, false),
        Question::Transfer(route) => (route, true),
        _ => return None,
    };
    Some(as_json(*call, *unix_us, &consult.rule, route, transfer))
}

fn as_json(call: CallId, unix_us: i64, rule: &str, route: &Route, transfer: bool) -> Bytes {
    let caller = route.caller.as_ref().map(|caller| AskedCaller {
        number: &caller.number,
        name: caller.name.as_deref(),
        private: caller.privacy.hides_caller(),
    });
    let asked = Asked {
        r#type: "route.asked",
        time: Rfc3339(unix_us).to_string(),
        call: call.to_string(),
        route: rule,
        transfer,
        origin: route.origin.endpoint(),
        called: &route.called,
        uri: &route.uri,
        caller,
        headers: &route.headers,
    };
    // Text and lists of text are always JSON.
    serde_json::to_vec(&asked).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::{Caller, Origin, Privacy, TrunkId};

    #[test]
    fn a_question_shows_the_call() {
        let caller = Caller { name: Some("A \"b\"\n".into()), number: "+49".into(), privacy: Privacy::default(), is_screened: false };
        let route = Route {
            origin: Origin::Trunk { id: TrunkId(0), name: "pbx".into() },
            called: "4711".into(),
            uri: "sip:4711@192.0.2.1".into(),
            caller: Some(caller),
            trail: None,
            headers: [("X-Ref".into(), "</script>".into())].into(),
        };
        let json = as_json(CallId::new(1_700_000_000_000, 1), 1_700_000_000_000_000, "asks", &route, false);
        let read: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(read["time"], "2023-11-14T22:13:20.000000Z");
        assert_eq!((&read["origin"], &read["called"], &read["route"]), (&"trunk:pbx".into(), &"4711".into(), &"asks".into()));
        assert_eq!((&read["caller"]["name"], &read["headers"][0][1]), (&"A \"b\"\n".into(), &"</script>".into()));
        assert_eq!(read["transfer"], false);
    }
}
