//! What routes play: the forms that are possible, and what is said of the others.

use crate::common::{mistakes, read};
use tandem_config::Do;
use tandem_model::{Announce, Announcement, NetworkTone, Sound, Then};

const PEER: &str = "[[trunk]]\nname = \"peer\"\ntargets = [{ uri = \"sip:127.0.0.9\" }]\n";

fn action(action: &str) -> Do {
    read(&format!("{PEER}[[route]]\ndo = {{ {action} }}\n")).expect("it loads").routes[0].action.value.clone()
}

fn prompt(name: &str) -> Sound {
    Sound::Prompt(name.into())
}

fn tone(country: &str, tone: NetworkTone) -> Sound {
    Sound::Tone { country: country.parse().expect("a country that is known"), tone }
}

#[test]
fn answers_and_refusals_with_something_to_be_heard() {
    let play = |sound, times| Then::Play(Announcement { sound, times });
    let told = |sound, times| Some(Announcement { sound, times });
    for (written, early, then) in [
        ("answer = 'a.wav'", None, play(prompt("a.wav"), 1)),
        ("answer = 'a.wav', times = 0", None, play(prompt("a.wav"), 0)),
        ("answer = 'busy:uk'", None, play(tone("gb", NetworkTone::Busy), 0)),
        ("answer = 'a.wav', announce = 'b/c.wav', times = 3", told(prompt("b/c.wav"), 3), play(prompt("a.wav"), 1)),
        (
            "reject = 480, announce = 'ringing:de', times = 2",
            told(tone("de", NetworkTone::Ringing), 2),
            Then::Reject { status: 480, reason: None },
        ),
    ] {
        assert_eq!(action(written), Do::Announce(Announce { early, then }), "{written}");
    }
}

#[test]
fn what_is_heard_while_others_ring() {
    for (written, sound) in
        [("'de'", tone("de", NetworkTone::Ringing)), ("'busy:de'", tone("de", NetworkTone::Busy)), ("'m.wav'", prompt("m.wav"))]
    {
        for verb in ["bridge", "ring"] {
            let of = action(&format!("{verb} = ['trunk:peer'], ringback = {written}"));
            assert!(
                matches!(&of, Do::Bridge { ringback: Some(heard), .. } | Do::Ring { ringback: Some(heard), .. } if *heard == sound),
                "{of:?}"
            );
        }
    }
    assert_eq!(action("bridge = ['trunk:peer'], ringback = 'm.wav'").prompts().collect::<Vec<_>>(), ["m.wav"]);
    assert_eq!(action("answer = 'a.wav', announce = 'b.wav'").prompts().collect::<Vec<_>>(), ["b.wav", "a.wav"]);
}

#[test]
fn what_is_no_sound_says_what_would_be() {
    for (written, said) in [
        ("answer = 'ehco'", "the nearest is \"echo\""),
        ("answer = 'welcome.mp3'", "a prompt is a WAV file"),
        ("answer = '../secret.wav'", "lies in the folder of `prompts`"),
        ("answer = '/etc/a.wav'", "lies in the folder of `prompts`"),
        ("answer = 'a/./b.wav'", "lies in the folder of `prompts`"),
        ("answer = 'buzy:de'", "the nearest is `busy:`"),
        ("answer = 'busy:xx'", "no tones are known of that country"),
        ("answer = 'echo', times = 2", "goes only with what is played"),
        ("answer = 'a.wav', times = 1001", "a number from 0 to 1000"),
        ("reject = 404, announce = 'busy:de'", "would never come to its end"),
        ("reject = 404, announce = 'a.wav', times = 0", "would never come to its end"),
        ("bridge = ['trunk:peer'], ringback = 'xx'", "no tones are known of that country"),
        ("bridge = ['trunk:peer'], announce = 'a.wav'", "goes only with `answer` and `reject`"),
        ("answer = 'echo', ringback = 'de'", "goes only with `bridge` and `ring`"),
    ] {
        let mistakes = mistakes(&format!("{PEER}[[route]]\ndo = {{ {written} }}\n"));
        assert!(mistakes.len() == 1 && mistakes[0].contains(said), "{written}: {mistakes:#?}");
    }
    let direct = mistakes(&format!("{PEER}[[route]]\nanchor = false\ndo = {{ bridge = ['trunk:peer'], ringback = 'de' }}\n"));
    assert!(direct.len() == 1 && direct[0].contains("`ringback`"), "{direct:?}");
}
