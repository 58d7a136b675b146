//! What the network says of datagrams that did not arrive (ICMP), as Linux keeps it in a socket's error queue.
//!
//! A UDP socket that is not connected hears of such failures only with `IP_RECVERR`. Each entry of the queue carries the
//! beginning of the datagram and its destination, so the owner can be found by what we minted into it.

use bytes::Bytes;
use nix::{
    errno::Errno,
    sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt},
};
use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd},
};

/// Entries read at one wake-up.
const MAX_ENTRIES: usize = 64;

/// How much of a lost datagram is looked at; the system keeps no more than a few hundred bytes.
const QUOTED_BYTES: usize = 2_048;

/// A datagram that the network gave back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undelivered {
    /// Where it was to go.
    pub(crate) destination: SocketAddr,
    /// Its beginning, as much as the network quoted.
    pub(crate) datagram: Bytes,
    /// What it says went wrong.
    pub(crate) error: Errno,
}

/// Asks the system to keep such failures.
pub(super) fn report_on(socket: &impl AsFd, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)?
    } else {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)?
    }
    Ok(())
}

/// Whether an error of a call may belong to an earlier datagram.
pub(super) fn is_echo(error: &io::Error) -> bool {
    error.raw_os_error().map(Errno::from_raw).is_some_and(is_final)
}

/// Hands over what is in the error queue, and empties it of what says nothing final (a path's MTU, for one).
pub(super) fn drain(socket: &impl AsFd, mut take: impl FnMut(Undelivered)) {
    let mut buffer = [0; QUOTED_BYTES];
    let mut control = nix::cmsg_space!([u8; 256]);
    for _ in 0..MAX_ENTRIES {
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let Ok(entry) = recvmsg::<SockaddrStorage>(socket.as_fd().as_raw_fd(), &mut parts, Some(&mut control), flags) else {
            return;
        };
        let (length, destination) = (entry.bytes, entry.address.as_ref().and_then(socket_address));
        let error = entry.cmsgs().ok().and_then(|mut messages| messages.find_map(|message| network_error(&message)));
        if let (Some(destination), Some(error)) = (destination, error) {
            take(Undelivered { destination, datagram: Bytes::copy_from_slice(&buffer[..length.min(QUOTED_BYTES)]), error });
        }
    }
}

fn network_error(message: &ControlMessageOwned) -> Option<Errno> {
    let (ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _)) = message else {
        return None;
    };
    let error = i32::try_from(error.ee_errno).ok().map(Errno::from_raw)?;
    is_final(error).then_some(error)
}

/// Errors that say a datagram cannot arrive. Not among them: EMSGSIZE, after which the system fragments.
fn is_final(error: Errno) -> bool {
    matches!(
        error,
        Errno::ECONNREFUSED
            | Errno::EHOSTUNREACH
            | Errno::ENETUNREACH
            | Errno::EHOSTDOWN
            | Errno::ENOPROTOOPT
            | Errno::EACCES
            | Errno::EPROTO
    )
}

pub(super) fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let ipv4 = address.as_sockaddr_in().map(|address| SocketAddr::from((address.ip(), address.port())));
    ipv4.or_else(|| address.as_sockaddr_in6().map(|address| SocketAddr::from((address.ip(), address.port()))))
}
