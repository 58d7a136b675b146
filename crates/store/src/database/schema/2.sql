-- The Content-Type of an answer; NULL: one of version 1, which did not keep it.
ALTER TABLE idempotency ADD COLUMN content_type TEXT;
