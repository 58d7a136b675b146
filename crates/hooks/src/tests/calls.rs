//! What the client calls, and what it does not.

use super::receiver::{Answer, receive};
use crate::{AskError, Block, Client, Guard, MAX_REDIRECTS, PostError, Reply, Terms, Url, ask};
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// Longer than any test.
const TERMS: Terms = Terms { timeout: Duration::from_secs(60), max_reply: 1000 };

/// A client that may call 127.0.0.1 and nobody else here.
fn client() -> Client {
    Client::new(Guard::new([Block { first: [127, 0, 0, 1].into(), length: 32 }]), None)
}

async fn post(client: &Client, url: &str) -> Result<Reply, PostError> {
    client.post(&Url::parse(url).unwrap(), &[], Bytes::from_static(b"{}"), &TERMS).await
}

#[tokio::test]
async fn what_was_posted_arrives() {
    let mut receiver = receive("127.0.0.1", None, |_| Answer::Long(5)).await;
    let reply = post(&client(), &format!("http://{}/hook?x=1", receiver.address)).await;
    assert_eq!(reply, Ok(Reply { status: 200, body: Bytes::from_static(b"xxxxx") }));
    let got = receiver.got.recv().await.unwrap();
    assert_eq!((got.path.as_str(), got.content_type.as_str(), &got.body[..]), ("/hook", "application/json", &b"{}"[..]));
    assert_eq!(got.signature, None);
}

#[tokio::test]
async fn addresses_of_our_own_network_are_not_called() {
    let mut receiver = receive("127.0.0.1", None, |_| Answer::Status(200)).await;
    let (port, strict) = (receiver.address.port(), Client::new(Guard::default(), None));
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254"] {
        let error = post(&strict, &format!("http://{host}:{port}/")).await;
        assert_eq!(error, Err(PostError::Forbidden(host.into())), "{host}");
    }
    assert!(receiver.got.try_recv().is_err(), "nothing was connected to");
    assert!(post(&client(), &format!("http://localhost:{port}/")).await.is_ok(), "what is allowed is, by its name too");
}

#[tokio::test]
async fn a_redirection_is_followed_where_it_may_lead() {
    let elsewhere = receive("127.0.0.2", None, |_| Answer::Status(200)).await;
    let last = receive("127.0.0.1", None, |_| Answer::Status(201)).await;
    let goal = format!("http://{}/goal", last.address);
    let first = receive("127.0.0.1", None, move |_| Answer::Redirect(307, goal.clone())).await;
    assert_eq!(post(&client(), &format!("http://{}/", first.address)).await.map(|reply| reply.status), Ok(201));

    let forbidden = format!("http://{}/", elsewhere.address);
    let trap = receive("127.0.0.1", None, move |_| Answer::Redirect(308, forbidden.clone())).await;
    assert_eq!(post(&client(), &format!("http://{}/", trap.address)).await, Err(PostError::Forbidden("127.0.0.2".into())));
}

#[tokio::test]
async fn redirections_come_to_an_end() {
    let mut circle = receive("127.0.0.1", None, |_| Answer::Redirect(307, "/again".into())).await;
    assert_eq!(post(&client(), &format!("http://{}/", circle.address)).await, Err(PostError::Redirected));
    circle.got.close();
    let mut requests = 0;
    while circle.got.recv().await.is_some() {
        requests += 1;
    }
    assert_eq!(requests, MAX_REDIRECTS + 1);
    // What would become a GET is an answer like any other.
    let moved = receive("127.0.0.1", None, |_| Answer::Redirect(302, "/elsewhere".into())).await;
    assert_eq!(post(&client(), &format!("http://{}/", moved.address)).await.map(|reply| reply.status), Ok(302));
}

#[tokio::test]
async fn an_answer_has_bounds() {
    let long = receive("127.0.0.1", None, |_| Answer::Long(1001)).await;
    assert_eq!(post(&client(), &format!("http://{}/", long.address)).await, Err(PostError::TooLong(1000)));
    let never = receive("127.0.0.1", None, |_| Answer::When(Arc::new(Semaphore::new(0)))).await;
    let url = Url::parse(&format!("http://{}/", never.address)).unwrap();
    let short = Terms { timeout: Duration::from_millis(50), ..TERMS };
    assert_eq!(client().post(&url, &[], Bytes::new(), &short).await, Err(PostError::Timeout(short.timeout)));
    // Nobody listens on a port that was just given back.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = post(&client(), &format!("http://{gone}/")).await;
    assert!(matches!(&error, Err(PostError::Failed(why)) if why.contains("refused")), "{error:?}");
}

#[tokio::test]
async fn a_server_is_believed_if_its_issuer_is() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let receiver = receive("127.0.0.1", Some(TlsAcceptor::from(Arc::new(tls))), |_| Answer::Status(200)).await;
    let url = format!("https://localhost:{}/", receiver.address.port());
    let guard = Guard::new([Block { first: [127, 0, 0, 1].into(), length: 32 }]);
    let known = Client::new(guard.clone(), Some(made.cert.pem().as_bytes()));
    assert_eq!(post(&known, &url).await.map(|reply| reply.status), Ok(200));
    let error = post(&Client::new(guard, None), &url).await;
    assert!(matches!(&error, Err(PostError::Failed(why)) if why.contains("certificate")), "{error:?}");
}

#[tokio::test]
async fn who_is_asked_answers_with_200_and_text() {
    let mut receiver = receive("127.0.0.1", None, |number| if number == 0 { Answer::Long(3) } else { Answer::Status(404) }).await;
    let url = Url::parse(&format!("http://{}/route", receiver.address)).unwrap();
    let (client, span) = (client(), Duration::from_secs(60));
    assert_eq!(ask(&client, &url, Some("s3cret"), Bytes::from_static(b"{}"), span).await.as_deref(), Ok("xxx"));
    let signature = receiver.got.recv().await.unwrap().signature.unwrap();
    let time = signature.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
    assert_eq!(signature, crate::sign("s3cret", time, b"{}"));
    assert_eq!(ask(&client, &url, None, Bytes::new(), span).await, Err(AskError::Status(404)));
    assert_eq!(receiver.got.recv().await.unwrap().signature, None);
}

#[tokio::test]
async fn a_token_goes_to_the_host_that_was_asked_and_to_no_other() {
    let token = [(AUTHORIZATION, HeaderValue::from_static("Bearer t0ken"))];
    let mut last = receive("127.0.0.1", None, |_| Answer::Status(200)).await;
    let goal = format!("http://{}/goal", last.address);
    let script = move |number| if number == 0 { Answer::Redirect(302, "/again".into()) } else { Answer::Redirect(301, goal.clone()) };
    let mut first = receive("127.0.0.1", None, script).await;
    let url = Url::parse(&format!("http://{}/me", first.address)).unwrap();
    assert_eq!(client().get(&url, &token, &TERMS).await.map(|reply| reply.status), Ok(200));
    for path in ["/me", "/again"] {
        let got = first.got.recv().await.unwrap();
        assert_eq!((&*got.method, &*got.path, got.authorization.as_deref()), ("GET", path, Some("Bearer t0ken")));
    }
    let got = last.got.recv().await.unwrap();
    assert_eq!((&*got.method, &*got.path, got.authorization), ("GET", "/goal", None));
}
