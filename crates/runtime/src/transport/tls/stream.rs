//! Bytes over TLS: a socket, and the state of TLS that its bytes go through. The two halves are for one task.

use rustls::{Connection, pki_types::CertificateDer};
use socket2::SockRef;
use std::{
    cell::RefCell,
    io::{self, Read, Write},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Both together.
pub(super) struct TlsStream {
    socket: TcpStream,
    tls: Connection,
}

impl TlsStream {
    pub(super) fn new(socket: TcpStream, tls: Connection) -> TlsStream {
        TlsStream { socket, tls }
    }

    pub(super) fn into_parts(self) -> (TcpStream, Connection) {
        (self.socket, self.tls)
    }

    /// What the other end has shown, and was believed.
    pub(super) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.tls.peer_certificates().and_then(|chain| chain.first())
    }

    /// Goes on with the handshake until it is done, and all of ours of it is written.
    ///
    /// # Errors
    /// Of TLS as `InvalidData`, with a [`rustls::Error`] inside; the alert that says so is written.
    pub(super) fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.is_handshaking() {
            // First what they wait for.
            ready!(self.poll_flush(context))?;
            if self.tls.is_handshaking() && ready!(self.poll_fill(context))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        self.poll_flush(context)
    }

    /// Reads from the socket once and decrypts; how many bytes the socket gave.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let length = match self.tls.read_tls(&mut Waiting { socket: &mut self.socket, context }) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let processed = self.tls.process_new_packets();
        // Alerts and answers to requests for new keys. What cannot be written now is written with the next message.
        if self.tls.wants_write() {
            let _ = self.poll_flush(context);
        }
        Poll::Ready(processed.map(|_| length).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)))
    }

    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.tls.reader().read(buffer.initialize_unfilled()) {
                Ok(length) => {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Closed without the alert that says so. A message has its own length, so nothing can be cut off unnoticed.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(self.poll_fill(context))?;
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            // As much as its buffer takes.
            let taken = self.tls.writer().write(bytes)?;
            match self.poll_flush(context) {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                _ if taken > 0 || bytes.is_empty() => return Poll::Ready(Ok(taken)),
                Poll::Ready(Ok(())) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Waiting { socket: &mut self.socket, context }) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The two halves, which say goodbye when both are gone.
    pub(super) fn split(self) -> (Half, Half) {
        let whole = Rc::new(Whole(RefCell::new(self)));
        (Half(whole.clone()), Half(whole))
    }
}

/// A socket that has the task woken where it would block.
struct Waiting<'a, 'c> {
    socket: &'a mut TcpStream,
    context: &'a mut Context<'c>,
}

impl Waiting<'_, '_> {
    fn now<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
        match polled {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Read for Waiting<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(bytes);
        Waiting::now(Pin::new(&mut *self.socket).poll_read(self.context, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl Write for Waiting<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Waiting::now(Pin::new(&mut *self.socket).poll_write(self.context, bytes))
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        Waiting::now(Pin::new(&mut *self.socket).poll_write_vectored(self.context, pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Whole(RefCell<TlsStream>);

impl Drop for Whole {
    fn drop(&mut self) {
        let stream = self.0.get_mut();
        // RFC 8446 §6.1. Nobody waits for it: where it would block it is left out.
        stream.tls.send_close_notify();
        let _ = stream.tls.write_tls(&mut &*SockRef::from(&stream.socket));
    }
}

/// One half. A borrow of the whole ends with the call that makes it.
pub(super) struct Half(Rc<Whole>);

impl AsyncRead for Half {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.0.borrow_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Half {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.0.borrow_mut().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.0.borrow_mut().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The whole says goodbye.
        self.poll_flush(context)
    }
}
