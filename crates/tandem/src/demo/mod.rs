//! The demo: two phones inside the process, each with an address of its own, call each other through the node's sockets, and
//! the terminal shows what went to and fro and what was heard.

mod driver;

use crate::say;
use anyhow::{Context, bail, ensure};
use driver::Driver;
use std::{net::SocketAddr, time::Duration};
use tandem_phone::{Phone, Place, Script, Setup, media::Measurement};
use tandem_runtime::{background::Background, clock::Clock, ladder::Ladder};
use tokio::time::timeout;

/// How long the phones talk: two windows of their meters.
const TALK_MS: u64 = 1_500;

/// A demo that takes longer than this has failed.
const DEADLINE: Duration = Duration::from_secs(20);

/// After how long the callee says 200; it rings before that.
const ANSWER_MS: u64 = 200;

/// A frequency was heard right if it is no further off than this.
const TOLERANCE_HZ: f64 = 5.0;

/// One of the two.
struct Part {
    name: &'static str,
    /// As the configuration's trunks `demo-alice` and `demo-bob` have it.
    address: &'static str,
    tone_hz: f64,
}

const ALICE: Part = Part { name: "alice", address: "127.0.1.1:5060", tone_hz: 500.0 };
const BOB: Part = Part { name: "bob", address: "127.0.1.2:5060", tone_hz: 900.0 };

/// Starts the phones on `background`. They place one call through the node at `tandem`, say how it went, and can be called
/// as long as the process lives.
pub(crate) fn start(background: &Background, tandem: SocketAddr) {
    let here = background.clone();
    background.run(async move {
        if let Err(error) = run(here, tandem).await {
            say(format_args!("the demo call failed: {error:#}"));
        }
    });
}

async fn run(background: Background, tandem: SocketAddr) -> anyhow::Result<()> {
    let clock = Clock::start();
    let (mut alice, mut bob) = (bind(&ALICE, tandem, clock).await?, bind(&BOB, tandem, clock).await?);
    say(format_args!("\ndemo: alice ({}) calls bob ({}) through tandem ({tandem})\n", ALICE.address, BOB.address));
    bob.phone.always(Script::answers(ANSWER_MS));
    let call = Place::new(&format!("sip:{}@{tandem}", BOB.name)).script(Script::new().bye(TALK_MS));
    let now = alice.now();
    alice.phone.place(now, call);

    let (alice, bob) = (background.run(first_call(alice)), background.run(first_call(bob)));
    let (alice, bob) = (alice.await??, bob.await??);
    show(&alice.phone, &bob.phone, tandem)?;
    for mut driver in [alice, bob] {
        background.run(async move { driver.live(|_| false).await });
    }
    Ok(())
}

async fn bind(part: &Part, tandem: SocketAddr, clock: Clock) -> anyhow::Result<Driver> {
    let address: SocketAddr = part.address.parse()?;
    let setup = Setup { tone: Some(part.tone_hz), ..Setup::new(part.name, address, tandem, part.tone_hz as u64) };
    Driver::bind(Phone::new(setup), clock).await.with_context(|| format!("{} cannot have {address}", part.name))
}

/// Lives until the first call is over.
async fn first_call(mut driver: Driver) -> anyhow::Result<Driver> {
    let is_over = |phone: &Phone| phone.calls().first().is_some_and(|call| call.outcome.is_some()) && phone.is_idle();
    timeout(DEADLINE, driver.live(is_over)).await.context("it took too long")??;
    Ok(driver)
}

/// Draws who sent what to whom, and says what each end heard.
fn show(alice: &Phone, bob: &Phone, tandem: SocketAddr) -> anyhow::Result<()> {
    let mut ladder = Ladder::default();
    let columns = [format!("{} {}", ALICE.name, ALICE.address), format!("tandem {tandem}"), format!("{} {}", BOB.name, BOB.address)];
    let [left, middle, right] = columns.map(|name| ladder.participant(&name));
    for (phone, column) in [(alice, left), (bob, right)] {
        for traced in phone.trace() {
            let (from, to) = if traced.sent { (column, middle) } else { (middle, column) };
            ladder.message(traced.at, from, to, traced.message.label());
        }
    }
    say(&ladder);
    hear(bob, &BOB, &ALICE)?;
    hear(alice, &ALICE, &BOB)?;
    say("\nthe demo call went well; now call echo or tone yourself: sip:echo@… and sip:tone@…, at the address above");
    Ok(())
}

/// What came to `ear` from `mouth`.
fn hear(phone: &Phone, ear: &Part, mouth: &Part) -> anyhow::Result<()> {
    let (sent, heard) = (mouth.tone_hz, phone.calls().first().and_then(|call| call.stream()));
    let measured = heard.and_then(|stream| Some((stream.received(), stream.meter().measure()?)));
    let Some((packets, Measurement { level_dbov, frequency_hz, .. })) = measured else {
        bail!("{} heard nothing of {}", ear.name, mouth.name);
    };
    say(format_args!(
        "{} sent {sent:.0} Hz; {} heard {frequency_hz:.1} Hz at {level_dbov:.1} dBov in {packets} packets",
        mouth.name, ear.name
    ));
    ensure!((frequency_hz - sent).abs() <= TOLERANCE_HZ, "{} heard another tone than {} sent", ear.name, mouth.name);
    Ok(())
}
