//! A phone on real sockets: the pure machine of `tandem-phone`, driven by tokio.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};
use tandem_model::Timestamp;
use tandem_phone::{Input, Output, Phone};
use tandem_runtime::clock::Clock;
use tokio::{
    io::ReadBuf,
    net::UdpSocket,
    time::{Sleep, sleep_until},
};

/// Media ports that one phone keeps open; the lowest is closed for one more.
const MAX_MEDIA_SOCKETS: usize = 8;

/// Datagrams handled before the phone's outputs are carried out.
const BATCH: usize = 16;

/// The longest datagram that a demo phone understands.
const MAX_DATAGRAM: usize = 8_192;

/// A phone, its sockets and its timer.
pub(super) struct Driver {
    pub(super) phone: Phone,
    clock: Clock,
    sip: UdpSocket,
    media: BTreeMap<SocketAddr, UdpSocket>,
    timer: Pin<Box<Sleep>>,
}

impl Driver {
    /// Binds the phone's address.
    ///
    /// # Errors
    /// The system's, when it is taken.
    pub(super) async fn bind(phone: Phone, clock: Clock) -> io::Result<Driver> {
        let sip = UdpSocket::bind(phone.setup().address).await?;
        let timer = Box::pin(sleep_until(clock.instant(clock.now())));
        let mut driver = Driver { phone, clock, sip, media: BTreeMap::new(), timer };
        let first = driver.phone.setup().media;
        driver.open_media(first).await?;
        Ok(driver)
    }

    /// Now, as the phone counts.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets the phone live until `is_done` says so, and carries out what it wanted until then.
    ///
    /// # Errors
    /// The system's, when a socket fails for good.
    pub(super) async fn live(&mut self, is_done: impl Fn(&Phone) -> bool) -> io::Result<()> {
        loop {
            self.carry_out().await?;
            if is_done(&self.phone) {
                return Ok(());
            }
            if let Some((at, _)) = self.phone.poll_timeout() {
                self.timer.as_mut().reset(self.clock.instant(at));
            }
            poll_fn(|context| self.poll_inputs(context)).await;
        }
    }

    async fn carry_out(&mut self) -> io::Result<()> {
        while let Some(output) = self.phone.poll_output() {
            match output {
                // What cannot be sent is lost, as it may be on any network.
                Output::Send { destination, bytes, .. } => drop(self.sip.send_to(&bytes, destination).await),
                Output::Rtp { local, destination, bytes } => {
                    self.open_media(local).await?;
                    if let Some(socket) = self.media.get(&local) {
                        drop(socket.send_to(&bytes, destination).await);
                    }
                }
            }
        }
        Ok(())
    }

    async fn open_media(&mut self, local: SocketAddr) -> io::Result<()> {
        if self.media.contains_key(&local) {
            return Ok(());
        }
        if self.media.len() >= MAX_MEDIA_SOCKETS {
            self.media.pop_first();
        }
        self.media.insert(local, UdpSocket::bind(local).await?);
        Ok(())
    }

    /// Hands the phone what there is; ready once there was something.
    fn poll_inputs(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = self.clock.now();
        let mut handled = 0;
        let mut space = [0; MAX_DATAGRAM];
        while handled < BATCH
            && let Poll::Ready((source, bytes)) = poll_datagram(&self.sip, context, &mut space)
        {
            self.phone.handle(now, Input::Datagram { source, local: self.phone.setup().address, bytes });
            handled += 1;
        }
        for (local, socket) in &self.media {
            while handled < BATCH
                && let Poll::Ready((source, bytes)) = poll_datagram(socket, context, &mut space)
            {
                self.phone.handle(now, Input::Rtp { source, local: *local, bytes });
                handled += 1;
            }
        }
        if self.phone.poll_timeout().is_some() && self.timer.as_mut().poll(context).is_ready() {
            self.phone.handle(now, Input::Wake);
            handled += 1;
        }
        if handled > 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The next datagram; errors belong to datagrams that were sent, and a phone does not mind them.
fn poll_datagram<'a>(socket: &UdpSocket, context: &mut Context<'_>, space: &'a mut [u8]) -> Poll<(SocketAddr, &'a [u8])> {
    let mut buffer = ReadBuf::new(space);
    loop {
        match socket.poll_recv_from(context, &mut buffer) {
            Poll::Ready(Ok(source)) => {
                let length = buffer.filled().len();
                return Poll::Ready((source, &space[..length]));
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => return Poll::Pending,
        }
    }
}
