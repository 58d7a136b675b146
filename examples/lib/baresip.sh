# baresip phones for the examples, after common.sh: a sine for a microphone, a recording for a loudspeaker.

"$root/.ci/packages" python3 baresip-core

# phone NAME ACCOUNT PORT RTP-PORTS HERTZ ARGUMENTS...: a phone in $work/NAME; CONFIG, if set, is added to its configuration.
phone() {
    local name=$1 account=$2 port=$3 ports=$4 hertz=$5
    shift 5
    mkdir "$work/$name"
    sed -e "s#@NAME@#$name#" -e "s#@SIP@#$port#" -e "s#@RTP@#$ports#" -e "s#@HERTZ@#$hertz#" -e "s#@FOLDER@#$work/$name#" \
        "$root/tests/interop/lib/baresip.template" >"$work/$name/config"
    printf '%s\n' "${CONFIG:-}" >>"$work/$name/config"
    printf '%s\n' "$account" >"$work/$name/accounts"
    : >"$work/$name/contacts"
    start "$name" baresip -f "$work/$name" "$@"
    wait_for 5 grep -q 'baresip is ready' "$work/$name.log"
}

# hears NAME HERTZ: what the phone heard is that tone, and at least three seconds of it.
hears() {
    python3 - "$root/tests/interop/lib" "$work/$1" "$2" <<'PYTHON' || fail "$1 does not hear $2 Hz"
import pathlib
import sys

sys.path.insert(0, sys.argv[1])
from audio import level, read_wav

samples, rate = read_wav(max(pathlib.Path(sys.argv[2]).glob("dump-*-dec.wav")))
share = level(samples[rate // 2 : -rate // 2], rate, float(sys.argv[3]))
print(f"{pathlib.Path(sys.argv[2]).name} heard {len(samples) / rate:.1f} s, {share:.0%} of it {sys.argv[3]} Hz")
sys.exit(0 if len(samples) > 3 * rate and share > 0.9 else 1)
PYTHON
}
