//! The server that receives soliplex batches and forwards them as OTLP.
