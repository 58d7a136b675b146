//! Tables for spreadsheets (RFC 4180). What somebody sent never becomes a formula in one.

use crate::record::{Media, Record, RecordLeg};
use std::fmt::Display;

const HEAD: &str = "call,route,began,rang,answered,ended,ringing_ms,setup_ms,duration_ms,call_reason,leg,endpoint,from,to,remote,sip_call_id,\
    session_id,codec,sip_status,end_status,reason,q850_cause,ended_by,received_packets,received_bytes,received_lost,received_jitter_ms,received_mos,\
    sent_packets,sent_bytes,sent_lost,sent_jitter_ms,sent_mos";

/// A line a leg, and one for a call without any.
pub(crate) fn table(records: &[Record]) -> String {
    let mut table = String::from(HEAD) + "\r\n";
    for record in records {
        if record.legs.is_empty() {
            line(&mut table, record, &RecordLeg::default());
        }
        record.legs.iter().for_each(|leg| line(&mut table, record, leg));
    }
    table
}

fn line(table: &mut String, record: &Record, leg: &RecordLeg) {
    let Media { received, sent, .. } = leg.media.unwrap_or_default();
    let has_media = leg.media.is_some();
    let figure = |figure: &dyn Display| if has_media { figure.to_string() } else { String::new() };
    let cells = [
        record.id.clone(),
        record.route.clone(),
        record.began.to_string(),
        shown(record.rang),
        shown(record.answered),
        record.ended.to_string(),
        shown(record.ringing_ms),
        shown(record.setup_ms),
        shown(record.duration_ms),
        record.reason.clone(),
        leg.id.clone(),
        leg.endpoint.clone(),
        leg.from.clone(),
        leg.to.clone(),
        shown(leg.remote.as_deref()),
        leg.sip_call_id.clone(),
        leg.session_id.clone(),
        shown(leg.codec.as_deref()),
        leg.sip_status.to_string(),
        leg.end_status.to_string(),
        leg.reason.clone(),
        leg.q850_cause.to_string(),
        leg.ended_by.clone(),
        figure(&received.packets),
        figure(&received.bytes),
        figure(&received.lost),
        figure(&received.jitter_ms),
        shown(received.mos),
        figure(&sent.packets),
        figure(&sent.bytes),
        figure(&sent.lost),
        figure(&sent.jitter_ms),
        shown(sent.mos),
    ];
    table.push_str(&cells.map(|text| cell(&text)).join(","));
    table.push_str("\r\n");
}

fn shown(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A cell that is what it says: one that a spreadsheet would take for a formula has a `'` before it, and control characters are blanks.
fn cell(text: &str) -> String {
    let text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let guard = if is_formula { "'" } else { "" };
    if is_formula || text.contains([',', '"', ';', '\'']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{record::Times, time::Time};

    #[test]
    fn no_cell_is_a_formula_or_breaks_out() {
        for (text, shown) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("+4930", "\"'+4930\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("  =1", "\"'  =1\""),
            ("\t=1", "\"' =1\""),
            ("\r\n=cmd", "\"'  =cmd\""),
            ("a\r\nb", "a  b"),
            ("a;b", "\"a;b\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), shown, "{text:?}");
        }
    }

    #[test]
    fn every_line_has_a_cell_for_every_name() {
        let times = Times { began: Time(0), rang: None, answered: None, ended: Time(1_000) };
        let legs =
            vec![RecordLeg { from: "sip:=cmd@a".into(), media: Some(Media::default()), ..RecordLeg::default() }, RecordLeg::default()];
        let none = Record { id: "call_0".into(), ..Record::with_times(times) };
        let table = table(&[Record { legs, ..none.clone() }, none]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4);
        let cells = HEAD.split(',').count();
        assert!(lines.iter().all(|line| line.split(',').count() == cells), "{table}");
    }
}
