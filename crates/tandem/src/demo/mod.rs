//! The demo: two phones inside the process, each with an address of its own, call each other through the node's sockets, and
//! the terminal shows what went to and fro and what was heard.

mod advice;
mod driver;

use crate::say;
use advice::went_wrong;
use anyhow::{Context, bail, ensure};
use driver::Driver;
use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    task::Poll,
    time::Duration,
};
use tandem_phone::{Phone, Place, Script, Setup, media::Measurement};
use tandem_runtime::{background::Background, clock::Clock, ladder::Ladder};
use tokio::time::timeout;

/// How long the phones talk: two windows of their meters.
const TALK_MS: u64 = 1_500;

/// A call that takes longer than this has failed.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long the callee may take to end its side, once the caller's is over.
const GRACE: Duration = Duration::from_secs(2);

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

    let lived = first_call(&mut alice, &mut bob).await;
    draw(&alice.phone, &bob.phone, tandem);
    let verdict = lived.and_then(|()| judge(&alice.phone, &bob.phone));
    match verdict {
        Ok(()) => say(format_args!("\nthe demo call went well; now call sip:echo@{tandem} or sip:tone@{tandem} yourself")),
        Err(error) => say(format_args!("the demo call failed: {error:#}")),
    }
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

/// Lets both live until the first call is over, or has taken too long.
async fn first_call(alice: &mut Driver, bob: &mut Driver) -> anyhow::Result<()> {
    {
        let (calling, mut called) = (alice.live(Phone::is_idle), pin!(bob.live(|_| false)));
        let mut calling = pin!(timeout(DEADLINE, calling));
        // Too late is judged by what there was until then.
        let ended = poll_fn(|context| match called.as_mut().poll(context) {
            Poll::Ready(broken) => Poll::Ready(broken),
            Poll::Pending => calling.as_mut().poll(context).map(|lived| lived.unwrap_or(Ok(()))),
        });
        ended.await?;
    }
    timeout(GRACE, bob.live(Phone::is_idle)).await.unwrap_or(Ok(()))?;
    Ok(())
}

/// Draws who sent what to whom.
fn draw(alice: &Phone, bob: &Phone, tandem: SocketAddr) {
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
}

/// Whether the call went as it should, and what each end heard.
fn judge(alice: &Phone, bob: &Phone) -> anyhow::Result<()> {
    if let Some(wrong) = alice.calls().first().and_then(|call| went_wrong(call.outcome, &call.statuses, !bob.calls().is_empty())) {
        bail!(wrong);
    }
    hear(bob, &BOB, &ALICE)?;
    hear(alice, &ALICE, &BOB)
}

/// What came to `ear` from `mouth`.
fn hear(phone: &Phone, ear: &Part, mouth: &Part) -> anyhow::Result<()> {
    let (sent, heard) = (mouth.tone_hz, phone.calls().first().and_then(|call| call.stream()));
    let measured = heard.and_then(|stream| Some((stream.received(), stream.meter().measure()?)));
    let Some((packets, Measurement { level_dbov, frequency_hz, .. })) = measured else {
        bail!("{} heard nothing of {}: is something between here and the ports of [[media]]?", ear.name, mouth.name);
    };
    say(format_args!(
        "{} sent {sent:.0} Hz; {} heard {frequency_hz:.1} Hz at {level_dbov:.1} dBov in {packets} packets",
        mouth.name, ear.name
    ));
    ensure!((frequency_hz - sent).abs() <= TOLERANCE_HZ, "{} heard another tone than {} sent", ear.name, mouth.name);
    Ok(())
}
