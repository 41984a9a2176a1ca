//! The env schema and `.env`: parsed, generated, reconciled; never alters a value that a person wrote.
