//! `otlp-sink`: what arrives, as lines.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;

use super::{Failure, print};
use crate::otlp_sink::{OtlpSink, Received};
use crate::server::until_asked_to_stop;

#[derive(Debug, Args)]
pub(super) struct SinkArgs {
    /// Where to listen; port 0 takes a free one. Prints `listening on http://ADDRESS/v1/logs`.
    #[arg(long, default_value = "127.0.0.1:4318", value_name = "ADDR")]
    listen: SocketAddr,
    /// One JSON object a record instead of a line for reading.
    #[arg(long)]
    jsonl: bool,
}

pub(super) async fn run(args: SinkArgs) -> Result<(), Failure> {
    let sink = OtlpSink::bind(args.listen)
        .await
        .map_err(|error| Failure::Listen(args.listen, error))?;
    print(&format!("listening on {}\n", sink.endpoint()))?;
    let jsonl = args.jsonl;
    let show = move |received: &Received| {
        let mut text = String::new();
        for violation in &received.violations {
            text.push_str(&format!("VIOLATION {violation}\n"));
        }
        for record in received.records() {
            text.push_str(&if jsonl {
                record.to_json().to_string()
            } else {
                record.to_string()
            });
            text.push('\n');
        }
        // Nobody reads any more: the records have been acknowledged, which is all a sink promises.
        let _ = print(&text);
    };
    sink.serve(Arc::new(show), until_asked_to_stop())
        .await
        .map_err(Failure::Io)
}
