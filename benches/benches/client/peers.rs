//! The peers, up to the point where they would go to the network: there they count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter, SdkLogger, SdkLoggerProvider,
};
use sentry_core::protocol::{EnvelopeItem, ItemContainer, LogLevel};
use sentry_core::{Client, ClientOptions, Envelope, Transport};

/// Records that came out at the other end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<[AtomicU64; 2]>);

impl Count {
    pub(crate) fn add(&self, all: u64, warnings: u64) {
        self.0[0].fetch_add(all, Ordering::Relaxed);
        self.0[1].fetch_add(warnings, Ordering::Relaxed);
    }

    pub(crate) fn all(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    pub(crate) fn warnings(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }
}

/// OpenTelemetry's batch processor with its own bounds, looking oftener than by default so that a
/// burst is gone when the next one comes.
pub(crate) fn opentelemetry(count: Count) -> SdkLoggerProvider {
    let config = BatchConfigBuilder::default()
        .with_scheduled_delay(Duration::from_millis(50))
        .build();
    let processor = BatchLogProcessor::builder(Nowhere(count))
        .with_batch_config(config)
        .build();
    SdkLoggerProvider::builder()
        .with_log_processor(processor)
        .build()
}

/// The layer that feeds it.
pub(crate) fn bridge(
    provider: &SdkLoggerProvider,
) -> OpenTelemetryTracingBridge<SdkLoggerProvider, SdkLogger> {
    OpenTelemetryTracingBridge::new(provider)
}

#[derive(Debug)]
struct Nowhere(Count);

impl LogExporter for Nowhere {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        for (record, _) in batch.iter() {
            let warning = record.severity_text() == Some("WARN");
            self.0.add(1, u64::from(warning));
        }
        Ok(())
    }
}

/// A sentry client that is switched on and sends to nobody.
pub(crate) fn sentry(count: Count) -> Arc<Client> {
    let options = ClientOptions::default()
        .dsn("https://public@sentry.invalid/1")
        .transport(Arc::new(NoTransport(count)));
    Arc::new(Client::with_options(options))
}

struct NoTransport(Count);

impl Transport for NoTransport {
    fn send_envelope(&self, envelope: Envelope) {
        for item in envelope.items() {
            if let EnvelopeItem::ItemContainer(ItemContainer::Logs(logs)) = item {
                let warnings = logs.iter().filter(|log| log.level == LogLevel::Warn);
                self.0.add(logs.len() as u64, warnings.count() as u64);
            }
        }
    }
}
