//! Somebody is asked, and answers with JSON.

use crate::{
    Client, PostError, Terms, Url,
    signature::{SIGNATURE_HEADER, sign},
};
use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest answer, in bytes.
pub const MAX_ANSWER: usize = 64 * 1024;

/// Why there is no answer that could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is none at all.
    #[error(transparent)]
    Post(#[from] PostError),
    /// Not 200.
    #[error("it answered with status {0}")]
    Status(u16),
    /// No UTF-8.
    #[error("its answer is no text")]
    NoText,
}

/// Posts a question, signed with `secret` if there is one, and gives the body of a 200.
///
/// # Errors
/// See [`AskError`].
pub async fn ask(client: &Client, url: &Url, secret: Option<&str>, question: Bytes, timeout: Duration) -> Result<Box<str>, AskError> {
    let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let signature = secret.and_then(|secret| HeaderValue::from_str(&sign(secret, unix_s, &question)).ok());
    let headers: Vec<_> = signature.map(|signature| (HeaderName::from_static(SIGNATURE_HEADER), signature)).into_iter().collect();
    let reply = client.post(url, &headers, question, &Terms { timeout, max_reply: MAX_ANSWER }).await?;
    if reply.status != 200 {
        return Err(AskError::Status(reply.status));
    }
    std::str::from_utf8(&reply.body).map(Box::from).map_err(|_| AskError::NoText)
}
