//! A trace as a capture file that Wireshark and tcpdump read: the classic format, raw IP packets, a UDP datagram for each message.
//!
//! What went over TCP or TLS is shown as a datagram between the same addresses: there are no segments to show, and nobody wants to
//! decrypt.

use super::{Direction, Ends, Step, Trace};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Packets begin with their IP header: <https://www.tcpdump.org/linktypes.html>.
const LINKTYPE_RAW: u32 = 101;

/// The longest packet.
const SNAP_LENGTH: u32 = 65_535;

const UDP: u8 = 17;
const UDP_HEADER: usize = 8;
const V4_HEADER: usize = 20;

/// The longest payload whose lengths can be written over IPv4.
const MAX_PAYLOAD: usize = SNAP_LENGTH as usize - V4_HEADER - UDP_HEADER;

impl Trace {
    /// The messages as a capture, each as one UDP datagram between the addresses that it went between, secrets masked. What is longer than
    /// a datagram is cut; where a peer is known by its name alone its address is 0.0.0.0.
    pub fn to_pcap(&self) -> Vec<u8> {
        let mut file = Vec::new();
        // Magic number of times in microseconds, in the order of bytes that the rest has; version 2.4; zone and accuracy.
        file.extend(0xa1b2_c3d4_u32.to_le_bytes());
        [2u16, 4].into_iter().for_each(|number| file.extend(number.to_le_bytes()));
        [0, 0, SNAP_LENGTH, LINKTYPE_RAW].into_iter().for_each(|number| file.extend(number.to_le_bytes()));
        for (step, ends) in self.steps.iter().filter_map(|step| Some((step, step.ends.as_ref()?))) {
            let packet = packet(step, ends);
            let (seconds, micros) = (step.unix_us.div_euclid(1_000_000), step.unix_us.rem_euclid(1_000_000));
            let length = u32::try_from(packet.len()).unwrap_or(SNAP_LENGTH);
            let header = [u32::try_from(seconds).unwrap_or_default(), u32::try_from(micros).unwrap_or_default(), length, length];
            header.into_iter().for_each(|number| file.extend(number.to_le_bytes()));
            file.extend(packet);
        }
        file
    }
}

fn packet(step: &Step, ends: &Ends) -> Vec<u8> {
    let payload = &step.sip[..step.sip.len().min(MAX_PAYLOAD)];
    let peer = ends.peer_address.unwrap_or_else(|| (unspecified(ends.local.ip()), 0).into());
    let (peer_ip, local_ip) = (peer.ip().to_canonical(), ends.local.ip().to_canonical());
    // A socket for both families has one address for all.
    let local_ip = if local_ip.is_ipv4() == peer_ip.is_ipv4() { local_ip } else { unspecified(peer_ip) };
    let (peer, local) = (SocketAddr::new(peer_ip, peer.port()), SocketAddr::new(local_ip, ends.local.port()));
    let (from, to) = if step.direction == Direction::Received { (peer, local) } else { (local, peer) };
    let mut datagram = Vec::with_capacity(UDP_HEADER + payload.len());
    let length = short(UDP_HEADER + payload.len());
    [from.port(), to.port(), length, 0].into_iter().for_each(|number| datagram.extend(number.to_be_bytes()));
    datagram.extend(payload);
    let (header, sum) = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (v4_header(from, to, datagram.len()), pseudo_sum(&[&from.octets(), &to.octets()], length)),
        (from, to) => {
            let [from, to] = [from, to].map(as_v6);
            (v6_header(from, to, length), pseudo_sum(&[&from.octets(), &to.octets()], length))
        }
    };
    // RFC 768: no sum is said by zero, so a sum of zero by its other form.
    let sum = match checksum(sum, &datagram) {
        0 => u16::MAX,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    [header, datagram].concat()
}

/// RFC 791 §3.1.
fn v4_header(from: Ipv4Addr, to: Ipv4Addr, payload: usize) -> Vec<u8> {
    // Version and length of the header, service; total length; identification, "do not fragment"; hops and protocol; sum.
    let mut header = vec![0x45, 0];
    header.extend(short(V4_HEADER + payload).to_be_bytes());
    header.extend([0, 0, 0x40, 0, 64, UDP, 0, 0]);
    header.extend(from.octets());
    header.extend(to.octets());
    let sum = checksum(0, &header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

/// RFC 8200 §3.
fn v6_header(from: Ipv6Addr, to: Ipv6Addr, payload: u16) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(payload.to_be_bytes());
    header.extend([UDP, 64]);
    header.extend(from.octets());
    header.extend(to.octets());
    header
}

/// The part of the sum that is over the addresses (RFC 768, RFC 8200 §8.1).
fn pseudo_sum(addresses: &[&[u8]], length: u16) -> u32 {
    let words = addresses.iter().map(|address| word_sum(address)).sum::<u32>();
    words + u32::from(UDP) + u32::from(length)
}

fn word_sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or_default())).sum()
}

/// RFC 1071, of `sum` and these bytes. No packet is long enough for the words to run over.
fn checksum(sum: u32, bytes: &[u8]) -> u16 {
    let mut sum = sum + word_sum(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !short(sum as usize)
}

/// A length that was made to fit.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

fn unspecified(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
