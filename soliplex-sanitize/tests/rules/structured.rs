//! Maps and lists: what goes, what stays, and that the shape does.

use serde_json::{Value, json};
use soliplex_sanitize::{KeyVerdict, Rules};

fn check(before: Value, after: Value) {
    let mut value = before;
    Rules::standard().sanitize_json(&mut value);
    assert_eq!(value, after);
}

/// The same as one text that holds JSON.
fn check_text(before: &Value, after: &Value) {
    let text = before.to_string();
    assert_eq!(
        Rules::standard().sanitize(&text),
        after.to_string(),
        "{text}"
    );
}

#[test]
fn values_under_sensitive_names_go_and_their_neighbors_stay() {
    check(
        json!({"password": "hunter2", "user": "ann", "access_token": 12345, "token_count": 12, "max_tokens": 4096}),
        json!({"password": "[REDACTED]", "user": "ann", "access_token": "[REDACTED]", "token_count": 12, "max_tokens": 4096}),
    );
}

#[test]
fn true_false_and_null_stay_under_any_name() {
    check(
        json!({"password": null, "secret": true, "auth": false}),
        json!({"password": null, "secret": true, "auth": false}),
    );
}

#[test]
fn containers_under_a_sensitive_name_keep_their_shape_and_lose_their_values() {
    check(
        json!({"cookies": {"theme": "dark", "n": 3, "ok": true}, "credentials": ["a", ["b"]]}),
        json!({"cookies": {"theme": "[REDACTED]", "n": "[REDACTED]", "ok": true}, "credentials": ["[REDACTED]", ["[REDACTED]"]]}),
    );
}

#[test]
fn patterns_are_found_in_nested_strings_numbers_and_names() {
    check(
        json!({"a": [{"b": "from 10.0.0.1"}], "n": 4111111111111111_u64, "ann@example.com": 3}),
        json!({"a": [{"b": "from [IPV4]"}], "n": "[CARD]", "[EMAIL]": 3}),
    );
}

#[test]
fn a_name_can_say_what_a_value_is() {
    check(
        json!({"member": {"dod_edi": "1234567890"}, "epoch": 1117838570, "device_imei_read": "356938035643809", "gps_lat": 38.8977}),
        json!({"member": {"dod_edi": "[EDIPI]"}, "epoch": 1117838570, "device_imei_read": "[IMEI]", "gps_lat": "[COORDINATES]"}),
    );
}

#[test]
fn json_inside_a_string_is_structure() {
    check(
        json!({"body": "{\"api_key\":\"abc\",\"n\":1}"}),
        json!({"body": "{\"api_key\":\"[REDACTED]\",\"n\":1}"}),
    );
}

/// Of `[[{"user":"\\\\"},[-4388432476273748314]]]` came text that was no JSON any more: the backslashes
/// of the value before were taken for those of its quote.
#[test]
fn a_value_or_a_name_may_end_in_backslashes() {
    let lines = [
        (
            json!([[{"user": "\\"}, [4111111111111111_u64]]]),
            json!([[{"user": "\\"}, ["[CARD]"]]]),
        ),
        (
            json!([{"user": "\\".repeat(9)}, 4111111111111111_u64]),
            json!([{"user": "\\".repeat(9)}, "[CARD]"]),
        ),
        (
            json!({"n\\": 4111111111111111_u64}),
            json!({"n\\": "[CARD]"}),
        ),
        (
            json!({"password\\": 12345, "secret\\": "hunter2"}),
            json!({"password\\": "[REDACTED]", "secret\\": "[REDACTED]"}),
        ),
        (
            json!(["password=\"hunter2\\", 1]),
            json!(["password=\"[REDACTED]", 1]),
        ),
    ];
    for (before, after) in lines {
        check_text(&before, &after);
        let within = |value: &Value| json!({ "body": value.to_string() });
        check_text(&within(&before), &within(&after));
    }
}

/// A number behind a comma and a bracket that is never closed, both inside a string, were taken for
/// the list around it.
#[test]
fn json_stays_json_where_a_text_looks_like_a_part_of_it() {
    let rules = Rules::standard();
    let values = [
        json!(["a ,4111111111111111,b"]),
        json!({"a": "x ,4111111111111111,"}),
        json!(["a,", 4111111111111111_u64]),
        json!([",4111111111111111,b", 7]),
        json!(["", 4111111111111111_u64, ","]),
        json!([["password={\"", null]]),
        json!([[["password={\"", null]], {"n": [1, "token=[\"x"]}]),
    ];
    for value in values {
        let clean = rules.sanitize(&value.to_string()).into_owned();
        let parsed: Result<Value, _> = serde_json::from_str(&clean);
        assert!(parsed.is_ok(), "{value} became {clean}");
        assert!(!clean.contains("4111"), "{clean}");
        let body = json!({ "body": value.to_string() }).to_string();
        let clean = rules.sanitize(&body).into_owned();
        let outer: Value = serde_json::from_str(&clean).unwrap();
        let inner = outer["body"].as_str().unwrap();
        let parsed: Result<Value, _> = serde_json::from_str(inner);
        assert!(parsed.is_ok(), "{body} became {clean}");
    }
}

#[test]
fn two_names_that_come_out_alike_keep_both_values() {
    check(
        json!({"ann@example.com": 1, "bob@example.com": 2}),
        json!({"[EMAIL]": 1, "[EMAIL]#2": 2}),
    );
}

#[test]
fn depth_is_bounded_and_what_lies_deeper_goes() {
    let mut value = json!("10.0.0.1 and more");
    for _ in 0..100 {
        value = json!([value]);
    }
    Rules::standard().sanitize_json(&mut value);
    assert!(!value.to_string().contains("10.0.0.1"));
    assert!(value.to_string().contains("[REDACTED]"));
}

#[test]
fn a_name_is_judged_by_its_words_in_any_spelling() {
    let rules = Rules::standard();
    let redacted = [
        "password",
        "PASSWORD",
        "db.password",
        "userPassword",
        "password2",
        "token",
        "accessToken",
        "access_token",
        "x-api-key",
        "X-Api-Key",
        "auth",
        "authorization",
        "Proxy-Authorization",
        "secret",
        "client_secret",
        "ssn",
        "credential",
        "credentials",
        "Set-Cookie",
        "passphrase",
        "pin",
        "cvv",
        "otp",
        "private_key",
        "privateKey",
        "aws_secret_access_key",
        "session_id_token",
        "mysql_pwd",
        "the_secret",
        "a_password_here",
        "two-factor",
        "csrf-token",
        "jwt",
        "password_hash",
        "DB_PASS",
        "encryption_key",
        "signingKey",
        "refresh_tokens",
        "card_number",
        "date_of_birth",
        "http.request.header.cookie",
    ];
    for name in redacted {
        assert_eq!(rules.key(name), KeyVerdict::Redact, "{name}");
    }
    let kept = [
        "author",
        "authors",
        "authenticated",
        "authority",
        "tokenizer",
        "token_count",
        "tokens",
        "max_tokens",
        "secretary",
        "keyboard",
        "keyword",
        "public_key",
        "primary_key",
        "key",
        "key_id",
        "monkey",
        "token_type",
        "password_length",
        "auth_type",
        "session",
        "compass",
        "passenger",
        "spin",
        "bypass",
        "secret_name",
        "pinned",
        "user",
        "message",
        "number",
        "code",
        "status_code",
        "error_code",
        "id",
        "request_id",
        "trace_id",
        "version",
        "cursor_token_next_page_count",
        "AppToken.destroy",
    ];
    for name in kept {
        assert_eq!(rules.key(name), KeyVerdict::Keep, "{name}");
    }
}

#[test]
fn a_value_that_is_a_marker_already_stays() {
    let rules = Rules::standard();
    assert_eq!(rules.sanitize_value("password", "[EMAIL]"), "[EMAIL]");
    assert_eq!(rules.sanitize_value("password", ""), "");
    assert_eq!(rules.sanitize_value("password", "x"), "[REDACTED]");
}
