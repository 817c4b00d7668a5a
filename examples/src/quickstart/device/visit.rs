//! A visit to a wind turbine, as the application of a service technician would log it.

use std::error::Error;
use std::fmt;
use std::thread;
use std::time::Duration;

use tracing::{debug, error, info, info_span, warn};
use tracing_soliplex::NetworkKind;

use super::{Device, Failure};

/// Signs in, synchronizes, goes offline, has a failure and a panic, and takes photos until it is
/// killed.
pub(super) fn morning(device: &Device) -> Result<(), Failure> {
    started();
    sign_in(device);
    synchronize(device);
    device.deliver()?;
    device.stage("online")?;
    go_offline(device);
    device.stage("offline")?;
    take_photos(device)
}

/// Starts again, and finds the network back.
pub(super) fn afternoon(device: &Device) -> Result<(), Failure> {
    started();
    device.soliplex.set_user(Some("tech-4711"));
    info!(target: "app.login", method = "stored session", "signed in again");
    device.network_changed(NetworkKind::Wifi, true);
    let report = info_span!("report", site = "Nordhang 7", number = 2209_u64);
    report.in_scope(|| {
        info!(target: "http.client", method = "POST", path = "/v1/reports", status = 201_u64,
            duration_ms = 84.5, "request finished");
        info!(target: "app.report", photos = 12_u64, complete = true, "report handed in");
    });
    device.tell_logged()?;
    device.deliver()
}

fn started() {
    info!(target: "app.lifecycle", version = "1.4.2", tablet = "rugged-10", battery = 0.83,
        "application started");
}

fn sign_in(device: &Device) {
    let canaries = &device.canaries;
    let _login = info_span!("login", attempt = 1_u64).entered();
    info!(target: "ui.login", email = canaries.email, "login screen filled in");
    debug!(target: "http.client", method = "POST", path = "/v1/login",
        body = format!("{{\"email\":\"{}\",\"password\":\"{}\"}}", canaries.email, canaries.password),
        "request started");
    info!(target: "http.client", method = "POST", path = "/v1/login", status = 200_u64,
        duration_ms = 131.2, authorization = format!("Bearer {}", canaries.bearer),
        "request finished");
    device.soliplex.set_user(Some("tech-4711"));
    info!(target: "app.login", method = "password", "signed in as {}", canaries.email);
}

fn synchronize(device: &Device) {
    let canaries = &device.canaries;
    let _visit = info_span!("visit", site = "Nordhang 7", turbine = 12_u64).entered();
    let sync = info_span!("sync", orders = 3_u64, finished = tracing::field::Empty);
    let _sync = sync.enter();
    for (order, duration_ms) in [(2207_u64, 48.3), (2208, 51.9), (2209, 47.1)] {
        info!(target: "http.client", method = "GET", path = "/v1/orders", order, status = 200_u64,
            duration_ms, cached = false, "request finished");
    }
    sync.record("finished", true);
    warn!(target: "http.client", "gateway {} answers slowly", canaries.address);
    debug!(target: "app.settings", password = canaries.password, theme = "dark", "settings read");
    // What a library logs through `log` travels the same road.
    log::info!(target: "storage", "cache holds 118 of 512 MB");
    info!(target: "app.sync", orders = 3_u64, "orders are up to date");
}

fn go_offline(device: &Device) {
    device.network_changed(NetworkKind::None, false);
    let _visit = info_span!("visit", site = "Nordhang 7", turbine = 12_u64).entered();
    info!(target: "ui.inspection", screen = "blade-2", "screen shown");
    for photo in 1..=3_u64 {
        info!(target: "camera", photo, width = 4032_u64, height = 3024_u64, "photo saved");
    }
    upload(device);
    scale_photo(device);
    info!(target: "ui.inspection", screen = "blade-3", "screen shown");
}

fn upload(device: &Device) {
    let _upload = info_span!("upload", photo = 3_u64).entered();
    for attempt in 1..=2_u64 {
        warn!(target: "http.client", method = "PUT", path = "/v1/photos/3", attempt, "no connection");
    }
    let refused = UploadError {
        source: StoreError(format!(
            "signing with api_key={} failed: clock is behind",
            device.canaries.api_key
        )),
    };
    let error: &(dyn Error + 'static) = &refused;
    error!(target: "app.upload", error, attempts = 2_u64, "photo could not be uploaded");
}

/// A bug in a thread nobody watches: the panic's text holds what it should not.
#[expect(clippy::panic, reason = "the session has a panic in a thread")]
fn scale_photo(device: &Device) {
    let card = device.canaries.card.clone();
    let scaler = thread::Builder::new().name("photo-scaler".to_owned());
    let scaler = scaler.spawn(move || panic!("no plan covers this: card {card} was declined"));
    if scaler.is_ok_and(|scaler| scaler.join().is_err()) {
        device.tally.add_unseen();
    }
}

/// The device never gets to the end of this.
fn take_photos(device: &Device) -> Result<(), Failure> {
    let _visit = info_span!("visit", site = "Nordhang 7", turbine = 12_u64).entered();
    for photo in 4_u64.. {
        info!(target: "camera", photo, width = 4032_u64, height = 3024_u64, "photo saved");
        device.tell_logged()?;
        thread::sleep(Duration::from_millis(150));
    }
    Ok(())
}

/// An error with a cause, as applications have them.
#[derive(Debug)]
struct UploadError {
    source: StoreError,
}

#[derive(Debug)]
struct StoreError(String);

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadError: the photo store refused")
    }
}

impl Error for UploadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for StoreError {}
