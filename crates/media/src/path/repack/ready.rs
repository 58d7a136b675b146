//! Packets that wait for their time to leave.

use crate::rtp::header::{FIXED_LEN, Header};
use std::collections::VecDeque;
use tandem_model::Timestamp;

/// What is known of a packet beside its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// When it leaves.
    pub(super) due: Timestamp,
    /// Its number.
    pub(super) extended: u32,
    pub(super) header: Header,
}

/// As many packets as there is room for: one more pushes out the oldest.
#[derive(Debug)]
pub(super) struct Ready {
    waiting: VecDeque<(Piece, usize)>,
    free: Vec<usize>,
    /// Where the packet is that is leaving.
    leaving: Option<usize>,
    /// All of the same size.
    places: Box<[u8]>,
    size: usize,
    packets: usize,
}

impl Ready {
    /// Room for so many packets, and for so many octets of payload in each.
    pub(super) fn new(packets: usize, octets: usize) -> Ready {
        let size = FIXED_LEN + octets;
        // While they wait one is leaving, and one is made.
        let places = vec![0; (packets + 2) * size].into();
        Ready { waiting: VecDeque::with_capacity(packets), free: (0..packets + 2).collect(), leaving: None, places, size, packets }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= self.packets
    }

    /// Adds a packet, whose payload `write` makes: of how many octets, and ticks; or else none.
    pub(super) fn put(&mut self, piece: Piece, write: impl FnOnce(&mut [u8]) -> Option<(usize, u32)>) -> Option<u32> {
        let place = *self.free.last()?;
        let (octets, ticks) = write(self.place(place).get_mut(FIXED_LEN..)?)?;
        self.free.pop();
        if self.is_full() {
            self.free.extend(self.waiting.pop_front().map(|(_, place)| place));
        }
        self.waiting.push_back((Piece { header: Header { payload_len: octets, ..piece.header }, ..piece }, place));
        Some(ticks)
    }

    /// Makes a packet that nobody is to get.
    pub(super) fn leave_out(&mut self, write: impl FnOnce(&mut [u8]) -> Option<(usize, u32)>) -> Option<u32> {
        let place = *self.free.last()?;
        write(self.place(place).get_mut(FIXED_LEN..)?).map(|(_, ticks)| ticks)
    }

    /// All that wait leave by then.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.waiting.iter_mut().for_each(|(piece, _)| piece.due = piece.due.min(now));
    }

    /// When the next one leaves.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|(piece, _)| piece.due).min()
    }

    /// The first that is due. Its octets are at hand until the next is asked for.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Piece> {
        self.free.extend(self.leaving.take());
        let nth = self.waiting.iter().position(|(piece, _)| piece.due <= now)?;
        let (piece, place) = self.waiting.remove(nth)?;
        self.leaving = Some(place);
        Some(piece)
    }

    /// The packet that is leaving, with the header that it shall have.
    pub(super) fn packet(&mut self, header: &Header) -> &[u8] {
        let place = self.leaving.map_or(&mut [][..], |place| self.place(place));
        let Some(packet) = place.get_mut(..FIXED_LEN + header.payload_len) else { return &[] };
        if let Some(fixed) = packet.first_chunk_mut() {
            Header::begin(fixed);
        }
        header.write(packet);
        packet
    }

    fn place(&mut self, place: usize) -> &mut [u8] {
        self.places.get_mut(place * self.size..).and_then(|places| places.get_mut(..self.size)).unwrap_or(&mut [])
    }
}
