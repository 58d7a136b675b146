//! A byte stream to messages (RFC 3261 §18.3), as the phone reads it.

/// Bytes that a stream may hold without a whole message in them; more is a stream that nobody can read.
const MAX_UNREAD: usize = 1 << 20;

/// Cuts what comes over a connection into messages.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    unread: Vec<u8>,
}

impl Splitter {
    /// Takes what was read; gives the messages that are whole now. `None` if the stream cannot be read any more: a head without
    /// a Content-Length, or one that never ends.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.unread.extend_from_slice(bytes);
        let mut messages = Vec::new();
        loop {
            let blank = self.unread.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.unread.drain(..blank);
            let Some(head) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                return (self.unread.len() <= MAX_UNREAD).then_some(messages);
            };
            let length = head + 4 + content_length(&self.unread[..head])?;
            if length > MAX_UNREAD {
                return None;
            }
            if self.unread.len() < length {
                return Some(messages);
            }
            messages.push(self.unread.drain(..length).collect());
        }
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(head).ok()?;
    text.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = ["Content-Length", "l"].iter().any(|known| name.trim().eq_ignore_ascii_case(known));
        is_it.then(|| value.trim().parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_wherever_the_stream_is() {
        let one = b"OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc";
        let stream: Vec<u8> = [b"\r\n\r\n".as_slice(), one, one].concat();
        for step in 1..stream.len() {
            let mut splitter = Splitter::default();
            let messages: Vec<_> = stream.chunks(step).flat_map(|chunk| splitter.push(chunk).unwrap_or_default()).collect();
            assert_eq!(messages, [one.to_vec(), one.to_vec()], "{step} bytes at a time");
        }
        assert_eq!(Splitter::default().push(b"OPTIONS sip:a SIP/2.0\r\n\r\n"), None);
    }
}
