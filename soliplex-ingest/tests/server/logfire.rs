//! A round trip to Logfire itself, where a write token is at hand.
//!
//! `LOGFIRE_TOKEN=… cargo test -p soliplex-ingest --test server logfire`; `LOGFIRE_LOGS_ENDPOINT`
//! names another region's address. What cannot be run here says so instead of passing in silence.

use std::io::Write as _;

use crate::road::{Road, data_dir, records};

#[tokio::test]
async fn logfire_takes_what_we_forward() {
    let Ok(token) = std::env::var("LOGFIRE_TOKEN") else {
        // A macro's text is kept back from whoever looks at a run that passes.
        let text = "SKIPPED: the round trip to Logfire needs LOGFIRE_TOKEN";
        writeln!(std::io::stderr(), "{text}").unwrap();
        return;
    };
    let endpoint = std::env::var("LOGFIRE_LOGS_ENDPOINT")
        .unwrap_or_else(|_| "https://logfire-us.pydantic.dev/v1/logs".to_owned());
    let dir = data_dir();
    let road = Road::start(dir.path(), &endpoint, &format!("token = '{token}'\n---")).await;
    let base = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap();
    road.accept(&records(base..base + 3)).await;
    let account = road.stop().await.account;
    assert_eq!(
        (account.forwarded, account.dead, account.pending),
        (3, 0, 0)
    );
}
