//! The table of keys: path, kind, default, and what it is for.
//!
//! `soliplex-ingest config-keys` prints this table, the sources accept exactly these keys, and a
//! test sets each of them both ways.

/// One thing an operator can set.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted path in the TOML file.
    pub path: &'static str,
    /// What kind of value it takes.
    pub kind: Kind,
    /// The default as it would be written in the environment; empty means unset.
    pub default: &'static str,
    /// What it is for, and why the default is what it is.
    pub about: &'static str,
}

/// What kind of value a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that is never shown; `<key>_file` names a file to read it from.
    Secret,
    /// A whole number, not negative.
    Count,
    /// Texts: an array in TOML, separated by commas in the environment.
    List,
    /// Names and values: a table in TOML, `name=value` separated by commas in the environment;
    /// `<key>_file` names a file of lines `name=value`.
    Pairs,
}

macro_rules! keys {
    ($($name:ident: $path:literal, $kind:ident, $default:literal, $about:literal;)*) => {
        $(
            #[doc = $about]
            pub const $name: Key =
                Key { path: $path, kind: Kind::$kind, default: $default, about: $about };
        )*

        /// Every key, in the order of the documentation.
        pub const ALL: &[Key] = &[$($name),*];
    };
}

keys! {
    LISTEN: "listen", Text, "127.0.0.1:4319",
        "Address and port. Loopback until told otherwise: exposing a server is a decision.";
    DATA_DIR: "data_dir", Text, "soliplex-ingest-data",
        "Folder of the spool and the dead letters; created if missing. One server, one folder.";

    AUTH_MODE: "auth.mode", Text, "hs256",
        "hs256, pem, jwks, issuers or disabled. Without a key the server does not start.";
    AUTH_HS256_SECRET: "auth.hs256_secret", Secret, "",
        "Shared secret of at least 32 bytes, for hs256.";
    AUTH_PEM_FILES: "auth.pem_files", List, "",
        "Public keys or certificates to try in turn, for pem: RSA, P-256 or Ed25519.";
    AUTH_JWKS_URL: "auth.jwks_url", Text, "",
        "Address of the identity provider's key set, for jwks.";
    AUTH_JWKS_FILE: "auth.jwks_file", Text, "",
        "File with a key set, for jwks without an address.";
    AUTH_JWKS_REFRESH_SECONDS: "auth.jwks_refresh_seconds", Count, "600",
        "How often the key set is read again in the background. Providers announce keys hours ahead.";
    AUTH_JWKS_COOLDOWN_SECONDS: "auth.jwks_cooldown_seconds", Count, "15",
        "Time in which unknown key ids cause two reads at most, so that made-up ids cannot flood the provider.";
    AUTH_ISSUER_KEYS: "auth.issuer_keys", Pairs, "",
        "For issuers: who may issue a session, as its iss claim has it, and where that issuer's own keys are: the address of a key set, a file ending in .json that holds one, or a PEM file. No issuer's key verifies another's session.";
    AUTH_ISSUER_AUDIENCES: "auth.issuer_audiences", Pairs, "",
        "For issuers: audiences to accept from one issuer in place of auth.audiences, separated by spaces.";
    AUTH_ISSUERS: "auth.issuers", List, "",
        "Accepted iss claims under one set of keys; when set, iss is required.";
    AUTH_AUDIENCES: "auth.audiences", List, "",
        "Accepted aud claims; when set, aud is required.";
    AUTH_USER_CLAIM: "auth.user_claim", Text, "sub",
        "Claim that names the user.";
    AUTH_SESSION_CLAIM: "auth.session_claim", Text, "sid",
        "Claim that names the session.";
    AUTH_LEEWAY_SECONDS: "auth.leeway_seconds", Count, "60",
        "How far the clocks of issuer and server may differ.";

    FORWARD_ENDPOINT: "forward.endpoint", Text, "https://logfire-us.pydantic.dev/v1/logs",
        "OTLP/HTTP address for logs, used as it stands; stdout prints instead.";
    FORWARD_TOKEN: "forward.token", Secret, "",
        "Value of the Authorization header, raw as Logfire wants it. LOGFIRE_TOKEN is its default.";
    FORWARD_HEADERS: "forward.headers", Pairs, "",
        "Further headers for other backends; forward.headers_file holds one name=value a line.";
    FORWARD_COMPRESSION: "forward.compression", Text, "auto",
        "auto, none, gzip or zstd. Every OTLP receiver must understand gzip, so auto is gzip; but none in passthrough to an upstream on this machine, where a network costs nothing and compressing a fifth of all work.";
    FORWARD_DELIVERY: "forward.delivery", Text, "spool",
        "spool answers once records are on disk; passthrough once the upstream has acknowledged.";
    FORWARD_IN_FLIGHT: "forward.in_flight", Count, "4",
        "Requests under way at the same time: enough to hide the round trip, few enough to be polite.";
    FORWARD_REQUEST_BYTES: "forward.request_bytes", Count, "2097152",
        "Bytes of one request before compression. Logfire's own client splits at 5 MB; four of these at a time stay below the memory aimed at.";
    FORWARD_REQUEST_RECORDS: "forward.request_records", Count, "5000",
        "Records of one request.";
    FORWARD_LINGER_MS: "forward.linger_ms", Count, "200",
        "How long records wait for company, so that small batches share a request.";
    FORWARD_TIMEOUT_SECONDS: "forward.timeout_seconds", Count, "30",
        "How long one request may take. OTLP's default is 10; Logfire takes megabytes.";
    FORWARD_MAX_AGE_SECONDS: "forward.max_age_seconds", Count, "85800",
        "Oldest time a record may show on arrival; older ones are moved to this edge. Logfire refuses 24 h, less ten minutes for the way; 0 turns the guard off.";
    FORWARD_MAX_AHEAD_SECONDS: "forward.max_ahead_seconds", Count, "3000",
        "Furthest ahead a record may show on arrival. Logfire refuses 1 h, less ten minutes for its clock; 0 turns the guard off.";

    LIMITS_BODY_BYTES: "limits.body_bytes", Count, "1048576",
        "Bytes of a body, before and after decompression. The contract's 1 MiB.";
    LIMITS_CONNECTIONS: "limits.connections", Count, "1024",
        "Connections open at the same time; further ones wait in the kernel's queue.";
    LIMITS_CONNECTIONS_PER_ADDRESS: "limits.connections_per_address", Count, "512",
        "Connections of one address open at the same time; further ones are closed. Half of all, so that none takes all; raise it where a proxy in front is the only address. 0 is off.";
    LIMITS_BODIES_BYTES: "limits.bodies_bytes", Count, "268435456",
        "Bytes of all bodies that are arriving or being read at the same time, HTTP/2's streams included; beyond it 503. 256 of the largest.";
    LIMITS_CONCURRENT_REQUESTS: "limits.concurrent_requests", Count, "64",
        "Requests worked on at the same time, once their bodies have arrived: slow clients hold up nobody.";
    LIMITS_HEADER_TIMEOUT_SECONDS: "limits.header_timeout_seconds", Count, "20",
        "How long a client may take to send its headers, and a connection may idle between requests.";
    LIMITS_BODY_TIMEOUT_SECONDS: "limits.body_timeout_seconds", Count, "30",
        "How long a client may take to send its body: 1 MiB over a bad mobile network.";
    LIMITS_SHUTDOWN_TIMEOUT_SECONDS: "limits.shutdown_timeout_seconds", Count, "20",
        "How long a shutdown may take; below the 30 s that orchestrators grant.";
    LIMITS_REQUESTS_PER_MINUTE_PER_ADDRESS: "limits.requests_per_minute_per_address", Count, "60000",
        "Requests a minute from one address before any other work. High: a site may share one address. 0 is off.";
    LIMITS_RECORDS_PER_MINUTE_PER_USER: "limits.records_per_minute_per_user", Count, "120000",
        "Records a minute from one user: a day's backlog drains in a minute, a loop does not get through. 0 is off.";
    LIMITS_RECORDS_PER_MINUTE_PER_SESSION: "limits.records_per_minute_per_session", Count, "60000",
        "Records a minute from one session. 0 is off.";
    LIMITS_BYTES_PER_MINUTE_PER_USER: "limits.bytes_per_minute_per_user", Count, "268435456",
        "Bytes a minute from one user, decompressed. 0 is off.";
    LIMITS_TRACKED_IDENTITIES: "limits.tracked_identities", Count, "100000",
        "Identities whose rates are tracked at the same time, some 250 bytes each over all rates; beyond it, newcomers share 1,024 buckets.";
    LIMITS_SPOOL_BYTES: "limits.spool_bytes", Count, "1073741824",
        "Bytes of records that wait for the upstream, before compression, which leaves about a fifth of them on disk: a day's outage at 20 records a second.";
    LIMITS_DISK_HEADROOM_BYTES: "limits.disk_headroom_bytes", Count, "268435456",
        "Bytes of the disk left free: deleting from a copy-on-write store needs room too. What has room in the store's own file is taken all the same.";
    LIMITS_DEAD_LETTER_BYTES: "limits.dead_letter_bytes", Count, "268435456",
        "Bytes of dead letters; the oldest go first, counted.";
    LIMITS_DEDUPE_WINDOW_SECONDS: "limits.dedupe_window_seconds", Count, "86400",
        "How long a record's id is remembered: longer than a client retries the same batch.";
    LIMITS_DEDUPE_IDS: "limits.dedupe_ids", Count, "2000000",
        "How many ids are remembered, 7 bytes of memory and 16 of disk each: 23 records a second for a whole day, as much as limits.spool_bytes holds of an outage. Beyond it the oldest go first, counted, and the window is shorter: with two million, half a minute at 70,000 records a second.";

    LOG_FILTER: "log.filter", Text, "info",
        "What the server logs, in tracing's filter language.";
    LOG_FORMAT: "log.format", Text, "text",
        "text or json.";
    LOG_DIR: "log.dir", Text, "",
        "Folder for daily log files; standard error when unset.";

    TLS_CERTIFICATE_FILE: "tls.certificate_file", Text, "",
        "Certificate chain, PEM; with tls.key_file it turns TLS on.";
    TLS_KEY_FILE: "tls.key_file", Text, "",
        "Private key, PEM.";
    CORS_ORIGINS: "cors.origins", List, "",
        "Origins a browser may post from, each by name with its scheme. Closed by default.";
}
