//! What is true of the whole process, by OpenTelemetry's names: what was found, and what the
//! application said, which wins. Sanitized like any field: it passes through no layer, so it is
//! cleaned here, where it enters.
//!
//! Nothing here is an id of the hardware: the installation has one of its own.

use soliplex_sanitize::{KeyVerdict, Rules};
use soliplex_wire::{AnyValue, Attributes};
use std::env::consts::{ARCH, OS};
use sysinfo::{Product, System};

/// What a redacted number or container becomes.
const REDACTED: &str = "[REDACTED]";

/// What can be found out about where the process runs: a few small files are read, and no process
/// is started.
pub(crate) fn found() -> Attributes {
    let android = cfg!(target_os = "android");
    // On Android the name that is found is that of the device.
    let (os_name, model) = if android {
        (Some("Android".to_owned()), System::name())
    } else {
        let name = known_name(OS).map(str::to_owned).or_else(System::name);
        (name, Product::name())
    };
    let found = [
        ("os.type", Some(os_type(OS).to_owned())),
        ("os.name", os_name),
        ("os.version", System::os_version()),
        ("host.arch", Some(host_arch(ARCH).to_owned())),
        (
            "device.model.identifier",
            model.filter(|model| is_told(model)),
        ),
    ];
    found
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| (name, AnyValue::from(value.trim())))
        .collect()
}

/// The value of `os.type` for a name of [`std::env::consts::OS`].
fn os_type(os: &str) -> &str {
    match os {
        "macos" | "ios" | "tvos" | "watchos" | "visionos" => "darwin",
        "android" => "linux",
        "dragonfly" => "dragonflybsd",
        os => os,
    }
}

/// The name of an operating system that tells less of itself.
fn known_name(os: &str) -> Option<&'static str> {
    match os {
        "macos" => Some("macOS"),
        "ios" => Some("iOS"),
        _ => None,
    }
}

/// The value of `host.arch` for a name of [`std::env::consts::ARCH`].
fn host_arch(arch: &str) -> &str {
    match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        arch => arch,
    }
}

/// Whether a maker has put a model's name where it belongs, and not left the form's own words.
fn is_told(model: &str) -> bool {
    const FORMS: [&str; 4] = [
        "to be filled by o.e.m.",
        "system product name",
        "default string",
        "not specified",
    ];
    !FORMS.contains(&model.trim().to_lowercase().as_str())
}

/// The attributes as they may be kept.
pub(crate) fn sanitized(resource: &Attributes, rules: &Rules) -> Attributes {
    resource
        .iter()
        .filter_map(|(name, value)| Some((name, clean(name, value, rules)?)))
        .collect()
}

/// The value as it may be kept under this name, if it may be kept at all.
fn clean(name: &str, value: &AnyValue, rules: &Rules) -> Option<AnyValue> {
    let verdict = rules.key(name);
    Some(match (verdict, value) {
        (KeyVerdict::Drop, _) => return None,
        // True and false tell no secret, whatever they are called.
        (_, AnyValue::Null | AnyValue::Bool(_)) => value.clone(),
        (_, AnyValue::String(text)) => rules.sanitize_value(name, text).as_ref().into(),
        (KeyVerdict::Redact, _) => REDACTED.into(),
        (KeyVerdict::Keep, AnyValue::Int(_) | AnyValue::Double(_)) => value.clone(),
        (KeyVerdict::Keep, AnyValue::Array(values)) => AnyValue::Array(
            values
                .iter()
                .filter_map(|value| clean(name, value, rules))
                .collect(),
        ),
        (KeyVerdict::Keep, AnyValue::Map(values)) => AnyValue::Map(
            values
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), clean(name, value, rules)?)))
                .collect(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_systems_are_those_of_opentelemetry() {
        for (ours, os) in [
            ("linux", "linux"),
            ("windows", "windows"),
            ("macos", "darwin"),
            ("ios", "darwin"),
            ("android", "linux"),
            ("freebsd", "freebsd"),
        ] {
            assert_eq!(os_type(ours), os);
        }
        for (ours, arch) in [
            ("x86_64", "amd64"),
            ("aarch64", "arm64"),
            ("arm", "arm32"),
            ("x86", "x86"),
            ("riscv64", "riscv64"),
        ] {
            assert_eq!(host_arch(ours), arch);
        }
    }

    #[test]
    fn what_is_found_says_something() {
        let found = found();
        assert!(found.get("os.type").is_some() && found.get("host.arch").is_some());
        for (name, value) in found.iter() {
            let AnyValue::String(text) = value else {
                panic!("{name} is no text");
            };
            assert!(!text.is_empty() && text.trim() == text, "{name}: {text:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_linux_says_of_itself_is_told() {
        use std::fs::read_to_string;

        let found = found();
        let is = |name: &str, value: &str| {
            assert_eq!(found.get(name), Some(&value.into()), "{name}");
        };
        let release = read_to_string("/etc/os-release").unwrap_or_default();
        let of_release = |name: &str| {
            let line = release.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        if let Some(name) = of_release("NAME=") {
            is("os.name", &name);
        }
        if let Some(version) = of_release("VERSION_ID=") {
            is("os.version", &version);
        }
        // A virtual machine or a container may have none.
        let model = read_to_string("/sys/class/dmi/id/product_name").unwrap_or_default();
        let model = model.trim();
        if !model.is_empty() && is_told(model) {
            is("device.model.identifier", model);
        }
    }

    #[test]
    fn a_form_that_nobody_filled_in_names_no_model() {
        for (model, told) in [
            ("Raspberry Pi 4 Model B Rev 1.4", true),
            ("20XW", true),
            ("System Product Name", false),
            ("To Be Filled By O.E.M.", false),
        ] {
            assert_eq!(is_told(model), told, "{model}");
        }
    }

    #[test]
    fn nothing_confidential_is_kept_at_any_depth() {
        let nested = AnyValue::Map(
            [
                ("password".to_owned(), AnyValue::from("hunter2")),
                ("owner".to_owned(), "jane@example.org".into()),
                ("cores".to_owned(), 8_i64.into()),
            ]
            .into(),
        );
        let resource: Attributes = [
            ("service.name", AnyValue::from("app")),
            ("device.pin", 4711_i64.into()),
            ("contacts", AnyValue::Array(vec!["jane@example.org".into()])),
            ("device", nested),
        ]
        .into_iter()
        .collect();
        let kept = sanitized(&resource, &Rules::standard());
        let text = serde_json::to_string(&kept).unwrap();
        for secret in ["hunter2", "jane", "4711"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert_eq!(kept.get("service.name"), Some(&"app".into()));
        assert!(text.contains(r#""cores":8"#), "{text}");
    }
}
