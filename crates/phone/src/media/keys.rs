//! Keys that a phone presses in its sound: what its packets carry in place of its own tone.

use std::{collections::VecDeque, f64::consts::TAU};

/// Hertz of the rows and columns, and what lies where they meet (ITU-T Q.23).
const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const PAD: [[u8; 4]; 4] = [*b"123A", *b"456B", *b"789C", *b"*0#D"];

/// Signs in the order of their event codes.
const SIGNS: &[u8; 16] = b"0123456789*#ABCD";

/// A sample more often than that a second.
const RATE: f64 = 8000.0;

/// What one packet carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Instead {
    /// A telephone event: number, code, packet of the event from 1 on, whether it is over.
    Event(u8, u8, u16, bool),
    /// Two sines.
    Tones(f64, f64),
}

/// What the packets to come carry.
#[derive(Clone, Debug, Default)]
pub(super) struct Pressing {
    pub(super) packets: VecDeque<Option<Instead>>,
    /// When the event under way began, by the clock of the stream.
    pub(super) begins: u32,
    phases: (f64, f64),
}

impl Pressing {
    /// A key, as events under that number or as tones, for so many packets; then a pause of as many.
    pub(super) fn press(&mut self, sign: char, number: Option<u8>, packets: u16, pause: u16) {
        let Some(code) = SIGNS.iter().position(|known| char::from(*known) == sign) else { return };
        match number {
            Some(number) => {
                let event = |n, is_over| Some(Instead::Event(number, code as u8, n, is_over));
                self.packets.extend((1..packets).map(|n| event(n, false)));
                self.packets.extend([event(packets, true); 3]);
            }
            None => {
                let place = PAD.iter().flatten().position(|known| char::from(*known) == sign).unwrap_or(0);
                let tones = Instead::Tones(ROWS[place / 4], COLUMNS[place % 4]);
                self.packets.extend((0..packets).map(|_| Some(tones)));
            }
        }
        self.packets.extend((0..pause).map(|_| None));
    }

    /// The next sample of two sines.
    pub(super) fn sample(&mut self, low: f64, high: f64, amplitude: f64) -> i16 {
        let sample = amplitude * (self.phases.0.sin() + self.phases.1.sin()) / 2.0;
        self.phases = ((self.phases.0 + TAU * low / RATE) % TAU, (self.phases.1 + TAU * high / RATE) % TAU);
        sample as i16
    }
}

/// The keys in sound, one after the other, with their length in milliseconds: what most of each 10 ms is made of.
pub fn keys_in(samples: &[i16]) -> Vec<(char, usize)> {
    let mut found: Vec<(char, usize)> = Vec::new();
    let mut last = None;
    for block in samples.chunks_exact(80) {
        let key = key_of(block);
        match (key, last, found.last_mut()) {
            (Some(key), Some(before), Some((_, ms))) if key == before => *ms += 10,
            (Some(key), ..) => found.push((key, 10)),
            (None, ..) => {}
        }
        last = key;
    }
    found
}

fn key_of(block: &[i16]) -> Option<char> {
    let all: f64 = block.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    if all < 80.0 * 1000.0 * 1000.0 {
        return None;
    }
    let power = |hz: f64| {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in block.iter().enumerate() {
            let angle = TAU * hz * n as f64 / RATE;
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        2.0 * (re * re + im * im) / (block.len() as f64 * all)
    };
    let best = |tones: [f64; 4]| (0..4).map(|n| (n, power(tones[n]))).max_by(|(_, a), (_, b)| a.total_cmp(b));
    let ((row, low), (column, high)) = (best(ROWS)?, best(COLUMNS)?);
    (low > 0.2 && high > 0.2).then(|| char::from(PAD[row][column]))
}
