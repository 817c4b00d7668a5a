//! What an operator can set: every key, its default and the reason for it.
//!
//! A key is set in a TOML file (`[forward] endpoint = "…"`) or in the environment
//! (`SOLIPLEX_INGEST_FORWARD__ENDPOINT=…`, two underscores between sections); the environment wins.
//! A secret can also be read from a file, by the same key with `_file` behind it;
//! `forward.headers_file` holds one `name=value` a line. The table of keys stands in [`keys`], how
//! the two sources become one in `config/source.rs`, what is asked of a value in `config/checked.rs`. No error here holds a value: a mistyped
//! secret stays out of the log.

mod checked;
mod error;
pub mod keys;
mod source;
mod value;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use checked::check;
pub use error::ConfigError;
pub use source::Environment;
use source::Settings;

/// Everything `soliplex-ingest serve` needs to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder that holds the spool and the dead letters. One server, one folder.
    pub data_dir: PathBuf,
    /// Who may post.
    pub auth: AuthConfig,
    /// Where records go.
    pub forward: ForwardConfig,
    /// How much is taken, kept and waited for.
    pub limits: Limits,
    /// The server's own log.
    pub log: LogConfig,
    /// The certificate and key to serve TLS with; none means plain HTTP.
    pub tls: Option<TlsConfig>,
    /// Origins a browser may post from; none by default.
    pub cors_origins: Vec<String>,
}

/// A text that neither `Debug` nor any error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that must not be shown.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a session is checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthConfig {
    /// The kind of key, and the keys.
    pub mode: AuthMode,
    /// The claim that names the user; `sub` by default.
    pub user_claim: String,
    /// The claim that names the session; `sid` by default.
    pub session_claim: String,
    /// Issuers to accept; with any set, `iss` is required.
    pub issuers: Vec<String>,
    /// Audiences to accept; with any set, `aud` is required.
    pub audiences: Vec<String>,
    /// How far the clocks of issuer and server may differ.
    pub leeway: Duration,
}

/// Which keys verify a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AuthMode {
    /// One shared secret: development, or a single service that signs for itself.
    Hs256(Secret),
    /// Static public keys, each a PEM file.
    Pem(Vec<PathBuf>),
    /// A key set that rotates.
    Jwks(JwksConfig),
    /// Several issuers, each with keys of its own.
    Issuers(Vec<IssuerConfig>),
    /// Everyone may post. The server says so, loudly.
    Disabled,
}

/// One of several issuers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuerConfig {
    /// Its `iss` claim, letter for letter.
    pub issuer: String,
    /// Where its keys are.
    pub keys: IssuerKeys,
    /// Audiences to accept from it; with any set, `aud` is required.
    pub audiences: Vec<String>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug)]
pub enum IssuerKeys {
    /// Static public keys in a PEM file.
    Pem(PathBuf),
    /// A key set that rotates.
    Jwks(JwksConfig),
}

/// Where the key set is and how often to look.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JwksConfig {
    /// A file or an `http(s)` address.
    pub source: JwksSource,
    /// How often the set is read again.
    pub refresh: Duration,
    /// The least time between two reads that an unknown key id asked for.
    pub cooldown: Duration,
}

/// Where a key set is read from. `Debug` shows no address: it may hold a credential.
#[derive(Clone)]
pub enum JwksSource {
    /// A file on this machine.
    File(PathBuf),
    /// The identity provider's address.
    Url(String),
}

impl fmt::Debug for JwksSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JwksSource::File(path) => f.debug_tuple("File").field(path).finish(),
            JwksSource::Url(_) => f.write_str("Url(…)"),
        }
    }
}

/// Where records go, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ForwardConfig {
    /// Where OTLP is posted, or standard output.
    pub endpoint: Endpoint,
    /// The value of `Authorization`, raw, as Logfire wants it.
    pub token: Option<Secret>,
    /// The file the token came from; it is read again when the upstream refuses the token.
    pub token_file: Option<PathBuf>,
    /// Further headers, such as a tenant's name.
    pub headers: Vec<(String, Secret)>,
    /// How a request's body is compressed.
    pub compression: Compression,
    /// When a client is answered.
    pub delivery: Delivery,
    /// Requests under way at the same time.
    pub in_flight: usize,
    /// Bytes of one request before compression.
    pub request_bytes: usize,
    /// Records of one request.
    pub request_records: usize,
    /// How long records wait for company, so that small batches share a request.
    pub linger: Duration,
    /// How long one request may take.
    pub timeout: Duration,
    /// The oldest a record may look on arrival; zero leaves times alone.
    pub max_age: Duration,
    /// The furthest ahead a record may look on arrival; zero leaves times alone.
    pub max_ahead: Duration,
}

/// Where OTLP goes. `Debug` shows an address's host alone: the rest may hold a credential.
#[derive(Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// One line of OTLP JSON a request, for looking at.
    Stdout,
    /// An OTLP/HTTP address, used as it stands: `http` or `https`, with a host.
    Url(reqwest::Url),
}

impl Endpoint {
    /// Whether records are shown by Logfire, which wants a display text of its own.
    pub fn is_logfire(&self) -> bool {
        self.host().is_some_and(|host| host.contains("logfire"))
    }

    /// Whether requests stay on this machine.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        let Some(host) = self.host() else {
            return true;
        };
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// `None` for standard output.
    fn host(&self) -> Option<&str> {
        match self {
            Endpoint::Stdout => None,
            Endpoint::Url(url) => url.host_str(),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host() {
            None => f.write_str("Stdout"),
            Some(host) => f.debug_tuple("Url").field(&host).finish(),
        }
    }
}

/// How a body is compressed on its way to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As it is.
    None,
    /// Understood everywhere.
    Gzip,
    /// Smaller and cheaper, where the upstream understands it.
    Zstd,
}

/// When a client is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Once the records are on this machine's disk.
    Spool,
    /// Once the upstream has acknowledged them; nothing is kept here.
    Passthrough,
}

/// How much is taken, kept and waited for. Zero turns a rate limit off.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a body, before and after decompression.
    pub body_bytes: usize,
    /// Bytes of all bodies that are arriving or being read at the same time; at least one body
    /// fits.
    pub bodies_bytes: usize,
    /// Connections open at the same time.
    pub connections: usize,
    /// Connections of one address open at the same time; 0 is no limit.
    pub connections_per_address: usize,
    /// Requests worked on at the same time.
    pub concurrent_requests: usize,
    /// How long a client may take to send its headers, and a connection may idle.
    pub header_timeout: Duration,
    /// How long a client may take to send its body.
    pub body_timeout: Duration,
    /// How long a shutdown may take.
    pub shutdown_timeout: Duration,
    /// Requests a minute from one address, before any other work.
    pub requests_per_minute_per_address: u32,
    /// Records a minute from one user.
    pub records_per_minute_per_user: u32,
    /// Records a minute from one session.
    pub records_per_minute_per_session: u32,
    /// Bytes a minute from one user.
    pub bytes_per_minute_per_user: u32,
    /// Identities whose rates are tracked at the same time.
    pub tracked_identities: usize,
    /// Bytes of records that wait for the upstream.
    pub spool_bytes: u64,
    /// Bytes of the disk that the spool leaves free.
    pub disk_headroom_bytes: u64,
    /// Bytes of dead letters; the oldest go first.
    pub dead_letter_bytes: u64,
    /// How long a record's id is remembered.
    pub dedupe_window: Duration,
    /// How many ids are remembered; the oldest go first.
    pub dedupe_ids: usize,
}

/// The server's own log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogConfig {
    /// What is logged, in `tracing`'s filter language.
    pub filter: String,
    /// How a line looks.
    pub format: LogFormat,
    /// A folder for daily files; standard error when none.
    pub dir: Option<PathBuf>,
}

/// How a line of the server's own log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

/// What TLS is served with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsConfig {
    /// The certificate chain, PEM.
    pub certificate_file: PathBuf,
    /// The private key, PEM.
    pub key_file: PathBuf,
}

impl Config {
    /// Reads the file, if any, and the process's environment over it.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        Config::from_sources(file, &Environment::of_process())
    }

    /// Reads TOML text alone: for tests and embedding, where the environment must not leak in.
    pub fn from_toml(text: &str) -> Result<Config, ConfigError> {
        check(&Settings::from_toml(text)?)
    }

    /// Reads the file, if any, and the given environment over it.
    pub fn from_sources(file: Option<&Path>, env: &Environment) -> Result<Config, ConfigError> {
        check(&Settings::load(file, env)?)
    }
}

#[cfg(test)]
mod tests;
