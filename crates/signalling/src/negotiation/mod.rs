//! Offer and answer (RFC 3264) between two legs.
