//! What is true of the whole process, by OpenTelemetry's names: what was found, and what the
//! application said, which wins. Sanitized like any field: it passes through no layer, so it is
//! cleaned here, where it enters.
//!
//! Nothing here is an id of the hardware: the installation has one of its own.

use soliplex_sanitize::{KeyVerdict, Rules};
use soliplex_wire::{AnyValue, Attributes};
use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::{env, iter};

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
        ("host.arch", Some(machine())),
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

/// The machine's architecture, which need not be the one that this program was built for, or else
/// that one. Where the system runs the program by translating it, it tells the one it pretends.
fn machine() -> String {
    // Windows tells a program of 32 bits what it wants to hear, and the truth here.
    let beneath = env::var("PROCESSOR_ARCHITEW6432")
        .ok()
        .filter(|_| cfg!(windows));
    let told = match OS {
        // The device's model stands in its place.
        "ios" | "tvos" | "watchos" | "visionos" => None,
        _ => Some(beneath.unwrap_or_else(System::cpu_arch)),
    };
    let known = told.as_deref().and_then(host_arch);
    known.or(host_arch(ARCH)).unwrap_or(ARCH).to_owned()
}

/// The value of `host.arch` for what systems, and [`std::env::consts::ARCH`], call it.
fn host_arch(arch: &str) -> Option<&'static str> {
    Some(match arch.to_ascii_lowercase().as_str() {
        "x86_64" | "amd64" => "amd64",
        // A kernel of 64 bits, to a program of 32.
        "aarch64" | "arm64" | "armv8l" => "arm64",
        arm if arm.starts_with("arm") => "arm32",
        "x86" | "ia32" | "i386" | "i486" | "i586" | "i686" => "x86",
        "powerpc" | "ppc" => "ppc32",
        "powerpc64" | "powerpc64le" | "ppc64" | "ppc64le" => "ppc64",
        "ia64" => "ia64",
        "s390x" => "s390x",
        "riscv64" | "riscv64gc" => "riscv64",
        "loongarch64" => "loongarch64",
        _ => return None,
    })
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

/// What says which application a record comes from, and on what it runs. No list of names hides
/// these, of fields that are allowed or of words that are sensitive (`name`, for some): without them
/// nobody would know whose records they are. Other rules apply.
const IDENTITY: [&str; 11] = [
    "service.name",
    "service.version",
    "deployment.environment.name",
    "app.build_id",
    "process.runtime.name",
    "process.runtime.version",
    "os.type",
    "os.name",
    "os.version",
    "host.arch",
    "device.model.identifier",
];

/// The attributes as they may be kept.
pub(crate) fn sanitized(resource: &Attributes, rules: &Rules) -> Attributes {
    let mut kept = Attributes::new();
    for (name, value) in resource.iter() {
        let verdict = match IDENTITY.contains(&name) {
            true => KeyVerdict::Keep,
            false => rules.key(name),
        };
        if let Some(value) = clean(name, verdict, value, rules) {
            let name = clean_name(name, rules, |name| kept.get(name).is_some());
            kept.insert(name, value);
        }
    }
    kept
}

/// A name can hold a secret, too. Of two that come out alike both are kept.
fn clean_name(name: &str, rules: &Rules, is_taken: impl Fn(&str) -> bool) -> String {
    let clean = rules.sanitize(name);
    let numbered = (2..).map(|number| format!("{clean}#{number}"));
    let mut free = iter::once(clean.to_string()).chain(numbered);
    free.find(|name| !is_taken(name)).unwrap_or_default()
}

/// The value as it may be kept under a name of which the rules say this, if it may be kept at all.
fn clean(name: &str, verdict: KeyVerdict, value: &AnyValue, rules: &Rules) -> Option<AnyValue> {
    let number = |text: String| match rules.sanitize_kept(name, &text) {
        clean if clean == text => value.clone(),
        clean => clean.as_ref().into(),
    };
    Some(match (verdict, value) {
        (KeyVerdict::Drop, _) => return None,
        // True and false tell no secret, whatever they are called.
        (_, AnyValue::Null | AnyValue::Bool(_)) => value.clone(),
        (KeyVerdict::Redact, AnyValue::String(text)) => {
            rules.sanitize_value(name, text).as_ref().into()
        }
        (KeyVerdict::Redact, _) => REDACTED.into(),
        (KeyVerdict::Keep, AnyValue::String(text)) => {
            rules.sanitize_kept(name, text).as_ref().into()
        }
        (KeyVerdict::Keep, AnyValue::Int(value)) => number(value.to_string()),
        (KeyVerdict::Keep, AnyValue::Double(value)) => number(value.get().to_string()),
        (KeyVerdict::Keep, AnyValue::Array(values)) => {
            let clean = |value| clean(name, verdict, value, rules);
            AnyValue::Array(values.iter().filter_map(clean).collect())
        }
        (KeyVerdict::Keep, AnyValue::Map(values)) => AnyValue::Map(clean_map(values, rules)),
    })
}

fn clean_map(values: &BTreeMap<String, AnyValue>, rules: &Rules) -> BTreeMap<String, AnyValue> {
    let mut kept = BTreeMap::new();
    for (name, value) in values {
        if let Some(value) = clean(name, rules.key(name), value, rules) {
            kept.insert(
                clean_name(name, rules, |name| kept.contains_key(name)),
                value,
            );
        }
    }
    kept
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
            ("AMD64", "amd64"),
            ("armv7l", "arm32"),
            ("armv8l", "arm64"),
            ("arm", "arm32"),
            ("i686", "x86"),
            ("x86", "x86"),
            ("ppc64le", "ppc64"),
            ("riscv64", "riscv64"),
        ] {
            assert_eq!(host_arch(ours), Some(arch));
        }
        assert_eq!(host_arch("iPhone14,2"), None);
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
        // As the kernel has it, whatever this test was built for.
        if let Ok(uname) = std::process::Command::new("uname").arg("-m").output() {
            let arch = String::from_utf8(uname.stdout).unwrap();
            is("host.arch", host_arch(arch.trim()).unwrap());
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

    #[test]
    fn numbers_and_names_are_looked_at_too() {
        let secrets = AnyValue::Map(
            [
                ("ann@example.org".to_owned(), AnyValue::from(1_i64)),
                ("bob@example.org".to_owned(), 2_i64.into()),
                ("imei".to_owned(), 490_154_203_237_518_i64.into()),
            ]
            .into(),
        );
        let resource: Attributes = [
            ("device", AnyValue::Array(vec![secrets])),
            ("cy@example.org", 3_i64.into()),
            ("card", 4_111_111_111_111_111_i64.into()),
            ("lat", 38.889_484.into()),
            ("load", 0.25.into()),
            ("port", 8080_i64.into()),
        ]
        .into_iter()
        .collect();
        let kept = serde_json::to_value(sanitized(&resource, &Rules::standard())).unwrap();
        let expected = serde_json::json!({
            "device": [{"[EMAIL]": 1, "[EMAIL]#2": 2, "imei": "[REDACTED]"}],
            "[EMAIL]": 3,
            "card": "[CARD]",
            "lat": "[COORDINATES]",
            "load": 0.25,
            "port": 8080,
        });
        assert_eq!(kept, expected);
    }

    #[test]
    fn no_list_of_names_hides_whose_records_they_are() {
        let allowlist = Rules::builder().allow_only(["message"]).build().unwrap();
        let mut resource = found();
        for (name, value) in [
            ("service.name", "field-app"),
            ("service.version", "1.4.2.7"),
            ("deployment.environment.name", "for ann@example.org"),
            ("room", "b"),
        ] {
            resource.insert(name, value);
        }
        for (rules, room) in [(allowlist, None), (Rules::dod(), Some("b"))] {
            let kept = sanitized(&resource, &rules);
            let own = ["service.name", "service.version"].into_iter();
            for name in own.chain(found().iter().map(|(name, _)| name)) {
                assert_eq!(kept.get(name), resource.get(name), "{name}");
            }
            let environment = kept.get("deployment.environment.name");
            assert_eq!(environment, Some(&"for [EMAIL]".into()));
            assert_eq!(kept.get("room"), room.map(AnyValue::from).as_ref());
        }
    }
}
