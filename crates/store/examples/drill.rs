//! A process that pushes records for as long as it lives, and one that counts what the database has: what `tests/interop/store` kills,
//! locks out and fills the disk of.
//!
//! ```text
//! drill push URL FOLDER RUN RATE [COUNT]    pushes RATE numbered records a second; without COUNT until it is killed
//! drill fill URL FOLDER RUN COUNT FILLER    fills the disk that FILLER is on, pushes COUNT records, and makes room again
//! drill check URL FOLDER                    waits until the database has all of the journal, and counts
//! ```
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tandem_store::{Bounds, CallRow, Filter, Health, LegRow, Settings, Store};

/// As long as anything may take that ends.
const PATIENCE: Duration = Duration::from_secs(90);

const TICK: Duration = Duration::from_millis(1);

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match words[..] {
        ["push", url, folder, run, rate] => runtime.block_on(push(&settings(url, folder), run.parse()?, rate.parse()?, u64::MAX)),
        ["push", url, folder, run, rate, count] => {
            runtime.block_on(push(&settings(url, folder), run.parse()?, rate.parse()?, count.parse()?))
        }
        ["fill", url, folder, run, count, filler] => {
            runtime.block_on(fill(&settings(url, folder), run.parse()?, count.parse()?, Path::new(filler)))
        }
        ["check", url, folder] => runtime.block_on(check(&settings(url, folder))),
        _ => bail!("drill push|fill|check URL FOLDER …"),
    }
}

fn settings(url: &str, folder: &str) -> Settings {
    Settings { url: url.into(), folder: PathBuf::from(folder), node: "drill".into(), bounds: Bounds::default() }
}

/// Record `number` of a run, and two legs.
fn record(run: u32, number: u64) -> CallRow {
    let leg = |side| LegRow {
        leg: format!("leg_{run:05}_{number:09}{side}").into(),
        endpoint: "trunk:drill".into(),
        from: format!("sip:{number}@caller.example").into(),
        to: "sip:+4930123456@called.example".into(),
        end_reason: "caller hung up".into(),
        ended_by: "peer".into(),
        sip_call_id: Some(format!("{run}-{number}-{side}@drill.example").into()),
        ..LegRow::default()
    };
    CallRow {
        call: format!("call_{run:05}_{number:09}").into(),
        route: "drill".into(),
        began_us: 1_700_000_000_000_000 + i64::try_from(number).unwrap_or_default(),
        reason: "caller hung up".into(),
        legs: vec![leg('a'), leg('b')],
        ..CallRow::default()
    }
}

/// Pushes, and tells after each tick how many are durable.
async fn push(settings: &Settings, run: u32, rate: u64, count: u64) -> Result<()> {
    let store = Store::open(settings.clone()).await?;
    let (records, began) = (store.records(), Instant::now());
    let (mut pushed, mut told, mut longest) = (0, 0, Duration::ZERO);
    let mut ticks = tokio::time::interval(TICK);
    while pushed < count {
        let due = count.min(1 + rate * u64::try_from(began.elapsed().as_millis())? / 1_000);
        while pushed < due {
            let (record, before) = (record(run, pushed), Instant::now());
            records.push(record);
            longest = longest.max(before.elapsed());
            pushed += 1;
        }
        let durable = records.durable();
        if durable > told {
            told = durable;
            say(&format!("durable {durable}"))?;
        }
        ticks.tick().await;
    }
    let state = store.health();
    say(&format!("pushed {pushed}: {} in memory, {} on the disk, lag {:.1} s", state.in_memory, state.waiting, state.lag.as_secs_f64()))?;
    let is_settled = store.settle(PATIENCE).await;
    told_at_the_end(pushed, longest, is_settled, &store.health())?;
    store.close(PATIENCE).await;
    Ok(())
}

fn told_at_the_end(pushed: u64, longest: Duration, is_settled: bool, health: &Health) -> Result<()> {
    let Health { written, lost, refused, damaged, waiting, .. } = health;
    let longest = longest.as_micros();
    say(&format!(
        "figures pushed={pushed} written={written} lost={lost} refused={refused} damaged={damaged} waiting={waiting} settled={is_settled} longest_push_us={longest}"
    ))
}

/// Pushes on a disk that is full, and makes room once that was noticed.
async fn fill(settings: &Settings, run: u32, count: u64, filler: &Path) -> Result<()> {
    let store = Store::open(settings.clone()).await?;
    let mut file = fs::File::create(filler).context("the filler")?;
    let block = [0x55; 4096];
    let full = loop {
        match file.write_all(&block) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    if full.kind() != io::ErrorKind::StorageFull {
        bail!("not full, but {full}");
    }
    drop(file);
    let (records, mut longest) = (store.records(), Duration::ZERO);
    for number in 0..count {
        let (record, before) = (record(run, number), Instant::now());
        records.push(record);
        longest = longest.max(before.elapsed());
    }
    let (noticed, mut ticks) = (Instant::now(), tokio::time::interval(TICK));
    let stuck = loop {
        let health = store.health();
        if !(health.is_journal_up && health.is_database_up) {
            break health;
        }
        if noticed.elapsed() > PATIENCE {
            bail!("nobody noticed that the disk is full: {health:?}");
        }
        ticks.tick().await;
    };
    say(&format!(
        "stuck journal={} database={} in_memory={} waiting={} error={:?}",
        stuck.is_journal_up,
        stuck.is_database_up,
        stuck.in_memory,
        stuck.waiting,
        stuck.last_error.unwrap_or_default()
    ))?;
    fs::remove_file(filler)?;
    let is_settled = store.settle(PATIENCE).await;
    told_at_the_end(count, longest, is_settled, &store.health())?;
    store.close(PATIENCE).await;
    check(settings).await
}

/// One line for each run: how many records, the highest number, and legs.
async fn check(settings: &Settings) -> Result<()> {
    let store = Store::open(settings.clone()).await?;
    let is_settled = store.settle(PATIENCE).await;
    let mut runs: BTreeMap<u32, BTreeMap<u64, u64>> = BTreeMap::new();
    let (mut export, mut legs) = (store.export(Filter::default()), 0);
    while let Some(calls) = export.next().await? {
        for call in calls {
            let (run, number) = call.call.trim_start_matches("call_").split_once('_').context("a call of the drill")?;
            *runs.entry(run.parse()?).or_default().entry(number.parse()?).or_default() += 1;
            legs += call.legs.len();
        }
    }
    for (run, numbers) in &runs {
        let doubled: u64 = numbers.values().map(|times| times - 1).sum();
        let highest = numbers.keys().next_back().copied().unwrap_or_default();
        say(&format!("run {run} records {} highest {highest} doubled {doubled}", numbers.len()))?;
    }
    let Health { refused, damaged, waiting, lost, .. } = store.health();
    say(&format!("checked settled={is_settled} legs={legs} refused={refused} damaged={damaged} waiting={waiting} lost={lost}"))?;
    store.close(PATIENCE).await;
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
