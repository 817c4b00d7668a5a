//! The event that is measured wherever an event is: its time, its tail and its instructions.

use tracing::info;

/// Logs it. Its message is a literal, as messages are; its texts change from one event to the next,
/// so that no road can live on having seen them a moment ago. Numbers have as many digits in every
/// event, so that instructions can be compared.
#[inline]
pub fn log(index: u64) {
    info!(
        user_id = 1_000_000 + index,
        method = METHODS[index as usize % METHODS.len()],
        path = PATHS[index as usize % PATHS.len()],
        status = 200_i64,
        elapsed_ms = 12.5,
        "request handled in the usual way"
    );
}

const METHODS: [&str; 4] = ["GET", "PUT", "HEAD", "POST"];

const PATHS: [&str; 8] = [
    "/api/v1/rooms/42",
    "/api/v1/rooms/17",
    "/api/v1/users/me",
    "/api/v1/photos/3",
    "/api/v1/orders/9",
    "/api/v1/sessions",
    "/api/v2/rooms/40",
    "/api/v2/settings",
];
