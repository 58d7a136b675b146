//! Which failures of a request inside the dialog are the end of it (RFC 3261 §12.2.1.2, RFC 5057 §5.1).

use crate::message::Method;

/// Whether this failure of a request that changes or refreshes the session ends the call on that leg. All others leave the session as
/// it was (RFC 3261 §14.1). `docs/failures.md` has the table.
pub(super) const fn ends_dialog(method: Method, status: u16) -> bool {
    match status {
        // §12.2.1.2: the peer has no dialog, or no peer is there.
        408 | 481 => true,
        // RFC 5057 §5.1: the Request-URI, which is the peer's own Contact, leads nowhere (404, 410, 416, 484, 485, 604), or the route set
        // does (482, 502).
        404 | 410 | 416 | 482 | 484 | 485 | 502 | 604 => true,
        // The same: the usage ends, and there is no other in this dialog.
        480 => true,
        // The same: what makes the usage is not taken any more. UPDATE does not make it; it is tried as a re-INVITE.
        405 | 501 => matches!(method, Method::Invite),
        // 483 is for who counts the hops to say, below. All the rest are about the one request.
        _ => false,
    }
}

/// The same of a request that nobody but us wanted. RFC 5057 §5.1: 483 is the end too, unless the request is tried with more hops. Ours have
/// all that any request of ours has; one that is passed on has what its sender gave it, who may give the next one more.
pub(super) const fn ends_own_dialog(method: Method, status: u16) -> bool {
    status == 483 || ends_dialog(method, status)
}

/// Whether this answer to a NOTIFY ends the subscription that it tells of, and nothing else. All others are about the one NOTIFY.
pub(super) const fn ends_subscription(status: u16) -> bool {
    match status {
        // RFC 6665 §4.2.2.
        404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604 => true,
        // The same, and RFC 5057 §5.1: as if there had been no answer.
        408 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_subscriptions() {
        let ends: Vec<u16> = (200..700).filter(|status| ends_subscription(*status)).collect();
        assert_eq!(ends, [404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604]);
    }

    #[test]
    fn the_table() {
        let ends = |method| (300..700).filter(|status| ends_dialog(method, *status)).collect::<Vec<u16>>();
        assert_eq!(ends(Method::Invite), [404, 405, 408, 410, 416, 480, 481, 482, 484, 485, 501, 502, 604]);
        assert_eq!(ends(Method::Update), [404, 408, 410, 416, 480, 481, 482, 484, 485, 502, 604]);
        let more: Vec<u16> =
            (300..700).filter(|status| ends_own_dialog(Method::Invite, *status) && !ends_dialog(Method::Invite, *status)).collect();
        assert_eq!(more, [483]);
    }
}
