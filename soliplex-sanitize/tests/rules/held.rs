//! What once let a secret through: an exemption for ordinary text that a secret also fitted.

use serde_json::{Value, json};
use soliplex_sanitize::{KeyVerdict, Rules};

/// Texts by the exemption that they fitted, each with what must not come out of it.
const HELD: &[(&str, &[(&str, &str)])] = &[
    (
        "what says how one is let in",
        &[
            (r#"{"auth":{"name":"janedoe"}}"#, "janedoe"),
            (
                r#"auth={"url":"https://idp.example/cb?access_token=hunter2x9"}"#,
                "hunter2x9",
            ),
            (
                r#"auth={"status":"denied password=hunter2x9"}"#,
                "hunter2x9",
            ),
            ("auth: {status: denied password=hunter2x9}", "hunter2x9"),
            (r#"auth={"status":"pin: 4711"}"#, "4711"),
            (r#"auth={"status":"basic","otp":471123}"#, "471123"),
            (r#"{"auth":{"type":"session_id=abc123"}}"#, "abc123"),
            (r#"auth={"types":["hunter2x9","x"]}"#, "hunter2x9"),
            (r#"auth={"timeout":4711471147}"#, "4711471147"),
        ],
    ),
    (
        "a verb in capitals",
        &[
            ("Verification code IS: 123456", "123456"),
            ("your PIN Entered: 4711", "4711"),
        ],
    ),
    (
        "a keyword and its string",
        &[
            (r#"password :hunter2x9 "jane""#, "hunter2x9"),
            (
                r#"token :8f3kQz71LmPx04 "GET / HTTP/1.1""#,
                "8f3kQz71LmPx04",
            ),
            (r#"IRC PASS :hunter2x9 "x""#, "hunter2x9"),
            (r#"secret :hunter2x9 "a" b"#, "hunter2x9"),
        ],
    ),
    (
        "a version of four numbers",
        &[
            (
                "info: Acme.Gateway.Listener 93.18.21.34 connected",
                "93.18.21.34",
            ),
            ("MyApp.Net.Peers 10.1.2.3 joined", "10.1.2.3"),
            ("MyApp.Net.Peers 18.1.2.3 joined", "18.1.2.3"),
            ("Http.Client 93.18.21.34:8080 refused", "93.18.21.34"),
            ("kafka.broker:id:10.2.3.4:9092", "10.2.3.4"),
            ("kafka.broker:id:18.2.3.4:9092", "18.2.3.4"),
            ("peer.addr:remote:93.18.21.34 accepted", "93.18.21.34"),
            ("com.acme:gateway:10.2.3.4", "10.2.3.4"),
            ("net.peer:ip:20.3.11.7", "20.3.11.7"),
            ("upgraded 192.168.7.12 to version 4.2", "192.168.7.12"),
            ("peer 203.0.113.7 to version 4 handshake", "203.0.113.7"),
            ("fw-93.18.21.34.fc2.com", "93.18.21.34"),
            ("client-93.18.21.34.el", "93.18.21.34"),
        ],
    ),
    (
        "the end of a header",
        &[
            (
                "Cookie: a=1; AMCVS_x%40AdobeOrg=1; PHPSESS=8f3kQz71LmPx; remember=hunter2x9",
                "hunter2x9",
            ),
            ("Cookie: a=1; b; remember=hunter2x9; uid=janedoe", "janedoe"),
            (
                "Cookie: theme=dark; 8f3kQz71LmPx04VbRt92Yw; session=4f8a2c9d",
                "8f3kQz71LmPx04VbRt92Yw",
            ),
            (
                "Cookie: theme=dark; 8f3kQz71LmPx04VbRt92Yw; session=4f8a2c9d",
                "4f8a2c9d",
            ),
            (
                "Set-Cookie: sid=4f8a; Path=/; SameParty; other=4f8a2c9d11",
                "4f8a2c9d11",
            ),
            ("Cookie: a=1; b=x|y&z; remember=hunter2x9", "hunter2x9"),
            ("Cookie: a=1; cart[id]=1; remember=hunter2x9", "hunter2x9"),
            ("Cookie: a=1; _h{x}=1; remember=hunter2x9", "hunter2x9"),
            ("Cookie: a=1; x:y@z=1; remember=hunter2x9", "hunter2x9"),
            ("Cookie: a={x}; remember=hunter2x9", "hunter2x9"),
            ("Cookie: a=1; 8f3kQz71LmPx04 and", "8f3kQz71LmPx04"),
        ],
    ),
    (
        "a pair behind its scheme",
        &[
            ("bearer v=8f3kQz71LmPx04VbRt92Yw", "8f3kQz71LmPx04VbRt92Yw"),
            ("bearer id=8f3kQz71LmPx04VbRt92Yw", "8f3kQz71LmPx04VbRt92Yw"),
            ("Bearer a=8f3kQz71LmPx04VbRt92Yw", "8f3kQz71LmPx04VbRt92Yw"),
            ("bearer abcdefghijklmnopqrstuv=", "abcdefghijkl"),
            ("bearer abcdefghijk=lmnopqrstuvwxyzabcd", "lmnopqrstu"),
            ("bearer jwt_token=8f3kQz71LmPx04", "8f3kQz71"),
            ("Bearer 8f3kQz71LmPx04|VbRt92YwZZ", "VbRt92YwZZ"),
            ("bearer sid=abcd1234abcd1234", "abcd1234abcd1234"),
            (
                "bearer 8f3kQz71LmPx0|hunter2hunter2hunter2",
                "hunter2hunter2hunter2",
            ),
            (
                "Bearer abcdefghijklmnop|Zyxwvutsrqponm1234567",
                "Zyxwvutsrqponm1234567",
            ),
        ],
    ),
    (
        "a line of code",
        &[
            (r#"token=a.b["8f3kQz71LmPx04VbRt92Yw"]"#, "a.b"),
            ("api_key=x.y['8f3kQz71LmPx04VbRt92Yw']", "x.y"),
            (
                r#"password=correct.horse.battery["staple""#,
                "correct.horse.battery",
            ),
            ("password=hunter.password", "hunter.password"),
            ("pwd=s.pwd", "s.pwd"),
            ("password=jane.PASSWORD&x=1", "jane.PASSWORD"),
            ("password=password", "=password"),
            ("password: password", ": password"),
        ],
    ),
    (
        "a word that says how things are",
        &[
            ("password=hidden", "hidden"),
            ("password=active", "active"),
            ("password=masked", "masked"),
            ("password=basic", "basic"),
            ("password=sso", "sso"),
            ("password=ldap", "ldap"),
            ("password=granted", "granted"),
            ("password=removed", "removed"),
            ("password=pending", "pending"),
            ("password=anonymous", "anonymous"),
            ("password=oidc", "oidc"),
            ("otp=active", "active"),
            ("secret=digest", "digest"),
        ],
    ),
    (
        "how one was let in",
        &[
            (
                "Authorization: Digest username=\"jane\", response=\"8f3kQz71LmPx04VbRt92Yw\"",
                "8f3kQz71LmPx04VbRt92Yw",
            ),
            ("auth=granted0hunter2", "granted0"),
        ],
    ),
    (
        "a picture",
        &[
            (
                "GET /image/7 data:application/octet-stream;base64,8f3kQz71LmPx04VbRt92Yw8f3kQz71LmPx04VbRt92Yw",
                "8f3kQz71",
            ),
            (
                "image/png key;base64,8f3kQz71LmPx04VbRt92Yw8f3kQz71LmPx04VbRt92Yw",
                "8f3kQz71",
            ),
        ],
    ),
    (
        "mail's spelling of a byte",
        &[
            ("p%61ssword=40hunter", "hunter"),
            ("api%5Fkey=40abcdef12", "abcdef12"),
            (r#""p\u0061ssword=40hunter""#, "hunter"),
            ("passw\u{200b}ord=40hunter2", "hunter2"),
            ("t%6fken=41=42cdefgh", "cdefgh"),
        ],
    ),
    (
        "a line of its own",
        &[
            ("pass\nword=40hunter2", "hunter2"),
            ("pass\nword=hunter2x", "hunter2x"),
            ("api_key=8f3kQz71LmPx\nVbRt=92YwQQ", "92YwQQ"),
            ("token: abcdefgh12\nijkl=mnop34", "mnop34"),
            ("mssql://sa:phJh60bf4tGL\nPLAN=pro@h:1433", "PLAN=pro"),
            ("mssql://sa:phJh60bf4tGL\nPLAN=pro@h:1433", "phJh60bf"),
            ("mysql://root:HpHWJCRG5jv1\n--b@mysql:3306/app", "HpHWJCRG"),
        ],
    ),
    (
        "a name that was redacted",
        &[
            (r#""[EMAIL] password": "hunter2""#, "hunter2"),
            ("'[EMAIL]password'='hunter2x9'", "hunter2x9"),
            ("'password of [EMAIL]'='hunter2x9'", "hunter2x9"),
        ],
    ),
    (
        "a column",
        &[(
            "https://discord.com/api/webhooks/123456789012345678/abcDEF|ghijklmnopqrstuv0123456789",
            "ghijklmnopqrstuv0123456789",
        )],
    ),
];

#[test]
fn no_exemption_lets_a_secret_through() {
    let rules = Rules::standard();
    let mut out = Vec::new();
    for (exemption, texts) in HELD {
        for (text, secret) in *texts {
            let clean = rules.sanitize(text);
            if clean.contains(secret) {
                out.push(format!("{exemption}: {clean}"));
            }
            if let Ok(mut value) = serde_json::from_str::<Value>(text) {
                rules.sanitize_json(&mut value);
                if value.to_string().contains(secret) {
                    out.push(format!("{exemption}: {value}"));
                }
            }
        }
    }
    assert!(out.is_empty(), "{}", out.join("\n"));
}

#[test]
fn how_one_is_let_in_is_told_only_where_the_rules_keep_its_name() {
    let deny = Rules::from_toml("deny_keys = [\"status\", \"retries\"]").expect("these are rules");
    let text = r#"auth={"status":"basic","retries":3}"#;
    assert_eq!(
        deny.sanitize(text),
        r#"auth={"status":"[REDACTED]","retries":"[REDACTED]"}"#
    );
    let only = Rules::from_toml("allow_only = [\"auth\", \"message\"]").expect("these are rules");
    for (rules, before, after) in [
        (
            &deny,
            json!({"auth": {"status": "basic", "retries": 3, "timeout": 30}}),
            json!({"auth": {"status": "[REDACTED]", "retries": "[REDACTED]", "timeout": 30}}),
        ),
        (
            &only,
            json!({"auth": {"type": "basic", "retries": 3}}),
            json!({"auth": {}}),
        ),
        (
            &Rules::dod(),
            json!({"auth": {"name": "Jane Doe", "retries": 3}}),
            json!({"auth": {"name": "[REDACTED]", "retries": 3}}),
        ),
    ] {
        let mut value = before;
        rules.sanitize_json(&mut value);
        assert_eq!(value, after);
    }
    assert_eq!(
        Rules::dod().sanitize(r#"auth={"name":"Jane Doe"}"#),
        r#"auth={"name":"[REDACTED]"}"#
    );
}

/// A marker that is a word made a field of that name be taken for one that was redacted.
#[test]
fn a_word_for_a_marker_keeps_no_field_of_its_name() {
    let rules = Rules::builder()
        .replacement("email", "password")
        .build()
        .expect("these are rules");
    assert_eq!(rules.key("password"), KeyVerdict::Redact);
    let mut value = json!({"password": "hunter2"});
    rules.sanitize_json(&mut value);
    assert_eq!(value, json!({"password": "[REDACTED]"}));
}
