"""sipp, and scenarios for it in a few words each.

A scenario is written as the story of one side:

    Script.callee().expect("INVITE").reply(180).reply(200, sdp=sdp()).expect("ACK").expect("BYE").reply(200)

and becomes the XML that sipp wants. Every wait is bounded by sipp's own timeouts; a message that is not expected fails.
"""

import csv
import itertools

from stage import Failure, check, is_bound, wait_until

REASONS = {180: "Ringing", 183: "Session Progress", 200: "OK", 302: "Moved Temporarily", 486: "Busy Here", 487: "Request Terminated",
           488: "Not Acceptable Here", 491: "Request Pending", 503: "Service Unavailable", 603: "Decline"}  # fmt: skip

# sipp gives up on a call after this many milliseconds without the message that it expects.
PATIENCE = 8000


def sdp(payloads="0", rtpmap=("0 PCMU/8000",), direction=None, version=1, extra=()):
    """A session description with one audio stream at sipp's own media port."""
    lines = [
        "v=0",
        f"o=sipp 42 {version} IN IP[local_ip_type] [local_ip]",
        "s=-",
        "c=IN IP[media_ip_type] [media_ip]",
        "t=0 0",
        f"m=audio [media_port] RTP/AVP {payloads}",
        *(f"a=rtpmap:{line}" for line in rtpmap),
        *([f"a={direction}"] if direction else []),
        *(f"a={line}" for line in extra),
    ]
    return "\n".join(lines)


class Fragment(str):
    """A body that is the beginning of a SIP message."""


def fragment(text):
    """`message/sipfrag` (RFC 3420)."""
    return Fragment(text)


class Script:
    """One side's story. Each method adds a step and returns the script."""

    def __init__(self, is_caller):
        self.is_caller = is_caller
        self.steps = []
        self.variables = set()
        self.cseq = 0
        self.invite_cseq = 0
        self.in_dialog = False
        self.last_sent = None
        self.numbers = itertools.count(1)

    @staticmethod
    def caller():
        return Script(True)

    @staticmethod
    def callee():
        return Script(False)

    # What this side sends.

    def invite(self, sdp=None, headers=()):
        """The INVITE that begins the call, or one inside the dialog."""
        self.cseq += 1
        self.invite_cseq = self.cseq
        return self._request("INVITE", self.cseq, sdp, headers, retrans=True)

    def ack(self, sdp=None):
        """ACK of a 2xx: a transaction of its own."""
        return self._request("ACK", self.invite_cseq, sdp, (), retrans=False)

    def ack_failure(self):
        """ACK of any other final response: same branch and Request-URI as its INVITE (RFC 3261 §17.1.1.3)."""
        return self._hop_by_hop("ACK", to="[last_To:]", retrans=False)

    def cancel(self):
        """Same branch and Request-URI as the INVITE (RFC 3261 §9.1)."""
        return self._hop_by_hop("CANCEL", to="To: <sip:[service]@example.com>", retrans=True)

    def bye(self, headers=()):
        self.cseq += 1
        return self._request("BYE", self.cseq, None, headers, retrans=True)

    def request(self, method, headers=(), sdp=None):
        """Any other request inside the dialog."""
        self.cseq += 1
        return self._request(method, self.cseq, sdp, headers, retrans=True)

    def outside(self, method, headers=()):
        """A request of a caller outside of any dialog. sipp takes what is behind the slashes for the Call-ID, so that what comes of it is
        a part of the call's story. `[$their_tag]` is the other side's tag where `keeps_tag` came before."""
        lines = [
            f"{method} [next_url] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            "From: caller <sip:caller@example.com>;tag=[pid]outside[call_number]",
            "To: <sip:[service]@example.com>",
            "Call-ID: outside///[call_id]",
            f"CSeq: 1 {method}",
            "Contact: <sip:caller@[local_ip]:[local_port]>",
            "Max-Forwards: 70",
            *headers,
        ]
        self.last_sent = method
        return self._send(lines, None, retrans=True)

    def keeps_tag(self):
        """The tag of the other side, from the response that was expected last."""
        self.variables |= {"their_tag", "their_tag_whole"}
        keep = '<ereg regexp="tag=([^;]*)" search_in="hdr" header="To:" assign_to="their_tag_whole,their_tag"/>'
        step = self.steps[-1].replace("    </action>\n", "").replace("\n\n  </recv>", "\n    <action>\n  </recv>")
        self.steps[-1] = step.replace("\n  </recv>", f"\n      {keep}\n    </action>\n  </recv>")
        return self

    def prack(self, sdp=None):
        """PRACK of the reliable response that was expected last."""
        return self.request("PRACK", [f"RAck:[$rseq] {self.invite_cseq} INVITE"], sdp)

    def reply(self, status, sdp=None, headers=(), to="INVITE", retrans=None, contact="sip:callee@[local_ip]:[local_port]"):
        """A response to the last request of method `to`."""
        name = to.lower()
        has_tag = self.in_dialog or to not in ("INVITE", "MESSAGE") or status == 100
        tag = "" if has_tag else ";tag=[pid]callee[call_number]"
        lines = [
            f"SIP/2.0 {status} {REASONS.get(status, 'Whatever')}",
            f"Via:[${name}_via]",
            f"From:[${name}_from]",
            f"To:[${name}_to]{tag}",
            "[last_Call-ID:]",
            f"CSeq:[${name}_cseq]",
            f"Contact: <{contact}>",
            *headers,
        ]
        if retrans is None:
            retrans = to == "INVITE" and status >= 200
        return self._send(lines, sdp, retrans)

    def pause(self, milliseconds):
        self.steps.append(f'  <pause milliseconds="{milliseconds}"/>')
        return self

    # What this side waits for.

    def reliable(self, status, **expected):
        """A provisional response that wants a PRACK (RFC 3262 §4)."""
        self.expect(status, **{**expected, "has": ["Require: *100rel", *expected.get("has", ())]}, learns=True)
        self.variables.add("rseq")
        keep = '<ereg regexp=".*" search_in="hdr" header="RSeq:" assign_to="rseq"/>'
        self.steps[-1] = self.steps[-1].replace("    </action>", f"      {keep}\n    </action>")
        return self

    def expect(self, what, *, optional=False, has=(), lacks=(), body=(), body_lacks=(), timeout=PATIENCE, learns=False):
        """A request by its method or a response by its status. `has` and `lacks` are regular expressions for the whole
        message, `body` and `body_lacks` for its body. `learns`: the remote target is in it."""
        kind = "response" if isinstance(what, int) else "request"
        attributes = [f'{kind}="{what}"']
        attributes.append('optional="true"' if optional else f'timeout="{timeout}"')
        # An INVITE and the 2xx of one teach sipp the remote target.
        answered = what == 200 and self.last_sent == "INVITE"
        if what == "INVITE" or answered or learns:
            attributes.append('rrs="true"')
        actions = [self._look(pattern, "msg", True) for pattern in has]
        actions += [self._look(pattern, "msg", False) for pattern in lacks]
        actions += [self._look(pattern, "body", True) for pattern in body]
        actions += [self._look(pattern, "body", False) for pattern in body_lacks]
        if kind == "request" and what != "ACK":
            actions += self._remember(what.lower())
        if what == "INVITE" and not self.in_dialog and not self.is_caller:
            actions += self._remember("first")
        inside = "\n".join(["    <action>", *(f"      {action}" for action in actions), "    </action>"]) if actions else ""
        self.steps.append(f"  <recv {' '.join(attributes)}>\n{inside}\n  </recv>")
        self.in_dialog |= what == "ACK" or answered
        return self

    def trying(self):
        """The 100 that may come first."""
        return self.expect(100, optional=True)

    def xml(self, name):
        """The scenario as sipp reads it."""
        steps = "\n".join(self.steps)
        # Replies pick what they need; sipp rejects a variable that is used only once.
        reference = f'  <Reference variables="{",".join(sorted(self.variables))}"/>\n' if self.variables else ""
        return (
            '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
            f'<scenario name="{name}">\n{steps}\n{reference}</scenario>\n'
        )

    def _look(self, pattern, where, wanted):
        variable = f"look{next(self.numbers)}"
        self.variables.add(variable)
        judge = 'check_it="true"' if wanted else 'check_it_inverse="true"'
        escaped = pattern.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
        return f'<ereg regexp="{escaped}" search_in="{where}" {judge} assign_to="{variable}"/>'

    def _remember(self, name):
        """Keeps what replies to a request, and requests the other way, need of it."""
        headers = {"via": "Via:", "from": "From:", "to": "To:", "cseq": "CSeq:"}
        self.variables |= {f"{name}_{part}" for part in headers}
        return [
            f'<ereg regexp=".*" search_in="hdr" header="{header}" assign_to="{name}_{part}"/>' for part, header in headers.items()
        ]

    def _request(self, method, cseq, body, headers, retrans):
        target = self._target(cseq)
        if self.is_caller:
            whence = "From: caller <sip:caller@example.com>;tag=[pid]caller[call_number]"
            whither = "To: <sip:[service]@example.com>[peer_tag_param]"
        else:
            # The callee's From is the To of the INVITE that it got, and the other way round.
            whence = "From:[$first_to];tag=[pid]callee[call_number]"
            whither = "To:[$first_from]"
        lines = [
            f"{method} {target} SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            whence,
            whither,
            "Call-ID: [call_id]",
            f"CSeq: {cseq} {method}",
            "Contact: <sip:{}@[local_ip]:[local_port]>".format("caller" if self.is_caller else "callee"),
            "Max-Forwards: 70",
            *headers,
        ]
        self.last_sent = method
        return self._send(lines, body, retrans)

    def _hop_by_hop(self, method, to, retrans):
        lines = [
            f"{method} {self._target(self.invite_cseq)} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-{self._steps_since_invite()}]",
            "From: caller <sip:caller@example.com>;tag=[pid]caller[call_number]",
            to,
            "Call-ID: [call_id]",
            f"CSeq: {self.invite_cseq} {method}",
            "Max-Forwards: 70",
        ]
        self.last_sent = method
        return self._send(lines, None, retrans)

    def _target(self, cseq):
        """The first INVITE goes where the caller was told, everything else to the Contact of the other side."""
        first = self.is_caller and cseq == 1 and not self.in_dialog
        return "sip:[service]@[remote_ip]:[remote_port]" if first else "[next_url]"

    def _steps_since_invite(self):
        """sipp names a branch by the index of its step."""
        for distance, step in enumerate(reversed(self.steps), start=1):
            if "\n      INVITE " in step:
                return distance
        raise Failure("a scenario that cancels or acknowledges what it never sent")

    def _send(self, lines, body, retrans):
        lines = list(lines)
        if body is not None:
            kind = "message/sipfrag" if isinstance(body, Fragment) else "application/sdp"
            lines.append(f"Content-Type: {kind}")
        lines.append("Content-Length: [len]")
        text = "\n".join([*lines, "", *(body.split("\n") if body is not None else [])])
        indented = "\n".join(f"      {line}" if line else "" for line in text.split("\n"))
        attribute = ' retrans="500"' if retrans else ""
        self.steps.append(f"  <send{attribute}>\n    <![CDATA[\n\n{indented}\n\n    ]]>\n  </send>")
        return self


class Sipp:
    """One run of sipp."""

    def __init__(self, stage, name, address, arguments, calls, traced):
        self.name = name
        self.calls = calls
        self.messages = stage.directory / f"{name}.messages"
        self.errors = stage.directory / f"{name}.errors"
        self.statistics = stage.directory / f"{name}.csv"
        host, port = split(address)
        where = ["-i", host, "-p", port, "-mi", host, "-ci", "127.0.0.1" if ":" in host else host]
        what_is_kept = ["-trace_err", "-error_file", self.errors, "-trace_stat", "-stf", self.statistics, "-fd", "1"]
        if traced:
            what_is_kept += ["-trace_msg", "-message_file", self.messages]
        self.process = stage.start(name, ["sipp", *arguments, *where, *what_is_kept, "-nostdin"])

    def done(self, seconds):
        """Waits for the end of the run; fails unless every call went as its scenario says."""
        status = self.process.wait(seconds)
        check(status == 0, f"{self.name} ended with {status}: {self.complaint()}")
        counts = self.counts()
        check(int(counts["FailedCall(C)"]) == 0, f"{self.name}: {counts['FailedCall(C)']} calls failed")
        check(int(counts["SuccessfulCall(C)"]) == self.calls, f"{self.name}: {counts['SuccessfulCall(C)']} calls of {self.calls}")

    def complaint(self):
        if not self.errors.exists():
            return "no error was written"
        lines = self.errors.read_text(errors="replace").strip().splitlines()
        return lines[1] if len(lines) > 1 else "no error was written"

    def counts(self):
        """The last line of the statistics, by column."""
        with open(self.statistics, encoding="utf-8", errors="replace") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        check(rows, f"{self.name} wrote no statistics")
        return rows[-1]

    def story(self):
        """What went over the wire, retransmissions shortened, and what sipp had to say about it."""
        parts = [f"--- {self.name}: {' '.join(self.process.arguments)}"]
        if self.errors.exists():
            parts.append(self.errors.read_text(errors="replace"))
        seen = set()
        for message in self.messages.read_text(errors="replace").split("-" * 47) if self.messages.exists() else []:
            when, _, text = message.strip().partition("\n")
            parts.append(f"{when} {text}" if text not in seen else f"{when} the same again")
            seen.add(text)
        return "\n".join(line for part in parts for line in part.splitlines() if line.strip())


def split(address):
    """Host and port of `127.0.0.1:5060` or `[::1]:5060`."""
    host, _, port = address.rpartition(":")
    return host, port


def caller(stage, name, address, node, script, *, number="100", calls=1, seconds=20, traced=True, extra=()):
    """sipp placing `calls` calls to `number` at `node`; `script` is a Script or the name of a built-in scenario."""
    return _run(stage, name, address, script, [node, "-s", number, *extra], calls, seconds, traced)


def callee(stage, name, address, script, *, calls=1, seconds=20, traced=True, extra=()):
    """sipp taking `calls` calls at `address`, once it listens there."""
    run = _run(stage, name, address, script, extra, calls, seconds, traced)
    host, port = split(address)
    transport = "tcp" if "t1" in extra else "udp"
    wait_until(lambda: is_bound(host, int(port), transport) or not run.process.running, 5, f"sipp at {address}")
    check(run.process.running, f"{name} did not start: {run.complaint()}")
    return run


def _run(stage, name, address, script, arguments, calls, seconds, traced):
    if isinstance(script, Script):
        path = stage.directory / f"{name}.xml"
        path.write_text(script.xml(name), encoding="latin-1")
        scenario = ["-sf", path]
    else:
        scenario = ["-sn", script]
    limits = ["-m", calls, "-timeout", f"{seconds}s", "-timeout_error"]
    return Sipp(stage, name, address, [*arguments, *scenario, *limits], calls, traced)
