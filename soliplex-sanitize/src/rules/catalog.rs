//! The table of built-in rules: name, marker, and what each is for.
//!
//! The table is the documentation too: `docs/rules.md` is written from it, and a test compares the
//! two. Catches and near misses stand in `tests/data/rules.toml`, by the rule's name.

/// Counts the changes of what the built-in rules do between two versions of this crate, so that the
/// fingerprint of a rule set tells them. A test of the fingerprint asks for a higher one when one of
/// its lines comes out otherwise.
pub(super) const REVISION: u32 = 2;

/// A built-in rule; the order is that in which overlapping rules win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Rule {
    Key,
    Cookie,
    PrivateKey,
    UrlCredentials,
    Webhook,
    Jwt,
    ApiKey,
    Bearer,
    Basic,
    Email,
    Ssn,
    Itin,
    Card,
    Imei,
    Sim,
    Edipi,
    Passport,
    License,
    MedicalRecord,
    Medicare,
    Birth,
    Vin,
    BankAccount,
    Iban,
    Phone,
    Ipv6,
    Ipv4,
    Mac,
    Wallet,
    Grid,
    Coordinates,
    Entropy,
    HomeUser,
    Path,
}

/// What the table says of one rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) rule: Rule,
    pub(super) name: &'static str,
    pub(super) marker: &'static str,
    pub(super) info: RuleInfo,
}

/// What the documentation says of a built-in rule.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RuleInfo {
    /// The name, as in findings, receipts and rules files.
    pub name: &'static str,
    /// What is put in place of a match; empty when the match is cut out.
    pub marker: &'static str,
    /// What it must catch.
    pub catches: &'static str,
    /// What it must leave alone.
    pub leaves: &'static str,
    /// How a match is told from a look-alike.
    pub validation: &'static str,
}

impl Rule {
    pub(super) fn entry(self) -> &'static Entry {
        &RULES[self as usize]
    }

    pub(super) fn named(name: &str) -> Option<Rule> {
        RULES
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.rule)
    }
}

const fn row(
    rule: Rule,
    name: &'static str,
    marker: &'static str,
    catches: &'static str,
    leaves: &'static str,
    validation: &'static str,
) -> Entry {
    Entry {
        rule,
        name,
        marker,
        info: RuleInfo {
            name,
            marker,
            catches,
            leaves,
            validation,
        },
    }
}

/// How many built-in rules there are.
pub(super) const COUNT: usize = RULES.len();

/// Every built-in rule, at the index of its number.
pub(super) const RULES: &[Entry] = &[
    row(
        Rule::Key,
        "key",
        "[REDACTED]",
        "the value of a field, pair, header, element or flag whose name says it is secret; codes and passwords told in a sentence",
        "`author`, `token_count`, `public_key`; prose such as `invalid token: unexpected end`",
        "the name's words; in prose also the look of the value",
    ),
    row(
        Rule::Cookie,
        "cookie",
        "[REDACTED]",
        "every pair of a `Cookie` or `Set-Cookie` line",
        "the word cookie in a sentence",
        "`name=value`",
    ),
    row(
        Rule::PrivateKey,
        "private-key",
        "[PRIVATE_KEY]",
        "PEM, OpenSSH and PGP private keys over several lines, escaped or cut short",
        "certificates and public keys",
        "the armor's label",
    ),
    row(
        Rule::UrlCredentials,
        "url-credentials",
        "[CREDENTIALS]",
        "the password (or lone token) before the `@` of a URL or data source name",
        "scheme, user, host, path",
        "`://` or a driver's `tcp(`",
    ),
    row(
        Rule::Webhook,
        "webhook",
        "[WEBHOOK]",
        "the path of a webhook address (Slack, Discord, Teams, Zapier …)",
        "the host",
        "known hosts",
    ),
    row(
        Rule::Jwt,
        "jwt",
        "[JWT]",
        "JSON web tokens, signed, encrypted or cut short",
        "`eyJAAA.eyJBBB`",
        "the header decodes to JSON",
    ),
    row(
        Rule::ApiKey,
        "api-key",
        "[API_KEY]",
        "keys of more than a hundred vendors, by prefix or shape",
        "words that merely begin alike",
        "prefix, characters, length",
    ),
    row(
        Rule::Bearer,
        "bearer",
        "[BEARER]",
        "the credential after `Bearer`",
        "bearer of bad news",
        "a digit, mixed case or length",
    ),
    row(
        Rule::Basic,
        "basic",
        "[BASIC]",
        "the credential after `Basic`",
        "basic usage",
        "base64 of `user:password`",
    ),
    row(
        Rule::Email,
        "email",
        "[EMAIL]",
        "e-mail addresses, internationalized ones too",
        "`icon@2x.png`, `user@1000.service`, `pkg@1.2.3`, `git@host:…`",
        "local part, labels, top-level domain",
    ),
    row(
        Rule::Ssn,
        "ssn",
        "[SSN]",
        "US social security numbers; without separators only in context",
        "dates, other numbers",
        "area, group and serial that can exist",
    ),
    row(
        Rule::Itin,
        "itin",
        "[ITIN]",
        "US taxpayer numbers; employers' in context",
        "areas below 900",
        "area and group",
    ),
    row(
        Rule::Card,
        "card",
        "[CARD]",
        "payment cards, grouped or not",
        "sequence numbers, timestamps, parts of identifiers",
        "issuer's prefix, length, Luhn",
    ),
    row(
        Rule::Imei,
        "imei",
        "[IMEI]",
        "device numbers beside the word",
        "fifteen bare digits",
        "context",
    ),
    row(
        Rule::Sim,
        "sim",
        "[SIM]",
        "IMSI and ICCID beside the word",
        "bare digits",
        "context",
    ),
    row(
        Rule::Edipi,
        "edipi",
        "[EDIPI]",
        "DoD identification numbers in context, and a Common Access Card's common name",
        "ten bare digits",
        "context, or `LAST.FIRST.M.1234567890`",
    ),
    row(
        Rule::Passport,
        "passport",
        "[PASSPORT]",
        "US passport numbers in context",
        "nine bare digits",
        "context",
    ),
    row(
        Rule::License,
        "license",
        "[LICENSE]",
        "driver's license numbers in context",
        "bare digits",
        "context",
    ),
    row(
        Rule::MedicalRecord,
        "medical-record",
        "[MEDICAL_RECORD]",
        "medical record, provider, prescriber and NHS numbers in context",
        "bare digits",
        "context",
    ),
    row(
        Rule::Medicare,
        "medicare",
        "[MEDICARE]",
        "Medicare beneficiary identifiers",
        "other mixed identifiers",
        "the official spelling, letters S L O I B Z excluded",
    ),
    row(
        Rule::Birth,
        "birth",
        "[BIRTH]",
        "the day on which somebody was born, told without a separator",
        "other dates",
        "context, and a day that the month may have",
    ),
    row(
        Rule::Vin,
        "vin",
        "[VIN]",
        "the numbers of vehicles in context",
        "serial numbers",
        "seventeen places, the check digit",
    ),
    row(
        Rule::BankAccount,
        "bank-account",
        "[BANK_ACCOUNT]",
        "account and routing numbers in context",
        "bare digits",
        "context",
    ),
    row(
        Rule::Iban,
        "iban",
        "[IBAN]",
        "international account numbers, grouped or not",
        "look-alikes",
        "country, length, remainder 97",
    ),
    row(
        Rule::Phone,
        "phone",
        "[PHONE]",
        "telephone numbers with `+`, North American grouping, a bracketed area code, or in context",
        "bare digits, dates, versions",
        "grouping",
    ),
    row(
        Rule::Ipv6,
        "ipv6",
        "[IPV6]",
        "IPv6 addresses, compressed, mapped, bracketed",
        "times, `a::b` paths, `::`, `::1`",
        "parses as an address",
    ),
    row(
        Rule::Ipv4,
        "ipv4",
        "[IPV4]",
        "IPv4 addresses, with or without a port; as one number behind `://`",
        "versions, longer dotted numbers, file names, dates; `127.0.0.1`, masks and broadcast, which name nobody",
        "octets and neighbors",
    ),
    row(
        Rule::Mac,
        "mac",
        "[MAC]",
        "hardware addresses in pairs or quads; without separators under their name",
        "zero and broadcast",
        "one separator throughout",
    ),
    row(
        Rule::Wallet,
        "wallet",
        "[WALLET]",
        "Bitcoin, Litecoin, Ethereum, Monero, Tezos and other addresses, more in context",
        "hashes",
        "alphabet and length",
    ),
    row(
        Rule::Grid,
        "mgrs",
        "[MGRS]",
        "military grid references",
        "part numbers",
        "zone, band, square, even digits",
    ),
    row(
        Rule::Coordinates,
        "coordinates",
        "[COORDINATES]",
        "decimal latitude and longitude in context; degrees with minutes",
        "other decimals",
        "range and context",
    ),
    row(
        Rule::Entropy,
        "entropy",
        "[SECRET]",
        "random-looking words after token, key, credential …; hashes of passwords",
        "UUIDs, hashes in hex, numbers",
        "length, mixture, Shannon entropy",
    ),
    row(
        Rule::HomeUser,
        "home-user",
        "[USER]",
        "the user's name in a home directory",
        "the rest of the path",
        "`/home`, `/Users`, `C:\\Users`",
    ),
    row(
        Rule::Path,
        "path",
        "",
        "the absolute part of a source file's path",
        "package path, line, column, function",
        "source file's ending and line",
    ),
];
