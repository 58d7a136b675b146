//! Opens so many relayed calls straight through the media threads, for a load generator to send through:
//! `relay_bench CALLS STREAMS_FILE`. Each line of the file names a call's number, the address and port that the caller
//! sends to, and those that the callee sends to. The caller is at 127.0.3.2:40000, the callee at 127.0.3.3:40002, for all
//! calls alike. It runs until it is killed.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::{
    fs::File,
    io::{BufWriter, Write},
    net::{IpAddr, SocketAddr},
    sync::{Arc, mpsc::channel},
    thread,
    time::Duration,
};
use tandem_model::{
    Across, CallId, Carries, Codec, EndpointDescription, EndpointRequest, MediaCommand, MediaEvent, MediaSide, PayloadRule, SourceRule,
    StreamKind,
};
use tandem_runtime::{
    clock::Clock,
    limits::raise_descriptor_limit,
    shard::{ShardConfig, Shards, SideConfig},
};

const OURS: &str = "127.0.3.1";
const PEERS: [&str; 2] = ["127.0.3.2:40000", "127.0.3.3:40002"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [calls, streams] = arguments.as_slice() else { return Err("usage: relay_bench CALLS STREAMS_FILE".into()) };
    let (calls, mut streams): (u16, _) = (calls.parse()?, BufWriter::new(File::create(streams)?));
    let bind: IpAddr = OURS.parse()?;
    let max_sockets = usize::try_from(raise_descriptor_limit()?)?.saturating_sub(100);
    let config = ShardConfig {
        sides: vec![SideConfig { bind, advertise: bind, ports: 20_000..=59_999, dscp: 46 }],
        threads: 1,
        max_sockets,
        recordings: "recordings".into(),
    };
    let (opened, events) = channel();
    let sink = Arc::new(move |call: CallId, event: MediaEvent| drop(opened.send((call, event))));
    let shards = Shards::start(&config, Clock::start(), sink)?;
    for number in 0..calls {
        let call = CallId::new(1, number);
        let leg = |index| call.leg(index).ok_or("a call has two legs");
        let legs = [leg(0)?, leg(1)?];
        let endpoints = legs.map(|leg| EndpointRequest { leg, side: MediaSide(0) });
        let patience = Duration::from_secs(3600);
        let at_once = send(&shards, MediaCommand::Open { call, endpoints: endpoints.into(), inactivity: patience, hold: patience })?;
        let Some(MediaEvent::Opened(locals)) = at_once.or_else(|| Some(events.recv().ok()?.1)) else { return Err("no ports".into()) };
        for (leg, peer) in legs.into_iter().zip(PEERS) {
            send(&shards, MediaCommand::Describe { call, leg, description: describe(peer.parse()?).into() })?;
        }
        writeln!(streams, "{number} {OURS} {} {OURS} {} - -", locals[0].rtp.port(), locals[1].rtp.port())?;
    }
    streams.flush()?;
    println!("ready");
    loop {
        thread::park();
    }
}

fn describe(rtp: SocketAddr) -> EndpointDescription {
    EndpointDescription {
        kind: StreamKind::Rtp,
        rtp: Some(rtp),
        rtcp: Some(SocketAddr::new(rtp.ip(), rtp.port() + 1)),
        rtcp_mux: false,
        source: SourceRule::Described(rtp.ip()),
        receives: true,
        held: false,
        payloads: [PayloadRule { from: 0, carries: Carries::Sound(Codec::Pcmu), across: Across::As(0), clock_rate: 8000 }].into(),
        hearer: None,
        speech: None,
        keys: tandem_model::Keys::InBand,
    }
}

fn send(shards: &Shards, command: MediaCommand) -> Result<Option<MediaEvent>, Box<dyn std::error::Error>> {
    shards.send(command).map_err(|_| "the media threads are full".into())
}
