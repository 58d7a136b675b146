//! Streams of speech through real sockets, and when each packet of them was sent and arrived.

use crate::{
    Way,
    delay::{self, FRAME, Said},
    ear::{self, Ear},
    talk::{self, Failure, NUMBER},
};
use nix::{
    cmsg_space,
    errno::Errno,
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt::ReceiveTimestampns},
        time::TimeSpec,
    },
};
use std::{
    io::IoSliceMut,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    sync::{Arc, mpsc::channel},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tandem_model::{CallId, Codec, EndpointRequest, MediaCommand, MediaEvent, MediaSide};
use tandem_runtime::{
    clock::Clock,
    shard::{ShardConfig, Shards, SideConfig},
};
use tandem_sound::{Encoder, g711::FROM_MU_LAW, opus::OpusTerms};

const SPEECH: &[u8] = include_bytes!("../../../sound/tests/vectors/speech.ulaw");

const PACKET_MS: u64 = 20;

/// What is still on its way when all has been said.
const AFTERWARDS: Duration = Duration::from_millis(300);

/// A way from a mouth to an ear.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// What is said, and what is heard.
    pub(crate) codecs: [Codec; 2],
    pub(crate) way: Way,
}

/// One stream of speech.
pub(crate) struct Stream {
    /// Its place among the paths.
    pub(crate) path: usize,
    /// What was said, as whoever is sent its packets directly decodes it.
    pub(crate) said: Vec<i16>,
    codec: Codec,
    mouth: UdpSocket,
    ear: UdpSocket,
    to: SocketAddr,
    packets: Vec<Vec<u8>>,
    /// After the beginning of all.
    begins: Duration,
    /// When each packet was sent, and those that arrived: microseconds of the wall clock, in which the kernel stamps arrivals.
    sent: Vec<i64>,
    heard: Vec<(i64, Vec<u8>)>,
}

/// Sends so many seconds of speech over `each` streams of every path.
pub(crate) fn run(host: IpAddr, paths: &[Path], each: usize, seconds: usize) -> Result<Vec<Stream>, Failure> {
    let side = SideConfig { bind: host, advertise: host, ports: 20_000..=20_999, dscp: 46 };
    let (opened, events) = channel();
    let sink = Arc::new(move |_: CallId, event: MediaEvent| drop(opened.send(event)));
    let shards = Shards::start(
        &ShardConfig { sides: vec![side], threads: 1, max_sockets: 1_000, recordings: "recordings".into() },
        Clock::start(),
        sink,
    )?;
    let mut streams = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        for _ in 0..each {
            let number = u16::try_from(streams.len())?;
            let phones = [phone(host)?, phone(host)?, phone(host)?];
            let to = match path.way {
                Way::Direct => phones[1].local_addr()?,
                Way::Ours => open(&shards, &events, number, path.codecs.into_iter().zip(&phones))?,
                Way::Mixed => open(&shards, &events, number, [path.codecs[0], path.codecs[1], Codec::Pcmu].into_iter().zip(&phones))?,
            };
            let [mouth, ear, _] = phones;
            let (packets, said) = speak(path.codecs[0], seconds)?;
            // No two begin at once, and they are spread over the length of a packet.
            let begins = Duration::from_micros(u64::from(number) * 7_300 % (PACKET_MS * 1_000));
            let codec = path.codecs[1];
            streams.push(Stream { path: place, said, codec, mouth, ear, to, packets, begins, sent: Vec::new(), heard: Vec::new() });
        }
    }
    talk(&mut streams)?;
    shards.stop();
    Ok(streams)
}

fn phone(host: IpAddr) -> Result<UdpSocket, Failure> {
    let socket = UdpSocket::bind((host, 0))?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, ReceiveTimestampns, &true)?;
    Ok(socket)
}

/// Opens a session in which each hears all others; where its first leg sends to.
fn open<'a>(
    shards: &Shards,
    events: &std::sync::mpsc::Receiver<MediaEvent>,
    number: u16,
    legs: impl Iterator<Item = (Codec, &'a UdpSocket)>,
) -> Result<SocketAddr, Failure> {
    let call = CallId::new(1, number);
    let send = |command| shards.send(command).map_err(|_| Failure::from("the media threads are full"));
    let legs: Vec<_> = (0..).map_while(|index| call.leg(index)).zip(legs).collect();
    let endpoints = legs.iter().map(|(leg, _)| EndpointRequest { leg: *leg, side: MediaSide(0) }).collect();
    let patience = Duration::from_secs(3_600);
    let at_once = send(MediaCommand::Open { call, endpoints, inactivity: patience, hold: patience })?;
    let Some(MediaEvent::Opened(locals)) = at_once.or_else(|| events.recv().ok()) else { return Err("no ports".into()) };
    for (leg, (codec, phone)) in &legs {
        let description = talk::describe(*leg, phone.local_addr()?, *codec, None).into();
        send(MediaCommand::Describe { call, leg: *leg, description })?;
    }
    let names: Vec<_> = legs.iter().map(|(leg, _)| *leg).collect();
    send(MediaCommand::Hear { call, pairs: talk::everybody(&names) })?;
    Ok(locals.first().ok_or("no ports")?.rtp)
}

/// The speech in packets of that codec, and what they are decoded to.
fn speak(codec: Codec, seconds: usize) -> Result<(Vec<Vec<u8>>, Vec<i16>), Failure> {
    let mut encoder = Encoder::new(codec, 8_000, &OpusTerms::default())?;
    let mut convert = ear::conversion(8_000, encoder.rate_hz());
    let narrow: Vec<i16> = SPEECH.iter().cycle().take(seconds * 8_000).map(|octet| FROM_MU_LAW[usize::from(*octet)]).collect();
    let (mut packets, mut said) = (Vec::new(), Vec::new());
    let mut ear = Ear::new(codec)?;
    for (number, frame) in (0..).zip(narrow.chunks_exact(FRAME)) {
        let mut payload = [0; 4_000];
        let length = encoder.encode(&convert(frame), &mut payload).ok_or("a frame was not coded")?;
        packets.push(talk::rtp(number, codec.clock_rate() / 50, &payload[..length]));
        said.extend(ear.hear(&payload[..length])?);
    }
    Ok((packets, said))
}

/// Sends every packet at its time and takes what arrives.
fn talk(streams: &mut [Stream]) -> Result<(), Failure> {
    let poll = Epoll::new(EpollCreateFlags::empty())?;
    for (place, stream) in (0..).zip(&*streams) {
        poll.add(&stream.ear, EpollEvent::new(EpollFlags::EPOLLIN, place))?;
    }
    let began = Instant::now() + Duration::from_millis(100);
    let mut over = None;
    loop {
        let next = streams.iter_mut().filter_map(|stream| Some((stream.due()?, stream))).min_by_key(|(due, _)| *due);
        let due = match (next, over) {
            (Some((due, stream)), _) if began + due <= Instant::now() => {
                stream.say()?;
                continue;
            }
            (Some((due, _)), _) => began + due,
            (None, Some(over)) if over <= Instant::now() => return Ok(()),
            (None, over_at) => *over.insert(over_at.unwrap_or_else(|| Instant::now() + AFTERWARDS)),
        };
        let mut ready = [EpollEvent::empty(); 16];
        // Rounded up: who wakes too early would only wait again.
        let wait = due.saturating_duration_since(Instant::now()).as_micros().div_ceil(1_000);
        let count = match poll.wait(&mut ready, EpollTimeout::from(u16::try_from(wait)?)) {
            Err(Errno::EINTR) => 0,
            count => count?,
        };
        for event in &ready[..count] {
            if let Some(stream) = streams.get_mut(usize::try_from(event.data())?) {
                stream.listen()?;
            }
        }
    }
}

impl Stream {
    /// When its next packet is due, after the beginning of all.
    fn due(&self) -> Option<Duration> {
        let said = self.sent.len();
        (said < self.packets.len()).then(|| self.begins + Duration::from_millis(PACKET_MS * said as u64))
    }

    fn say(&mut self) -> Result<(), Failure> {
        let packet = &self.packets[self.sent.len()];
        self.sent.push(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?);
        self.mouth.send_to(packet, self.to)?;
        Ok(())
    }

    fn listen(&mut self) -> Result<(), Failure> {
        let (mut octets, mut control) = ([0; 2_048], cmsg_space!(TimeSpec));
        loop {
            let mut slices = [IoSliceMut::new(&mut octets)];
            let message = match recvmsg::<SockaddrStorage>(self.ear.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN) => return Ok(()),
                message => message?,
            };
            let stamp = message.cmsgs()?.find_map(|control| match control {
                ControlMessageOwned::ScmTimestampns(time) => Some(time.tv_sec() * 1_000_000 + time.tv_nsec() / 1_000),
                _ => None,
            });
            let (length, at) = (message.bytes, stamp.ok_or("the kernel does not say when packets arrive")?);
            // Reports of our own may share the port.
            if octets[1] & 0x7f == NUMBER && length > 12 {
                self.heard.push((at, octets[12..length].to_vec()));
            }
        }
    }

    /// What was heard, packet by packet, with the times of arrival.
    fn heard(&self) -> Result<Vec<(i64, Vec<i16>)>, Failure> {
        let mut ear = Ear::new(self.codec)?;
        self.heard.iter().map(|(at, payload)| Ok((*at, ear.hear(payload)?))).collect()
    }

    pub(crate) fn heard_samples(&self) -> Result<Vec<i16>, Failure> {
        Ok(self.heard()?.into_iter().flat_map(|(_, samples)| samples).collect())
    }

    /// How late each packet is that is recognised: milliseconds.
    pub(crate) fn delays(&self) -> Result<Vec<f64>, Failure> {
        Ok(delay::delays(&Said { samples: &self.said, sent: &self.sent }, &self.heard()?))
    }
}
