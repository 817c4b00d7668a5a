//! End-to-end tests over real processes, files and sockets.
