-- Times are microseconds since 1970 where a name ends in _us, milliseconds where it ends in _ms.

CREATE TABLE calls (
    node TEXT NOT NULL,
    call TEXT NOT NULL,
    route TEXT NOT NULL,
    began_us BIGINT NOT NULL,
    rang_us BIGINT,
    answered_us BIGINT,
    ended_us BIGINT NOT NULL,
    reason TEXT NOT NULL,
    sip_status BIGINT,
    metadata TEXT,
    PRIMARY KEY (call, node)
);
CREATE INDEX calls_by_time ON calls (began_us, call, node);

CREATE TABLE legs (
    node TEXT NOT NULL,
    call TEXT NOT NULL,
    place BIGINT NOT NULL,
    leg TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    from_uri TEXT NOT NULL,
    to_uri TEXT NOT NULL,
    from_number TEXT NOT NULL,
    to_number TEXT NOT NULL,
    remote TEXT,
    sip_status BIGINT NOT NULL,
    codec TEXT,
    replaced_by TEXT,
    end_status BIGINT NOT NULL,
    end_reason TEXT NOT NULL,
    q850_cause BIGINT NOT NULL,
    ended_by TEXT NOT NULL,
    sip_call_id TEXT,
    session_id TEXT,
    received_packets BIGINT,
    received_bytes BIGINT,
    received_lost BIGINT,
    received_jitter_us BIGINT,
    received_mos DOUBLE PRECISION,
    sent_packets BIGINT,
    sent_bytes BIGINT,
    sent_lost BIGINT,
    sent_jitter_us BIGINT,
    sent_mos DOUBLE PRECISION,
    dropped BIGINT,
    round_trip_us BIGINT,
    late BIGINT,
    missing BIGINT,
    delay_us BIGINT,
    PRIMARY KEY (call, node, place)
);
CREATE INDEX legs_by_endpoint ON legs (endpoint);
CREATE INDEX legs_by_caller ON legs (from_number);
CREATE INDEX legs_by_called ON legs (to_number);

CREATE TABLE registrations (
    node TEXT NOT NULL,
    username TEXT NOT NULL,
    place BIGINT NOT NULL,
    contact TEXT NOT NULL,
    q BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    call_id TEXT NOT NULL,
    cseq BIGINT NOT NULL,
    path TEXT NOT NULL,
    instance TEXT,
    reg_id BIGINT,
    agent TEXT NOT NULL,
    came_to TEXT NOT NULL,
    came_from TEXT NOT NULL,
    leaves_from TEXT NOT NULL,
    hop TEXT NOT NULL,
    domain TEXT,
    over_flow BIGINT NOT NULL,
    behind_nat BIGINT NOT NULL,
    PRIMARY KEY (node, username, place)
);

CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    request TEXT NOT NULL,
    status BIGINT,
    body TEXT,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (scope, name)
);
CREATE INDEX idempotency_by_age ON idempotency (created_ms);

CREATE TABLE webhooks (
    node TEXT NOT NULL,
    target TEXT NOT NULL,
    id TEXT NOT NULL,
    place BIGINT NOT NULL,
    event TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (node, target, id)
);
CREATE INDEX webhooks_by_time ON webhooks (node, target, due_ms, place);
