//! Rule sets of one's own: adding, taking away, refusing, and telling them apart.

use soliplex_sanitize::{KeyVerdict, Rules, RulesBuilder, RulesError};

#[test]
fn an_added_name_is_sensitive_in_any_spelling_and_an_allowed_one_is_not() -> Result<(), RulesError>
{
    let rules = Rules::builder()
        .deny_key("badgeNumber")
        .allow_key("session_token_hint")
        .build()?;
    assert_eq!(rules.key("employee.badge-number"), KeyVerdict::Redact);
    assert_eq!(rules.key("badge"), KeyVerdict::Keep);
    assert_eq!(rules.key("sessionTokenHint"), KeyVerdict::Keep);
    assert_eq!(
        rules.sanitize("badge_number=A77"),
        "badge_number=[REDACTED]"
    );
    Ok(())
}

#[test]
fn a_pattern_replaces_its_first_group_or_else_the_whole_match() -> Result<(), RulesError> {
    let rules = Rules::builder()
        .pattern("ticket", r"TCK-\d{6}")
        .pattern_with("unit", r"unit (\w+)", "<u>")
        .build()?;
    assert_eq!(
        rules.sanitize("TCK-123456 for unit bravo"),
        "[TICKET] for unit <u>"
    );
    Ok(())
}

#[test]
fn a_validator_has_the_last_word() -> Result<(), RulesError> {
    let even = |text: &str| text.bytes().last().is_some_and(|b| b % 2 == 0);
    let rules = Rules::builder()
        .pattern_if("even", r"\bn\d+", even)
        .build()?;
    assert_eq!(rules.sanitize("n12 n13"), "[EVEN] n13");
    Ok(())
}

#[test]
fn rules_can_be_switched_off_and_markers_changed() -> Result<(), RulesError> {
    let rules = Rules::builder()
        .without("phone")
        .replacement("email", "<mail>")
        .build()?;
    assert_eq!(
        rules.sanitize("415-555-0132 ann@example.com"),
        "415-555-0132 <mail>"
    );
    Ok(())
}

#[test]
fn in_allowlist_mode_only_named_fields_pass_and_rules_still_apply_to_them() -> Result<(), RulesError>
{
    let rules = Rules::builder().allow_only(["message", "level"]).build()?;
    assert_eq!(rules.key("message"), KeyVerdict::Keep);
    assert_eq!(rules.key("user"), KeyVerdict::Drop);
    let mut value = serde_json::json!({"message": "from 10.0.0.1", "level": 3, "user": "ann"});
    rules.sanitize_json(&mut value);
    assert_eq!(
        value,
        serde_json::json!({"message": "from [IPV4]", "level": 3})
    );
    Ok(())
}

#[test]
fn a_logger_and_those_below_it_may_follow_other_rules() -> Result<(), RulesError> {
    let rules = Rules::builder()
        .for_logger("app::db", Rules::none())
        .build()?;
    let line = "from 10.0.0.1";
    assert_eq!(rules.for_logger("app::db::pool").sanitize(line), line);
    assert_eq!(rules.for_logger("app::dbx").sanitize(line), "from [IPV4]");
    assert_eq!(rules.for_logger("app").sanitize(line), "from [IPV4]");
    Ok(())
}

/// Rules for one logger alone were taken for none at all, and the root let everything pass.
#[test]
fn rules_with_a_scope_are_not_none_unless_the_scope_is() -> Result<(), RulesError> {
    let scoped = |rules| RulesBuilder::empty().for_logger("app::db", rules).build();
    let rules = scoped(Rules::standard())?;
    assert!(!rules.is_none());
    let line = "from 10.0.0.1";
    assert_eq!(rules.sanitize(line), line);
    assert_eq!(rules.for_logger("app::db").sanitize(line), "from [IPV4]");
    assert!(scoped(Rules::none())?.is_none());
    Ok(())
}

#[test]
fn a_logger_may_have_an_allowlist_of_its_own() -> Result<(), RulesError> {
    let audit = Rules::builder().allow_only(["message"]).build()?;
    let rules = Rules::builder().for_logger("app::audit", audit).build()?;
    assert_eq!(
        rules.for_logger("app::audit::x").key("user"),
        KeyVerdict::Drop
    );
    assert_eq!(rules.for_logger("app").key("user"), KeyVerdict::Keep);
    let file = Rules::from_toml("[logger.'app::audit']\nallow_only = ['message']")?;
    assert_eq!(file.hash(), rules.hash());
    Ok(())
}

#[test]
fn mistakes_are_errors_when_building_and_never_echo_the_pattern() {
    let check = |built: Result<Rules, RulesError>, want: &str| {
        let error = built.expect_err("it must be refused");
        assert_eq!(error.to_string(), want);
    };
    check(
        Rules::builder().pattern("bad", "(s3cret").build(),
        "pattern bad does not compile",
    );
    check(
        Rules::builder().pattern("huge", r"\w{9}{9}{9}{9}").build(),
        "pattern huge does not compile",
    );
    check(
        Rules::builder().pattern("any", "x*").build(),
        "pattern any matches the empty text",
    );
    check(
        Rules::builder().without("nope").build(),
        "there is no rule named nope",
    );
    check(
        Rules::builder().replacement("nope", "x").build(),
        "there is no rule named nope",
    );
    check(
        Rules::builder().pattern("email", "x").build(),
        "rule email is named twice",
    );
    check(Rules::from_toml("preset = 3"), "rules file is not valid");
    check(Rules::from_toml("unknown = 3"), "rules file is not valid");
}

#[test]
fn a_file_says_the_same_as_the_builder() -> Result<(), RulesError> {
    let file = Rules::from_toml(
        r#"
        deny_keys = ["mrn"]
        allow_keys = ["hint"]
        without = ["phone"]
        [replacements]
        email = "<mail>"
        [[pattern]]
        name = "ticket"
        regex = 'TCK-\d{6}'
        [logger."app::db"]
        preset = "none"
        "#,
    )?;
    let built = Rules::builder()
        .deny_key("mrn")
        .allow_key("hint")
        .without("phone")
        .replacement("email", "<mail>")
        .pattern("ticket", r"TCK-\d{6}")
        .for_logger("app::db", Rules::from_toml("preset = 'none'")?)
        .build()?;
    assert_eq!(file.hash(), built.hash());
    assert_eq!(
        file.sanitize("mrn=1 TCK-123456 ann@example.com"),
        "mrn=[REDACTED] [TICKET] <mail>"
    );
    Ok(())
}

#[test]
fn the_hash_tells_rule_sets_apart_and_is_the_same_again() -> Result<(), RulesError> {
    let sets = [
        Rules::standard(),
        Rules::dod(),
        Rules::none(),
        Rules::builder().without("phone").build()?,
        Rules::builder().deny_key("a").build()?,
        Rules::builder().allow_key("a").build()?,
        Rules::builder().allow_only(["a"]).build()?,
        Rules::builder().pattern("a", "b").build()?,
        Rules::builder().pattern("a", "c").build()?,
        Rules::builder().replacement("email", "x").build()?,
        Rules::builder().for_logger("a", Rules::none()).build()?,
        Rules::builder().for_logger("b", Rules::none()).build()?,
        Rules::builder().for_logger("a", Rules::dod()).build()?,
        Rules::builder().pattern_if("a", "b", |_| true).build()?,
    ];
    for (i, a) in sets.iter().enumerate() {
        for (j, b) in sets.iter().enumerate() {
            assert_eq!(a.hash() == b.hash(), i == j, "{i} and {j}");
        }
    }
    assert_eq!(Rules::builder().build()?.hash(), Rules::standard().hash());
    assert_eq!(Rules::standard().hash().to_string().len(), 16);
    Ok(())
}

#[test]
fn the_hash_does_not_depend_on_the_order_of_names() -> Result<(), RulesError> {
    let scoped = |loggers: [&str; 2]| {
        let scoped = |b: RulesBuilder, logger: &str| b.for_logger(logger, Rules::none());
        loggers.into_iter().fold(Rules::builder(), scoped).build()
    };
    let named = |[a, b]: [&str; 2]| {
        Rules::builder()
            .deny_key(a)
            .deny_key(b)
            .allow_key(b)
            .allow_key(a)
            .build()
    };
    for (one, other) in [
        (scoped(["a", "b"])?, scoped(["b", "a"])?),
        (named(["a", "b"])?, named(["b", "a"])?),
        (
            Rules::builder().allow_only(["a", "b"]).build()?,
            Rules::builder().allow_only(["b", "a", "b"]).build()?,
        ),
    ] {
        assert_eq!(one.hash(), other.hash());
    }
    Ok(())
}

#[test]
fn a_pattern_that_matches_a_marker_replaces_once() -> Result<(), RulesError> {
    for (regex, replacement, text, want) in [
        ("(?i)ticket", "[TICKET]", "a ticket", "a [TICKET]"),
        (
            "[0-9]+",
            "<number 1>",
            "7 and 8",
            "<number 1> and <number 1>",
        ),
        ("a", "xa", "bab", "bxab"),
        ("n([0-9]+)", "n12", "n7", "nn12"),
    ] {
        let rules = Rules::builder()
            .pattern_with("own", regex, replacement)
            .build()?;
        assert_eq!(rules.sanitize(text), want);
        assert_eq!(rules.sanitize(want), want);
    }
    let each_other = Rules::builder()
        .pattern_with("a", "x", "y1")
        .pattern_with("b", "y", "x2")
        .build()?;
    assert_eq!(each_other.sanitize("x and y"), "y1 and x2");
    assert_eq!(each_other.sanitize("y1 and x2"), "y1 and x2");
    Ok(())
}

#[test]
fn a_replacement_that_would_be_redacted_itself_is_refused() {
    let mail = Rules::builder().replacement("email", "<none@example.org>");
    let pair = Rules::builder().pattern_with("ticket", "TCK", "token=hunter2");
    for (builder, name) in [(mail, "email"), (pair, "ticket")] {
        let error = builder.build().unwrap_err();
        assert!(
            matches!(&error, RulesError::Replacement { name: it } if it == name),
            "{error}"
        );
    }
}

#[test]
fn the_receipt_counts_each_hit_once() -> Result<(), RulesError> {
    let rules = Rules::builder().pattern("ticket", r"TCK-\d{6}").build()?;
    let _ = rules.sanitize("10.0.0.1 and 10.0.0.2, TCK-123456");
    let _ = rules.clone().sanitize_value("password", "x");
    let want = [("key", 1), ("ipv4", 2), ("ticket", 1)];
    assert_eq!(rules.counts().iter().collect::<Vec<_>>(), want);
    assert_eq!(rules.counts().total(), 4);
    Ok(())
}

#[test]
fn the_receipt_counts_what_the_rules_of_single_loggers_did() -> Result<(), RulesError> {
    let ticket = Rules::builder().pattern("ticket", r"TCK-\d{6}").build()?;
    let rules = Rules::builder()
        .for_logger("app", ticket.clone())
        .for_logger("lib", ticket)
        .build()?;
    let _ = rules.sanitize("10.0.0.1");
    for logger in ["app::db", "lib", "other"] {
        let _ = rules.for_logger(logger).sanitize("10.0.0.2, TCK-123456");
    }
    let want = [("ipv4", 4), ("ticket", 2)];
    assert_eq!(rules.counts().iter().collect::<Vec<_>>(), want);
    assert_eq!(rules.counts().total(), 6);
    Ok(())
}

#[test]
fn the_defense_preset_is_stricter_than_the_standard() {
    let (standard, dod) = (Rules::standard(), Rules::dod());
    for (line, want) in [
        ("user 1017382946 signed in", "user [EDIPI] signed in"),
        ("callsign=viper1", "callsign=[REDACTED]"),
        ("moved to 38.8977, -77.0365", "moved to [COORDINATES]"),
    ] {
        assert_eq!(dod.sanitize(line), want);
        assert_ne!(standard.sanitize(line), want);
    }
    assert_eq!(dod.sanitize("mail ann@example.com"), "mail [EMAIL]");
}

#[test]
fn no_rules_change_nothing() {
    let none = Rules::none();
    let line = "password=hunter2 from 10.0.0.1";
    assert!(none.is_none());
    assert_eq!(none.sanitize(line), line);
    assert_eq!(none.key("password"), KeyVerdict::Keep);
    assert_eq!(none.sanitize_value("password", "x"), "x");
    assert!(none.explain(line).is_empty());
}

#[test]
fn debug_shows_names_and_hash_but_no_pattern() -> Result<(), RulesError> {
    let rules = Rules::builder()
        .pattern("ticket", "s3cretpattern")
        .build()?;
    let shown = format!("{rules:?}");
    assert!(shown.contains("ticket") && shown.contains(&rules.hash().to_string()));
    assert!(!shown.contains("s3cretpattern"));
    Ok(())
}
