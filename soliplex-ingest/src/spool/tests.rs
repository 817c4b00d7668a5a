//! The spool against a naive model, with crashes and failing commits.
