//! G.711: all octets and all samples, as Tandem and two other crates take them.

use audio_codec::{
    Decoder, Encoder,
    pcma::{PcmaDecoder, PcmaEncoder},
    pcmu::{PcmuDecoder, PcmuEncoder},
};
use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use tandem_sound::g711::{FROM_A_LAW, FROM_MU_LAW, a_law, mu_law};

fn octets() -> Vec<u8> {
    (0..=u8::MAX).collect()
}

fn samples() -> Vec<i16> {
    (i16::MIN..=i16::MAX).collect()
}

#[test]
fn all_octets_are_heard_alike() {
    for octet in octets() {
        assert_eq!(FROM_MU_LAW[usize::from(octet)], decode_ulaw(octet), "µ-law {octet:#x}");
        assert_eq!(FROM_A_LAW[usize::from(octet)], decode_alaw(octet), "A-law {octet:#x}");
    }
    let (mut mu, mut a) = ([0; 256], [0; 256]);
    PcmuDecoder::new().decode_into(&octets(), &mut mu).unwrap();
    PcmaDecoder::new().decode_into(&octets(), &mut a).unwrap();
    assert_eq!((FROM_MU_LAW, FROM_A_LAW), (mu, a));
}

/// audio-codec-algorithms is tested by its makers against all that the ITU's own software (G.191) makes of these.
#[test]
fn all_samples_are_coded_as_by_audio_codec_algorithms() {
    for sample in samples() {
        assert_eq!(mu_law(sample), encode_ulaw(sample), "µ-law of {sample}");
        assert_eq!(a_law(sample), encode_alaw(sample), "A-law of {sample}");
    }
}

/// What a code stands for, in the order of the samples that it is for.
type Table = [i16; 256];

/// The samples that `theirs` codes otherwise than `ours`. Each must be negative, and one for which both codes stand side by side in `table`, so that
/// it is the decision between two neighbours that is another.
fn decided_otherwise(ours: fn(i16) -> u8, theirs: &mut dyn Encoder, table: &Table) -> Vec<i16> {
    let mut codes = vec![0; 1 << 16];
    theirs.encode_into(&samples(), &mut codes).unwrap();
    let mut steps = table.to_vec();
    steps.sort_unstable();
    steps.dedup();
    let step = |code: u8| steps.binary_search(&table[usize::from(code)]).unwrap();
    let mut different = Vec::new();
    for (sample, theirs) in samples().into_iter().zip(codes) {
        let ours = ours(sample);
        if ours != theirs {
            assert!(sample < 0 && step(ours).abs_diff(step(theirs)) <= 1, "{sample}: {ours:#x} and {theirs:#x}");
            different.push(sample);
        }
    }
    different
}

/// G.191 takes magnitudes in one's complement (-1 - x), so that the intervals of both signs have as many samples; so do we. audio-codec negates: a
/// negative sample at a decision value of µ-law falls into the interval beyond it.
#[test]
fn audio_codec_puts_negative_samples_at_a_decision_value_of_mu_law_beyond_it() {
    let different = decided_otherwise(mu_law, &mut PcmuEncoder::new(), &FROM_MU_LAW);
    assert_eq!(different.len(), 127, "one for each decision value: {different:?}");
}

/// In A-law it takes off eight as well: of each interval the seven samples next to zero fall into the one before it, and those down to -8 count as
/// positive.
#[test]
fn audio_codec_puts_eight_negative_samples_too_few_into_intervals_of_a_law() {
    let different = decided_otherwise(a_law, &mut PcmaEncoder::new(), &FROM_A_LAW);
    assert_eq!(different.len(), 127 * 7 + 8, "{different:?}");
    assert_eq!(different[different.len() - 8..], [-8, -7, -6, -5, -4, -3, -2, -1]);
}
