//! Decisions: who may call, where a call goes, with what.
