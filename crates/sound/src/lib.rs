//! Sound as values: samples in, samples out. Codecs, sample rates, tones, keys that are pressed, and what is made of a gap.
//!
//! Samples are 16 bits, one channel. What is deliberately not here: packets, their order and their time (`tandem-media` has them), and
//! files. Nothing here allocates once it is made, but for what says so.
//!
//! Three types to know: [`Encoder`], [`Decoder`], [`Resampler`].

pub mod comfort;
mod conceal;
mod extrapolation;
pub mod g711;
pub mod g722;
pub mod keys;
pub mod opus;
mod oscillator;
mod pitch;
mod resample;
pub mod stretch;
pub mod tones;
mod voice;
pub mod wav;

pub use conceal::Concealer;
pub use oscillator::Oscillator;
pub use resample::Resampler;
pub use voice::{Decoder, Encoder};
