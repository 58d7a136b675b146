//! Many seeds, on as many threads as there are.

use crate::{play, world::World};
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tandem_sim::seed_from_environment;

/// Turns of the clock that one script may take on average: more is something that nobody needs, again and again.
const TURNS: u64 = 500;

/// The same where calls are told to play and record: fifty packets and more a second.
const TURNS_OF_SOUND: u64 = 4_000;

/// In one of so many plain scripts there is a call that the model can judge, or it has become blind.
const PREDICTED: u64 = 6;

/// In one of so many plain scripts a leg goes to another call, or transfers are hardly played.
const JOINED: u64 = 300;

/// Failed seeds after which no more are played.
const ENOUGH: usize = 12;

/// Scripts after which a long run tells how it goes.
const TELL: u64 = 20_000;

/// What became of the scripts so far.
#[derive(Default)]
struct Tally {
    failed: Vec<u64>,
    turns: u64,
    predicted: u64,
    joined: u64,
    obeyed: u64,
    spent: Duration,
}

/// Plays `count` scripts of that world, or as many as `TANDEM_SCRIPTS` says, from seed 0 or `TANDEM_FIRST`; or just the one that
/// `TANDEM_SEED` names.
pub(crate) fn play(count: u64, world: World) {
    if let Some(seed) = seed_from_environment() {
        return play::one(seed, world).sim.tell();
    }
    let (first, count) = (number("TANDEM_FIRST").unwrap_or(0), number("TANDEM_SCRIPTS").unwrap_or(count));
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..number("TANDEM_THREADS").unwrap_or(cores).max(1) {
            scope.spawn(|| work(first, count, world, &next, &tally));
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tell(count, world, &tally);
    let failed = &tally.failed;
    assert!(failed.is_empty(), "TANDEM_SEED={} cargo test -p tandem-sim --test random_scripts replays the first of {failed:?}", failed[0]);
    assert!(world != World::Plain || tally.predicted * PREDICTED >= count, "only {} calls could be predicted", tally.predicted);
    assert!(world != World::Plain || tally.joined >= count / JOINED, "only {} calls were joined with others", tally.joined);
    assert!(world != World::Commanded || tally.obeyed >= count, "only {} commands were carried out", tally.obeyed);
    let each = tally.turns / count.max(1);
    let most = if world == World::Commanded { TURNS_OF_SOUND } else { TURNS };
    assert!(each < most, "a script takes {each} turns of the clock on average, {most} is too many");
}

/// One thread: takes the next seed until there is none.
fn work(first: u64, count: u64, world: World, next: &AtomicU64, tally: &Mutex<Tally>) {
    let mut before = processor_time();
    loop {
        let done = next.fetch_add(1, Ordering::Relaxed);
        if done >= count {
            return;
        }
        let seed = first + done;
        let played = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let played = play::one(seed, world);
            [u64::from(played.sim.turns()), played.predicted, played.joined, played.obeyed]
        }));
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        match played {
            Ok([turns, predicted, joined, obeyed]) => {
                tally.turns += turns;
                tally.predicted += predicted;
                tally.joined += joined;
                tally.obeyed += obeyed;
            }
            Err(_) => tally.failed.push(seed),
        }
        let now = processor_time();
        tally.spent += now.saturating_sub(before);
        before = now;
        if tally.failed.len() >= ENOUGH {
            return;
        }
        if (done + 1).is_multiple_of(TELL) && done + 1 < count {
            tell(done + 1, world, &tally);
        }
    }
}

fn tell(count: u64, world: World, tally: &Tally) {
    let Tally { failed, turns, predicted, joined, obeyed, spent } = tally;
    let (each, second) = (turns / count.max(1), count as f64 / spent.as_secs_f64().max(0.001));
    #[expect(clippy::print_stdout, reason = "a run of the tests tells what scripts cost")]
    {
        println!(
            "{world:?}: {count} scripts in {spent:.1?} of processor time, {second:.0} a second, {each} turns each; \
             {predicted} calls predicted, {joined} joined with others, {obeyed} commands carried out; failed: {failed:?}"
        );
    }
}

/// What this thread has cost so far: others on the machine do not count. Zero where the system does not say.
fn processor_time() -> Duration {
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(figures.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// What a variable of the environment says, if it is there.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}
