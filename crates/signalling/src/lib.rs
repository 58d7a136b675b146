//! SIP as values and machines: messages, transactions, dialogs, offer and answer, calls.
