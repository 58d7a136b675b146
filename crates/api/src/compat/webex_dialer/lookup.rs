//! What Webex is asked before anybody is called: whether the tokens are good, and where the meeting is. A token goes to the configured place
//! and to no other.

use super::{
    WebexDialer,
    address::Address,
    answer::{BadToken, Failure, Whose},
    asked::Asked,
    meeting::{Meeting, is_same_link, personal_room},
};
use serde_json::Value;
use std::time::Duration;
use tandem_hooks::{PostError, Terms, Url, bearer};
use tandem_model::Secret;
use tokio::time::{sleep, timeout};

/// How long it is until Webex is asked again that gave no answer, or none that means anything.
const AGAIN: Duration = Duration::from_secs(2);

/// The longest answer, in bytes.
const MAX_REPLY: usize = 256 << 10;

/// Whom the two legs call.
#[derive(Debug)]
pub(super) struct Legs {
    pub(super) meeting: Address,
    pub(super) endpoint: Address,
}

/// Why Webex does not say what it is asked.
#[derive(Debug)]
enum Refused {
    Status(u16),
    /// It is no token that could be sent.
    NoToken,
    /// What was answered cannot be read, or is not to be had.
    Unreadable,
}

/// Checks the tokens and finds both addresses.
///
/// # Errors
/// What is wrong, or that Webex has not said for so long.
pub(super) async fn load(dialer: &WebexDialer, asked: &Asked) -> Result<Legs, Failure> {
    let config = &dialer.config;
    let meeting = timeout(config.load_timeout, async {
        dialer.check_tokens(asked).await?;
        dialer.find(asked).await.map_err(|why| Failure::Meeting(asked.meeting.clone(), why))
    });
    let found = meeting.await.unwrap_or(Err(Failure::NotLoaded))?;
    let meeting = Address::of(&found, &config.trunk, &config.may_call);
    let meeting = meeting.map_err(|why| Failure::Meeting(asked.meeting.clone(), why.to_owned()))?;
    let endpoint = Address::of(&asked.endpoint, &config.endpoint_trunk, &config.may_call);
    let endpoint = endpoint.map_err(|why| Failure::Endpoint(asked.endpoint.clone(), why.to_owned()))?;
    Ok(Legs { meeting, endpoint })
}

impl WebexDialer {
    async fn check_tokens(&self, asked: &Asked) -> Result<(), Failure> {
        let own = async {
            match &asked.meeting_token {
                Some(token) => self.check(Whose::Meeting, token).await,
                None => None,
            }
        };
        let (initial, endpoint, own) =
            tokio::join!(self.check(Whose::Initial, &asked.initial_token), self.check(Whose::Endpoint, &asked.endpoint_token), own);
        let bad: Vec<_> = [initial, endpoint, own].into_iter().flatten().collect();
        if bad.is_empty() { Ok(()) } else { Err(Failure::Tokens(bad)) }
    }

    /// What is wrong with a token.
    async fn check(&self, whose: Whose, token: &Secret) -> Option<(Whose, BadToken)> {
        match self.get("/people/me", token).await {
            Ok(_) => None,
            Err(Refused::Status(401)) => Some((whose, BadToken::Unauthorized)),
            Err(Refused::Status(_) | Refused::NoToken | Refused::Unreadable) => Some((whose, BadToken::Invalid)),
        }
    }

    /// The SIP address of the meeting, or why there is none, in words.
    async fn find(&self, asked: &Asked) -> Result<String, String> {
        let meeting = Meeting::of(&asked.meeting).ok_or("it is neither a SIP address nor a room nor a link of a meeting")?;
        // The one who joins it first; but a guest may not know what somebody else does.
        let tokens: Vec<_> =
            [&asked.initial_token].into_iter().chain(asked.meeting_token.as_ref()).chain([&asked.endpoint_token]).collect();
        match meeting {
            Meeting::Sip(address) => Ok(address),
            Meeting::Room(id) => {
                let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
                let path = format!("/rooms/{id}/meetingInfo");
                self.first(&tokens, &path, |info| address_in(info, "/sipAddress")).await
            }
            Meeting::Link(link) => {
                let query = form_urlencoded::Serializer::new(String::new()).append_pair("webLink", &link).finish();
                let listed = self.first(&tokens, &format!("/meetings?{query}"), |found| address_in(found, "/items/0/sipAddress")).await;
                let Err(why) = listed else { return listed };
                let Some(room) = personal_room(&link) else { return Err(why) };
                let own = |info: &Value| {
                    let is_it = info["personalMeetingRoomLink"].as_str().is_some_and(|own| is_same_link(own, &link));
                    is_it.then(|| address_in(info, "/sipAddress")).flatten()
                };
                Ok(self.first(&tokens, "/meetingPreferences/personalMeetingRoom", own).await.unwrap_or(room))
            }
        }
    }

    /// What `read` finds in the answer to the first of these tokens for which it does.
    async fn first(&self, tokens: &[&Secret], path: &str, read: impl Fn(&Value) -> Option<String>) -> Result<String, String> {
        let mut why = None;
        for token in tokens {
            match self.get(path, token).await {
                Ok(answer) => match read(&answer) {
                    Some(found) => return Ok(found),
                    None => why = why.or_else(|| Some("Webex knows no SIP address of it".to_owned())),
                },
                Err(Refused::Status(status)) => why = why.or_else(|| Some(format!("Webex answered {status}"))),
                Err(Refused::NoToken | Refused::Unreadable) => {}
            }
        }
        Err(why.unwrap_or_else(|| "Webex did not say where it is".to_owned()))
    }

    /// What is there for whoever has that token. Asks again for as long as it is polled where there is no answer.
    async fn get(&self, path: &str, token: &Secret) -> Result<Value, Refused> {
        let headers = [bearer(token.expose()).ok_or(Refused::NoToken)?];
        let url = Url::parse(&format!("{}{path}", self.config.base)).map_err(|_| Refused::Unreadable)?;
        let terms = Terms { timeout: self.config.load_timeout, max_reply: MAX_REPLY };
        loop {
            match self.client.get(&url, &headers, &terms).await {
                Ok(reply) if reply.status == 200 => return serde_json::from_slice(&reply.body).map_err(|_| Refused::Unreadable),
                Ok(reply) if reply.status != 429 && reply.status < 500 => return Err(Refused::Status(reply.status)),
                Ok(reply) => tracing::debug!(%url, status = reply.status, "Webex did not answer what it was asked"),
                Err(PostError::TooLong(_) | PostError::Redirected) => return Err(Refused::Unreadable),
                Err(error) => tracing::debug!(%url, %error, "Webex could not be asked"),
            }
            sleep(AGAIN).await;
        }
    }
}

fn address_in(answer: &Value, place: &str) -> Option<String> {
    answer.pointer(place).and_then(Value::as_str).filter(|address| !address.is_empty()).map(str::to_owned)
}
