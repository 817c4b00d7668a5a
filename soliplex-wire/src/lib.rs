//! The contract between soliplex clients and the ingest server.
