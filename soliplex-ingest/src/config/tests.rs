//! Every key both ways, and errors that name the key and keep the value to themselves.

use std::sync::Arc;

use super::source::variable;
use super::*;
use crate::forward::Upstream;
use keys::{ALL, Kind};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn env(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

fn minimal() -> Vec<(&'static str, &'static str)> {
    vec![("SOLIPLEX_INGEST_AUTH__HS256_SECRET", SECRET)]
}

#[test]
fn defaults_are_those_of_the_table() {
    let config = Config::from_sources(None, &env(&minimal())).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:4319");
    let Endpoint::Url(url) = &config.forward.endpoint else {
        panic!("endpoint")
    };
    assert_eq!(url.as_str(), "https://logfire-us.pydantic.dev/v1/logs");
    assert!(config.forward.endpoint.is_logfire());
    assert_eq!(config.auth.user_claim, "sub");
    assert_eq!(config.auth.session_claim, "sid");
    assert_eq!(config.forward.delivery, Delivery::Spool);
    assert_eq!(
        config.limits.body_bytes,
        soliplex_wire::limits::MAX_BODY_BYTES
    );
    assert!(config.cors_origins.is_empty() && config.tls.is_none());
}

#[test]
fn every_key_is_accepted_from_the_file_and_from_the_environment() {
    for key in ALL {
        let (sample, toml_value) = match key.kind {
            Kind::Count => ("7", "7".to_owned()),
            Kind::List => ("a,b", r#"["a","b"]"#.to_owned()),
            Kind::Pairs => ("a=b", r#"{a="b"}"#.to_owned()),
            Kind::Text | Kind::Secret => (key.default, format!("{:?}", key.default)),
        };
        let toml = match key.path.rsplit_once('.') {
            Some((section, name)) => format!("[{section}]\n{name} = {toml_value}"),
            None => format!("{} = {toml_value}", key.path),
        };
        Settings::from_toml(&toml).unwrap_or_else(|error| panic!("{toml}: {error}"));
        let name = variable(key.path);
        Settings::load(None, &env(&[(&name, sample)]))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ingest.toml");
    std::fs::write(
        &file,
        format!("listen = '127.0.0.1:1'\n[auth]\nhs256_secret = '{SECRET}'\n"),
    )
    .unwrap();
    let config = Config::from_sources(
        Some(&file),
        &env(&[("SOLIPLEX_INGEST_LISTEN", "127.0.0.1:2")]),
    )
    .unwrap();
    assert_eq!(config.listen.port(), 2);
}

#[test]
fn a_secret_comes_from_a_file_without_its_newline() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let set = env(&[(
        "SOLIPLEX_INGEST_AUTH__HS256_SECRET_FILE",
        file.to_str().unwrap(),
    )]);
    let config = Config::from_sources(None, &set).unwrap();
    let AuthMode::Hs256(secret) = config.auth.mode else {
        panic!("mode")
    };
    assert_eq!(secret.reveal(), SECRET);
}

#[test]
fn logfire_token_is_the_default_of_the_forward_token_only() {
    let token = |pairs: &[(&str, &str)]| {
        let set = env(&[minimal().as_slice(), pairs].concat());
        Config::from_sources(None, &set)
            .unwrap()
            .forward
            .token
            .map(|token| token.reveal().to_owned())
    };
    assert_eq!(token(&[]), None);
    assert_eq!(token(&[("LOGFIRE_TOKEN", "a")]).as_deref(), Some("a"));
    let both = [
        ("LOGFIRE_TOKEN", "a"),
        ("SOLIPLEX_INGEST_FORWARD__TOKEN", "b"),
    ];
    assert_eq!(token(&both).as_deref(), Some("b"));
}

#[test]
fn errors_name_the_key_and_never_the_value() {
    for (toml, message) in [
        (
            "listen = 'canary'",
            "listen: expected an address and port such as 127.0.0.1:4319",
        ),
        ("listen = 7531", "listen: expected a text"),
        ("[forward]\ntokn = 'canary'", "unknown key forward.tokn"),
        (
            "token = 'canary'",
            "unknown key token (did you mean forward.token?)",
        ),
        ("auth = 'canary'", "auth: expected a section"),
        (
            "[auth]\nhs256_secret = 'canary'",
            "auth.hs256_secret: expected at least 32 bytes",
        ),
        (
            "[auth]\nhs256_secret = canary",
            "the configuration is not valid TOML: line 2",
        ),
        (
            "[auth]\nmode = 'canary'",
            "auth.mode: expected hs256, pem, jwks, issuers or disabled. Without a key the server does not start.",
        ),
        (
            "[auth]\nmode = 'hs256'",
            "auth.hs256_secret is not set, but auth.mode = \"hs256\" needs it",
        ),
        (
            "[limits]\nspool_bytes = -1\n[auth]\nmode = 'disabled'",
            "limits.spool_bytes: expected a whole number that is not negative",
        ),
        (
            "[tls]\nkey_file = 'canary'\n[auth]\nmode = 'disabled'",
            "tls.certificate_file is not set, but tls.key_file needs it",
        ),
    ] {
        let error = Config::from_toml(toml).unwrap_err();
        assert_eq!(error.to_string(), message, "{toml}");
        assert!(!format!("{error:?}").contains("canary"), "{toml}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let config = Config::from_toml(&format!(
        "[auth]\nhs256_secret = '{SECRET}'\n[forward]\ntoken = 'canary-token'\nheaders = {{ x = 'canary-header' }}\n\
         endpoint = 'https://canary:canary@logs.example/canary?key=canary'"
    ))
    .unwrap();
    let upstream = Upstream::try_new(&config.forward, Arc::default()).unwrap();
    let provider =
        Config::from_toml("auth.mode = 'jwks'\nauth.jwks_url = 'https://id.example/?key=canary'");
    let shown = format!("{config:?} {:?} {upstream:?}", provider.unwrap());
    assert!(shown.contains("logs.example"), "{shown}");
    for secret in [SECRET, "canary"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn the_example_configuration_holds_known_keys_only() {
    Settings::from_toml(include_str!("../../deploy/config.toml")).unwrap();
}

#[test]
fn values_that_would_break_the_server_later_are_refused_at_once() {
    for (toml, key) in [
        ("cors.origins = ['*']", "cors.origins"),
        (
            "cors.origins = ['https://a.example', 'b c']",
            "cors.origins",
        ),
        ("cors.origins = ['https://a.example/']", "cors.origins"),
        ("cors.origins = ['a.example']", "cors.origins"),
        ("forward.endpoint = 'http://'", "forward.endpoint"),
        ("forward.endpoint = 'https://[::1'", "forward.endpoint"),
        ("forward.endpoint = 'http://two words/'", "forward.endpoint"),
        ("forward.endpoint = 'logs.example/v1'", "forward.endpoint"),
        (
            "forward.endpoint = 'ftp://logs.example/'",
            "forward.endpoint",
        ),
        ("forward.timeout_seconds = 0", "forward.timeout_seconds"),
        ("forward.linger_ms = 4000000", "forward.linger_ms"),
        (
            "limits.header_timeout_seconds = 0",
            "limits.header_timeout_seconds",
        ),
        (
            "limits.body_timeout_seconds = 0",
            "limits.body_timeout_seconds",
        ),
        (
            "limits.shutdown_timeout_seconds = 9223372036854775807",
            "limits.shutdown_timeout_seconds",
        ),
    ] {
        let error = Config::from_toml(&format!("auth.mode = 'disabled'\n{toml}")).unwrap_err();
        assert!(error.to_string().contains(key), "{toml}: {error}");
    }
    for origin in [
        "https://a.example",
        "http://localhost:8080",
        "http://[::1]:1",
    ] {
        let toml = format!("auth.mode = 'disabled'\ncors.origins = ['{origin}']");
        assert_eq!(Config::from_toml(&toml).unwrap().cors_origins, [origin]);
    }
}

#[test]
fn headers_come_from_a_file_and_not_from_two_places() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("headers");
    std::fs::write(&file, "x-api-key = a=b,c\n\nx-tenant=blue\n").unwrap();
    let toml = format!("auth.mode = 'disabled'\nforward.headers_file = {file:?}\n");
    let headers = Config::from_toml(&toml).unwrap().forward.headers;
    let shown: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.reveal()))
        .collect();
    assert_eq!(shown, [("x-api-key", "a=b,c"), ("x-tenant", "blue")]);
    let both = format!("{toml}forward.headers.x-tenant = 'red'\n");
    assert!(matches!(
        Config::from_toml(&both),
        Err(ConfigError::Twice { .. })
    ));
    std::fs::write(&file, "no pair\n").unwrap();
    assert!(Config::from_toml(&toml).is_err());
}

#[test]
fn issuers_are_named_once_with_their_keys_and_audiences() {
    let config = Config::from_toml(
        "[auth]\nmode = 'issuers'\naudiences = ['telemetry', 'logs']\njwks_refresh_seconds = 60\n\
         [auth.issuer_keys]\na = 'https://a.example/keys'\nb = '/etc/b.json'\nc = '/etc/c.pem'\n\
         [auth.issuer_audiences]\nb = ' field  lab '",
    )
    .unwrap();
    let AuthMode::Issuers(issuers) = &config.auth.mode else {
        panic!("mode")
    };
    let found: Vec<_> = issuers
        .iter()
        .map(|issuer| {
            let keys = match &issuer.keys {
                IssuerKeys::Pem(file) => format!("pem {}", file.display()),
                IssuerKeys::Jwks(jwks) => match &jwks.source {
                    JwksSource::Url(url) => format!("url {url} {:?}", jwks.refresh),
                    JwksSource::File(file) => format!("file {} {:?}", file.display(), jwks.refresh),
                },
            };
            (issuer.issuer.as_str(), keys, issuer.audiences.join(" "))
        })
        .collect();
    let expected = [
        ("a", "url https://a.example/keys 60s", "telemetry logs"),
        ("b", "file /etc/b.json 60s", "field lab"),
        ("c", "pem /etc/c.pem", "telemetry logs"),
    ];
    let expected =
        expected.map(|(issuer, keys, audiences)| (issuer, keys.to_owned(), audiences.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn issuers_that_contradict_each_other_are_refused() {
    for (auth, key) in [
        ("", "auth.issuer_keys is not set"),
        (
            "[auth.issuer_keys]\na = ''",
            "auth.issuer_keys: expected an address or a file",
        ),
        (
            "[auth.issuer_keys]\n'' = 'a.pem'",
            "auth.issuer_keys: expected each issuer by name",
        ),
        (
            "issuers = ['a']\n[auth.issuer_keys]\na = 'a.pem'",
            "auth.issuers: expected nothing",
        ),
        (
            "[auth.issuer_keys]\na = 'a.pem'\n[auth.issuer_audiences]\nb = 'x'",
            "auth.issuer_audiences: expected issuers that auth.issuer_keys names",
        ),
        (
            "[auth.issuer_keys]\na = 'a.pem'\n[auth.issuer_audiences]\na = ' '",
            "auth.issuer_audiences: expected at least one audience",
        ),
    ] {
        let error = Config::from_toml(&format!("[auth]\nmode = 'issuers'\n{auth}")).unwrap_err();
        assert!(error.to_string().starts_with(key), "{auth}: {error}");
    }
    // The environment has no tables; one name twice is possible there.
    let twice = env(&[
        ("SOLIPLEX_INGEST_AUTH__MODE", "issuers"),
        ("SOLIPLEX_INGEST_AUTH__ISSUER_KEYS", "a=a.pem,a=b.pem"),
    ]);
    let error = Config::from_sources(None, &twice).unwrap_err();
    assert!(
        error.to_string().contains("each issuer by name, and once"),
        "{error}"
    );
}

#[test]
fn passthrough_on_this_machine_is_not_compressed_unless_asked_for() {
    for (delivery, endpoint, asked, expected) in [
        (
            "spool",
            "http://127.0.0.1:4318/v1/logs",
            "auto",
            Compression::Gzip,
        ),
        (
            "passthrough",
            "http://127.0.0.1:4318/v1/logs",
            "auto",
            Compression::None,
        ),
        (
            "passthrough",
            "http://localhost:4318/v1/logs",
            "auto",
            Compression::None,
        ),
        (
            "passthrough",
            "http://[::1]:4318/v1/logs",
            "auto",
            Compression::None,
        ),
        (
            "passthrough",
            "http://127.0.0.1:4318/v1/logs",
            "gzip",
            Compression::Gzip,
        ),
        (
            "passthrough",
            "https://127.0.0.1.example.org/v1/logs",
            "auto",
            Compression::Gzip,
        ),
        (
            "passthrough",
            "http://10.0.0.1:4318/v1/logs",
            "auto",
            Compression::Gzip,
        ),
        (
            "spool",
            "https://logfire-us.pydantic.dev/v1/logs",
            "zstd",
            Compression::Zstd,
        ),
    ] {
        let toml = format!(
            "[auth]\nmode = 'disabled'\n[forward]\ndelivery = '{delivery}'\nendpoint = '{endpoint}'\ncompression = '{asked}'"
        );
        let config = Config::from_toml(&toml).unwrap();
        assert_eq!(config.forward.compression, expected, "{toml}");
    }
}
