//! Migrations and seeds: what is due, how it is run, and the ledger in the database.
