//! What phones say over real sockets comes to lie in a file.

use super::*;
use std::{fs, iter::repeat_with};
use tandem_model::{Layout, PacketTimes, Recorded, RecordingEnd, RecordingFailure, RecordingId, Speech};
use tandem_sound::wav;

const RECORDING: RecordingId = RecordingId(1);

/// A folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tandem-shard-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

impl Bench {
    fn record(&self, number: u16, of: Recorded, file: &str) -> Option<MediaEvent> {
        let command = MediaCommand::Record { call: call(number), recording: RECORDING, of, layout: Layout::Sides, file: file.into() };
        self.shards.send(command).unwrap()
    }

    /// A phone that is spoken to in µ-law, as 0.
    fn speaking(&self, number: u16, index: u8) -> UdpSocket {
        let phone = self.socket();
        let rtp = phone.local_addr().unwrap();
        let description = EndpointDescription {
            payloads: [PayloadRule { from: 0, carries: Carries::Sound(Codec::Pcmu), across: Across::As(0), clock_rate: 8000 }].into(),
            speech: Some(Speech { payload: 0, codec: Codec::Pcmu, packet_ms: 20, passed: PacketTimes::ANY, parameters: None }),
            ..description(rtp)
        };
        let leg = call(number).leg(index).unwrap();
        self.shards.send(MediaCommand::Describe { call: call(number), leg, description: description.into() }).unwrap();
        phone
    }
}

fn ended(event: MediaEvent) -> (String, u64, RecordingEnd) {
    match event {
        MediaEvent::Recorded { recording: RECORDING, file, ms, end } => (file.into(), ms, end),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_two_say_is_in_the_file_and_they_go_on_hearing_each_other() {
    let folder = folder("two");
    let bench = start_in(folder.clone(), own_host(20), 8, 1, (1, 100));
    let locals = bench.open(1);
    let [a, b] = [bench.speaking(1, 0), bench.speaking(1, 1)];
    assert_eq!(bench.record(1, Recorded::Call, "a call"), None);
    // Loud, and one after the other until it comes through: so it has been mixed, and written.
    let mut said = (1..).map(|number: u16| {
        let mut packet = packet(number);
        packet[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
        packet[12..].fill(0x90);
        packet
    });
    let comes_through = |heard: &(Vec<u8>, SocketAddr)| heard.0.len() == 172 && heard.0[12..].contains(&0x90);
    a.send_to(&said.next().unwrap(), locals[0].rtp).unwrap();
    for _ in 0..30 {
        a.send_to(&said.next().unwrap(), locals[0].rtp).unwrap();
        hear(&b);
    }
    assert!(repeat_with(|| hear(&b)).take(10).any(|heard| comes_through(&heard)));
    bench.shards.send(MediaCommand::StopRecording { call: call(1), recording: RECORDING }).unwrap();
    let (file, ms, end) = ended(bench.event().1);
    assert!((&*file, &end) == ("a call.wav", &RecordingEnd::Stopped) && ms >= 500, "{ms} ms, {end}");
    let bytes = fs::read(folder.join(&file)).unwrap();
    assert_eq!(bytes[..wav::HEADER], wav::header(8_000, 2, bytes.len() as u32 - wav::HEADER as u32));
    let moments = bytes[wav::HEADER..].as_chunks::<4>().0;
    assert!(moments.iter().any(|[low, high, ..]| i16::from_le_bytes([*low, *high]).unsigned_abs() > 10_000), "one side is loud");
    assert!(moments.iter().all(|[.., low, high]| [*low, *high] == [0, 0]), "the other is silent");
    assert!(matches!(bench.close(1), MediaEvent::Closed(_)));
    drop(bench);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_session_that_ends_or_fails_ends_its_recordings() {
    let folder = folder("ends");
    let bench = start_in(folder.clone(), own_host(21), 8, 1, (1, 100));
    (1..=3).for_each(|number| drop(bench.open(number)));
    assert_eq!(bench.record(1, Recorded::Call, "one"), None);
    bench.shards.send(MediaCommand::Close { call: call(1) }).unwrap();
    let both = [bench.event().1, bench.event().1];
    assert!(both.iter().any(|event| matches!(event, MediaEvent::Closed(_))));
    let recorded = both.into_iter().find(|event| matches!(event, MediaEvent::Recorded { .. })).unwrap();
    assert_eq!((ended(recorded).2, folder.join("one.wav").exists()), (RecordingEnd::LegGone, true));

    assert_eq!(bench.record(2, Recorded::Call, "two"), None);
    bench.inject(2, Fault::Command);
    let both = [bench.event().1, bench.event().1];
    assert!(both.contains(&MediaEvent::Failed));
    let recorded = both.into_iter().find(|event| *event != MediaEvent::Failed).unwrap();
    assert_eq!(ended(recorded).2, RecordingEnd::Failed(RecordingFailure::Internal));

    // Threads that end finish what runs.
    assert_eq!(bench.record(3, Recorded::Call, "three"), None);
    let Bench { shards, events, .. } = bench;
    drop(shards);
    assert_eq!(ended(events.try_recv().unwrap().1).2, RecordingEnd::LegGone);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_cannot_be_recorded_is_told_at_once_or_soon() {
    let folder = folder("refused");
    let bench = start_in(folder.clone(), own_host(22), 8, 1, (1, 100));
    bench.open(1);
    let gone = bench.record(7, Recorded::Call, "a").unwrap();
    assert_eq!(ended(gone).2, RecordingEnd::Failed(RecordingFailure::NoLeg));
    assert_eq!(bench.record(1, Recorded::Leg(call(1).leg(5).unwrap()), "a"), None);
    assert_eq!(ended(bench.event().1).2, RecordingEnd::Failed(RecordingFailure::NoLeg));
    assert_eq!(bench.record(1, Recorded::Call, "../a"), None);
    assert_eq!(ended(bench.event().1).2, RecordingEnd::Failed(RecordingFailure::Name));
    // The session learns of that at its next block, and until then the recording has its name.
    assert!(matches!(bench.close(1), MediaEvent::Closed(_)));
    assert!(!folder.exists());
}
