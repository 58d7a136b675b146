//! The plans of the countries, by their letters.

use super::{Cadence, Mix};
use tandem_model::{Country, NetworkTone};

struct Plan {
    code: &'static str,
    ringing: (Mix, Cadence),
    busy: (Mix, Cadence),
    congestion: (Mix, Cadence),
}

/// What that country says so.
pub(super) fn plan(country: Country, tone: NetworkTone) -> (Mix, Cadence) {
    let code = country.code();
    let place = PLANS.binary_search_by_key(&code, |plan| plan.code).unwrap_or_default();
    let plan = &PLANS[place];
    match tone {
        NetworkTone::Ringing => plan.ringing,
        NetworkTone::Busy => plan.busy,
        NetworkTone::Congestion => plan.congestion,
    }
}

const ONCE_IN_5: Cadence = &[(1_000, 4_000)];
const ONCE_IN_4: Cadence = &[(1_000, 3_000)];
const ONCE_IN_6: Cadence = &[(1_000, 5_000)];
const TWICE_IN_3: Cadence = &[(400, 200), (400, 2_000)];
const HALVES: Cadence = &[(500, 500)];
const QUARTERS: Cadence = &[(250, 250)];
const FIFTHS: Cadence = &[(200, 200)];
const THIRDS: Cadence = &[(300, 300)];

/// A country with one frequency for all.
const fn plain(code: &'static str, hz: u16, ringing: Cadence, busy: Cadence, congestion: Cadence) -> Plan {
    Plan { code, ringing: (Mix::One(hz), ringing), busy: (Mix::One(hz), busy), congestion: (Mix::One(hz), congestion) }
}

/// North America, and who has its tones.
const fn american(code: &'static str) -> Plan {
    Plan {
        code,
        ringing: (Mix::Two(440, 480), &[(2_000, 4_000)]),
        busy: (Mix::Two(480, 620), HALVES),
        congestion: (Mix::Two(480, 620), QUARTERS),
    }
}

static PLANS: [Plan; 38] = [
    plain("at", 420, ONCE_IN_6, &[(400, 400)], FIFTHS),
    Plan {
        code: "au",
        ringing: (Mix::Two(413, 438), TWICE_IN_3),
        busy: (Mix::One(425), &[(375, 375)]),
        congestion: (Mix::One(425), &[(375, 375)]),
    },
    plain("be", 425, ONCE_IN_4, HALVES, &[(167, 167)]),
    plain("bg", 425, ONCE_IN_5, HALVES, QUARTERS),
    plain("br", 425, ONCE_IN_5, QUARTERS, &[(250, 250), (750, 250)]),
    american("ca"),
    plain("ch", 425, ONCE_IN_5, HALVES, FIFTHS),
    plain("cl", 400, ONCE_IN_4, HALVES, FIFTHS),
    plain("cn", 450, ONCE_IN_5, &[(350, 350)], &[(700, 700)]),
    plain("cz", 425, ONCE_IN_5, &[(330, 330)], &[(165, 165)]),
    plain("de", 425, ONCE_IN_5, &[(480, 480)], &[(240, 240)]),
    plain("dk", 425, ONCE_IN_5, HALVES, FIFTHS),
    plain("ee", 425, ONCE_IN_5, THIRDS, FIFTHS),
    plain("es", 425, &[(1_500, 3_000)], FIFTHS, &[(200, 200), (200, 200), (200, 600)]),
    plain("fi", 425, ONCE_IN_5, THIRDS, FIFTHS),
    plain("fr", 440, &[(1_500, 3_500)], HALVES, QUARTERS),
    Plan {
        code: "gb",
        ringing: (Mix::Two(400, 450), TWICE_IN_3),
        busy: (Mix::One(400), &[(375, 375)]),
        congestion: (Mix::One(400), &[(400, 350), (225, 525)]),
    },
    plain("gr", 425, ONCE_IN_5, THIRDS, FIFTHS),
    plain("hu", 425, &[(1_250, 3_750)], THIRDS, THIRDS),
    plain("il", 414, ONCE_IN_4, HALVES, QUARTERS),
    Plan {
        code: "in",
        ringing: (Mix::Waxing(400, 25), TWICE_IN_3),
        busy: (Mix::One(400), &[(750, 750)]),
        congestion: (Mix::One(400), QUARTERS),
    },
    plain("it", 425, ONCE_IN_5, HALVES, FIFTHS),
    Plan {
        code: "jp",
        ringing: (Mix::Waxing(400, 16), &[(1_000, 2_000)]),
        busy: (Mix::One(400), HALVES),
        congestion: (Mix::One(400), HALVES),
    },
    plain("lt", 425, ONCE_IN_5, &[(350, 350)], FIFTHS),
    plain("mx", 425, ONCE_IN_5, QUARTERS, QUARTERS),
    plain("my", 425, TWICE_IN_3, HALVES, HALVES),
    plain("nl", 425, ONCE_IN_5, HALVES, QUARTERS),
    plain("no", 425, ONCE_IN_5, HALVES, FIFTHS),
    Plan { code: "nz", ringing: (Mix::Two(400, 450), TWICE_IN_3), busy: (Mix::One(400), HALVES), congestion: (Mix::One(400), QUARTERS) },
    plain("pl", 425, ONCE_IN_5, HALVES, HALVES),
    plain("pt", 425, ONCE_IN_6, HALVES, FIFTHS),
    plain("ru", 425, ONCE_IN_5, &[(350, 350)], &[(175, 175)]),
    plain("se", 425, ONCE_IN_6, QUARTERS, &[(250, 750)]),
    Plan {
        code: "sg",
        ringing: (Mix::Waxing(425, 24), TWICE_IN_3),
        busy: (Mix::One(425), &[(750, 750)]),
        congestion: (Mix::One(425), QUARTERS),
    },
    plain("th", 420, ONCE_IN_6, HALVES, THIRDS),
    Plan {
        code: "tw",
        ringing: (Mix::Two(440, 480), &[(1_000, 2_000)]),
        busy: (Mix::Two(480, 620), HALVES),
        congestion: (Mix::Two(480, 620), QUARTERS),
    },
    american("us"),
    Plan { code: "za", ringing: (Mix::Waxing(400, 33), TWICE_IN_3), busy: (Mix::One(400), HALVES), congestion: (Mix::One(400), QUARTERS) },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_a_plan() {
        assert!(PLANS.iter().map(|plan| plan.code).eq(Country::all().map(Country::code)));
    }
}
