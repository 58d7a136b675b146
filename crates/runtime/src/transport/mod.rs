//! The listeners' sockets, one file a transport.

pub(crate) mod udp;
mod unreachable;

pub(crate) use unreachable::Undelivered;

#[cfg(test)]
pub(crate) fn test_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
