//! How long sound takes from mouth to ear through the media threads and real sockets, beside the direct way:
//! `mouth_to_ear ADDRESS SECONDS [FOLDER]`.
//!
//! Speech goes through each path at once, several streams of it that begin at different moments; ADDRESS is one of loopback that nobody
//! else uses. What arrives is held against what was said: a sample's delay is from when a phone that was sent the packet directly
//! would play it until one that was sent it through us does, so that what our codecs, buffers and ticks wait is in it, and what the
//! phones' own do is not. FOLDER gets what each path's first stream said and heard, for measures of how it sounds.
#![allow(clippy::print_stdout, reason = "it is a program")]

mod delay;
#[path = "../ear/mod.rs"]
mod ear;
mod streams;
#[path = "../talk/mod.rs"]
#[allow(dead_code, reason = "the other programs need the rest")]
mod talk;

use std::path::PathBuf;
use streams::{Path, Stream};
use talk::Failure;
use tandem_model::Codec;
use tandem_sound::wav;

const STREAMS: usize = 2;

const PATHS: [Path; 8] = [
    Path { name: "direct", codecs: [Codec::Pcmu, Codec::Pcmu], way: Way::Direct },
    Path { name: "relay PCMU", codecs: [Codec::Pcmu, Codec::Pcmu], way: Way::Ours },
    Path { name: "transcode PCMU to PCMA", codecs: [Codec::Pcmu, Codec::Pcma], way: Way::Ours },
    Path { name: "transcode PCMU to G722", codecs: [Codec::Pcmu, Codec::G722], way: Way::Ours },
    Path { name: "transcode PCMU to Opus", codecs: [Codec::Pcmu, Codec::Opus], way: Way::Ours },
    Path { name: "transcode Opus to PCMU", codecs: [Codec::Opus, Codec::Pcmu], way: Way::Ours },
    Path { name: "mix PCMU to PCMU", codecs: [Codec::Pcmu, Codec::Pcmu], way: Way::Mixed },
    Path { name: "mix PCMU to Opus", codecs: [Codec::Pcmu, Codec::Opus], way: Way::Mixed },
];

/// How packets come to the listener.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From phone to phone.
    Direct,
    /// Through a session of two legs.
    Ours,
    /// Through a session with a third leg, which hears and says nothing.
    Mixed,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (host, seconds, folder) = match arguments.as_slice() {
        [host, seconds] => (host, seconds, None),
        [host, seconds, folder] => (host, seconds, Some(PathBuf::from(folder))),
        _ => return Err("usage: mouth_to_ear ADDRESS SECONDS [FOLDER]".into()),
    };
    let streams = streams::run(host.parse()?, &PATHS, STREAMS, seconds.parse()?)?;
    println!("{:<26}{:>9}{:>9}{:>9}{:>9}", "path", "packets", "p50 ms", "p99 ms", "most ms");
    for (place, path) in PATHS.iter().enumerate() {
        let own: Vec<&Stream> = streams.iter().filter(|stream| stream.path == place).collect();
        let mut delays = own.iter().map(|stream| stream.delays()).collect::<Result<Vec<_>, _>>()?.concat();
        delays.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| delays.get((delays.len() as f64 * share) as usize).copied().ok_or("nothing was recognised");
        let most = delays.last().ok_or("nothing was recognised")?;
        println!("{:<26}{:>9}{:>9.2}{:>9.2}{most:>9.2}", path.name, delays.len(), at(0.5)?, at(0.99)?);
        if let (Some(folder), Some(first)) = (&folder, own.first()) {
            write(&folder.join(format!("{}.said.wav", path.name.replace(' ', "-"))), &first.said)?;
            write(&folder.join(format!("{}.heard.wav", path.name.replace(' ', "-"))), &first.heard_samples()?)?;
        }
    }
    Ok(())
}

fn write(path: &std::path::Path, samples: &[i16]) -> Result<(), Failure> {
    let mut file = wav::header(8_000, 1, samples.len() as u32 * 2).to_vec();
    samples.iter().for_each(|sample| file.extend(sample.to_le_bytes()));
    Ok(std::fs::write(path, file)?)
}
