//! SIP statuses and Q.850 causes: RFC 3398's tables, both ways.

/// §8.2.6.1: the cause for each status that the RFC lists, and for what has been registered since.
pub const CAUSE_OF_STATUS: [(u16, u8); 39] = [
    (400, 41),
    (401, 21),
    (402, 21),
    (403, 21),
    (404, 1),
    (405, 63),
    (406, 79),
    (407, 21),
    (408, 102),
    (410, 22),
    (413, 127),
    (414, 127),
    (415, 79),
    (416, 127),
    (420, 127),
    (421, 127),
    (423, 127),
    (480, 18),
    (481, 41),
    (482, 25),
    (483, 25),
    (484, 28),
    (485, 1),
    (486, 17),
    // No rejection, says the RFC: a CANCEL or BYE, which are normal clearing.
    (487, 16),
    // The RFC leaves this one and 606 to their Warning, whose codes are all of media; 65 is what leads back to 488.
    (488, 65),
    (500, 41),
    (501, 79),
    (502, 38),
    (503, 41),
    (504, 102),
    (505, 127),
    (513, 127),
    (600, 17),
    (603, 21),
    (604, 1),
    (606, 65),
    // Registered since, by RFC 8197 and RFC 8688: a call that is rejected.
    (607, 21),
    (608, 21),
];

/// What any other status is (§8.2.6.1).
const NORMAL_UNSPECIFIED: u8 = 31;

/// What hanging up and cancelling are (§8.2.6.1).
pub const NORMAL_CLEARING: u8 = 16;

/// §7.2.4.1: the status for each cause that the RFC lists, but for 16, which rejects nothing.
pub const STATUS_OF_CAUSE: [(u8, u16); 31] = [
    (1, 404),
    (2, 404),
    (3, 404),
    (17, 486),
    (18, 408),
    (19, 480),
    (20, 480),
    (21, 403),
    (22, 410),
    (23, 410),
    (26, 404),
    (27, 502),
    (28, 484),
    (29, 501),
    (31, 480),
    (34, 503),
    (38, 503),
    (41, 503),
    (42, 503),
    (47, 503),
    (55, 403),
    (57, 403),
    (58, 503),
    (65, 488),
    (70, 488),
    (79, 501),
    (87, 403),
    (88, 503),
    (102, 504),
    (111, 500),
    (127, 500),
];

/// What any other cause is (§7.2.4.1).
const SERVER_ERROR: u16 = 500;

/// The cause for a final status; 16 for a success.
pub fn cause_of_status(status: u16) -> u8 {
    if status < 300 {
        return NORMAL_CLEARING;
    }
    CAUSE_OF_STATUS.iter().find(|(of, _)| *of == status).map_or(NORMAL_UNSPECIFIED, |(_, cause)| *cause)
}

/// The status for a cause; `None` for normal clearing.
pub fn status_of_cause(cause: u8) -> Option<u16> {
    if cause == NORMAL_CLEARING {
        return None;
    }
    Some(STATUS_OF_CAUSE.iter().find(|(of, _)| *of == cause).map_or(SERVER_ERROR, |(_, status)| *status))
}
