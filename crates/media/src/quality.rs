//! How good a call sounds, reckoned from what its packets met: the E-model (ITU-T G.107, and G.107.1 for wideband).
//!
//! What a node in the middle cannot know (loudness, noise in the rooms, echo of the phones) has the default values of G.107 table 2.

use tandem_model::{Codec, Mos};

/// What the packets of one direction met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) codec: Codec,
    /// From mouth to ear, one way, milliseconds.
    pub(crate) delay_ms: f64,
    /// Packets that were not there when they should have been heard, of a hundred.
    pub(crate) loss_percent: f64,
    /// How long runs of lost packets are beside those of random loss (G.107 §3.5): 1 where they are as random.
    pub(crate) burst_ratio: f64,
}

/// Basic signal-to-noise ratio, with the default values (G.107 §3.1).
const RO: f64 = 94.768_8;

/// What is impaired at the same time as the voice, with the default values (G.107 §3.2).
const IS: f64 = 1.413_6;

/// The same of a wideband call (G.107.1 §7.2; there is nothing of the other).
const RO_WIDEBAND: f64 = 129.0;

/// Talker echo and weighted echo path loss, decibels (G.107 table 2).
const TELR: f64 = 65.0;
const WEPL: f64 = 110.0;

/// What the talker echo is beside: Roe with the default noise and loudness (G.107 §3.3).
const ROE: f64 = 94.769;

/// G.113 appendix I: how G.711 bears random loss where what is lost is made up. It has nothing of G.722 and Opus whose loss is made up as
/// well as that, so this is taken for all.
const BPL: f64 = 25.1;

/// What a codec does to sound: `(Ie, is wideband)`. G.711 by G.113 appendix I, G.722 at 64 kbit/s by its appendix IV. For Opus there is
/// no value on that scale: in listening tests (Rämö and Toukomaa, Interspeech 2011) it stood beside AMR-WB at its best, which has 1.
fn impairment(codec: Codec) -> (f64, bool) {
    match codec {
        Codec::Pcmu | Codec::Pcma => (0.0, false),
        Codec::G722 => (13.0, true),
        Codec::Opus => (1.0, true),
    }
}

impl Path {
    /// The mean opinion of people who talk over it. A wideband codec is rated by those who know wideband, so 4.5 is the best of either
    /// scale (G.107 annex B; G.107.1 annex A).
    pub(crate) fn mos(&self) -> Mos {
        let (_, is_wideband) = impairment(self.codec);
        let rating = self.rating();
        Mos::from_hundredths((opinion(if is_wideband { rating / 1.29 } else { rating }) * 100.0).round() as u16)
    }

    /// The transmission rating factor R.
    fn rating(&self) -> f64 {
        let (equipment, is_wideband) = impairment(self.codec);
        let basic = if is_wideband { RO_WIDEBAND } else { RO - IS };
        // G.107.1 has the impairment by delay of G.107, on its own scale.
        basic - delay_impairment(self.delay_ms.max(0.0)) - self.with_loss(equipment)
    }

    /// G.107 §3.5: the effective equipment impairment.
    fn with_loss(&self, equipment: f64) -> f64 {
        let loss = self.loss_percent.clamp(0.0, 100.0);
        equipment + (95.0 - equipment) * loss / (loss / self.burst_ratio.max(1.0) + BPL)
    }
}

/// G.107 §3.4: talker echo, listener echo, and delay that is too long for a talk even without an echo; all of it in milliseconds one way.
fn delay_impairment(delay: f64) -> f64 {
    let echo = TELR - 40.0 * ((1.0 + delay / 10.0) / (1.0 + delay / 150.0)).log10() + 6.0 * (-0.3 * delay * delay).exp();
    let beside = ROE - (80.0 + 2.5 * (echo - 14.0));
    let talker = (beside / 2.0 + (beside * beside / 4.0 + 100.0).sqrt() - 1.0) * (1.0 - (-delay).exp());
    let heard_again = RO - 10.5 * (WEPL + 7.0) * (2.0 * delay + 1.0).powf(-0.25);
    let listener = heard_again / 2.0 + (heard_again * heard_again / 4.0 + 169.0).sqrt();
    talker + listener + too_long(delay)
}

/// Idd with the default sensitivity to delay.
fn too_long(delay: f64) -> f64 {
    if delay <= 100.0 {
        return 0.0;
    }
    let x = (delay / 100.0).log2();
    let root = |value: f64| (1.0 + value.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

/// G.107 annex B: from the rating to the mean opinion.
fn opinion(rating: f64) -> f64 {
    match rating {
        ..=0.0 => 1.0,
        100.0.. => 4.5,
        _ => (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERFECT: Path = Path { codec: Codec::Pcmu, delay_ms: 0.0, loss_percent: 0.0, burst_ratio: 1.0 };

    fn near(value: f64, expected: f64, by: f64) -> bool {
        (value - expected).abs() <= by
    }

    #[test]
    fn default_values_give_the_rating_of_the_recommendation() {
        // G.107: 93.2 with all default values, which is a MOS of 4.41.
        assert!(near(PERFECT.rating(), 93.2, 0.05), "{}", PERFECT.rating());
        assert_eq!(PERFECT.mos().to_string(), "4.41");
    }

    #[test]
    fn ratings_become_the_opinions_of_annex_b() {
        for (rating, expected) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
            assert!(near(opinion(rating), expected, 0.01), "{rating}: {}", opinion(rating));
        }
        assert_eq!((opinion(-3.0), opinion(100.0), opinion(129.0)), (1.0, 4.5, 4.5));
        let falls = (0..100).find(|rating| opinion(f64::from(*rating)) > opinion(f64::from(rating + 1)));
        assert_eq!(falls, None);
    }

    #[test]
    fn delay_is_borne_until_it_hinders_a_talk() {
        let rating = |delay_ms| Path { delay_ms, ..PERFECT }.rating();
        assert_eq!(too_long(100.0), 0.0);
        assert!(near(too_long(200.0), 3.04, 0.01), "25 × (2^(1/6) - 3 × (1 + 3^-6)^(1/6) + 2)");
        // G.114: without an echo users are very satisfied up to 180 ms, satisfied up to 280 ms, and many are not any more at 400 ms.
        assert!([(180.0, 91.9), (280.0, 80.7), (400.0, 69.1)].iter().all(|(delay, expected)| near(
            93.2 - too_long(*delay),
            *expected,
            0.2
        )));
        assert!(near(rating(150.0), 89.5, 0.1) && near(rating(400.0), 62.2, 0.1), "{} {}", rating(150.0), rating(400.0));
    }

    #[test]
    fn loss_costs_what_g_107_says() {
        let effective = |loss_percent, burst_ratio| Path { loss_percent, burst_ratio, ..PERFECT }.with_loss(0.0);
        // 95 × Ppl / (Ppl / BurstR + Bpl).
        assert!(near(effective(1.0, 1.0), 95.0 / 26.1, 1e-9) && near(effective(5.0, 1.0), 475.0 / 30.1, 1e-9));
        assert!(near(effective(5.0, 2.0), 475.0 / 27.6, 1e-9), "bursts are worse");
        assert_eq!(effective(5.0, 0.2), effective(5.0, 1.0), "nothing is more random than random");
        let mos = |loss_percent| Path { loss_percent, ..PERFECT }.mos();
        assert_eq!(["4.33", "4.24", "3.92", "1.18"].map(str::to_owned), [1.0, 2.0, 5.0, 100.0].map(|loss| mos(loss).to_string()));
    }

    #[test]
    fn wideband_is_rated_on_its_own_scale() {
        let mos = |codec| Path { codec, ..PERFECT }.mos().to_string();
        // G.107.1: 129 less 13 is 116, which is nearly 90 of the narrowband scale.
        assert_eq!((mos(Codec::G722), mos(Codec::Opus), mos(Codec::Pcma)), ("4.33".into(), "4.49".into(), "4.41".into()));
    }

    #[test]
    fn nonsense_does_no_harm() {
        for path in [
            Path { delay_ms: -5.0, loss_percent: -1.0, burst_ratio: 0.0, ..PERFECT },
            Path { delay_ms: 1e9, loss_percent: 1e9, burst_ratio: 1e9, ..PERFECT },
        ] {
            assert!((1.0..=4.5).contains(&path.mos().value()), "{path:?}");
        }
    }
}
