//! Keys that say by their prefix whose they are.
//!
//! A row is a prefix, the characters that may follow it, and how many at least. The lengths are
//! those that the vendors document or the public rule sets (gitleaks, secretlint, detect-secrets)
//! agree on, a little shorter where vendors have been known to change them: a prefix this telling
//! needs no exact length.

use super::steps::steps;

/// What may follow a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// `0-9a-fA-F`
    Hex,
    /// `0-9A-Za-z`
    Alnum,
    /// `0-9A-Z`
    Upper,
    /// Letters, digits, `_`, `-`.
    Word,
    /// Letters, digits, `_`, `-`, `.`.
    Dotted,
    /// Letters, digits, `+`, `/`, `=`, `_`, `-`.
    Base64,
    /// Letters, digits, `_`, `-`, `.`, `=`, `+`, `/`, `~`, `%`, `!`.
    Any,
}

impl Tail {
    pub(super) fn has(self, c: u8) -> bool {
        let extra: &[u8] = match self {
            Tail::Hex => return c.is_ascii_hexdigit(),
            Tail::Upper => return c.is_ascii_digit() || c.is_ascii_uppercase(),
            Tail::Alnum => b"",
            Tail::Word => b"_-",
            Tail::Dotted => b"_-.",
            Tail::Base64 => b"_-+/=",
            Tail::Any => b"_-.=+/~%!",
        };
        c.is_ascii_alphanumeric() || extra.contains(&c)
    }
}

/// One kind of key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vendor {
    pub(super) prefix: &'static str,
    pub(super) tail: Tail,
    pub(super) min: usize,
}

const fn v(prefix: &'static str, tail: Tail, min: usize) -> Vendor {
    Vendor { prefix, tail, min }
}

/// Where the key ends that `token` begins with, if it begins with one.
pub(super) fn find(token: &[u8]) -> Option<usize> {
    let &[a, b, c, ..] = token else { return None };
    let head = head(a, b, c);
    if HEADS[head / 64] & (1 << (head % 64)) == 0 {
        return None;
    }
    let end = BY_FIRST[usize::from(FIRSTS[usize::from(a & 0x7f)])..]
        .iter()
        .map(|n| &VENDORS[usize::from(*n)])
        .take_while(|vendor| vendor.prefix.as_bytes()[0] == a)
        .filter(|vendor| token.starts_with(vendor.prefix.as_bytes()))
        .find_map(|vendor| {
            let tail = &token[vendor.prefix.len()..];
            let length = tail.iter().take_while(|c| vendor.tail.has(**c)).count();
            steps(length);
            let varied = tail[..length].iter().any(|c| *c != tail[0]);
            // Small letters with dashes are words: `sdk-integration-tests-of-the-client`.
            let words = tail[..length]
                .iter()
                .all(|c| c.is_ascii_lowercase() || matches!(c, b'-' | b'_'))
                && tail[..length].iter().any(|c| !c.is_ascii_lowercase());
            (length >= vendor.min && varied && !words).then_some(vendor.prefix.len() + length)
        })?;
    // Punctuation at the end belongs to the sentence.
    let stop = |c: &&u8| matches!(c, b'.' | b'-' | b'%' | b'!' | b'/');
    Some(end - token[..end].iter().rev().take_while(stop).count())
}

const fn head(a: u8, b: u8, c: u8) -> usize {
    ((a as usize & 0x7f) * 5209 + (b as usize & 0x7f) * 131 + c as usize) & 0x7fff
}

/// Which three bytes a key can begin with, hashed: most words end here.
static HEADS: [u64; 512] = {
    let mut heads = [0; 512];
    let mut i = 0;
    while i < VENDORS.len() {
        let prefix = VENDORS[i].prefix.as_bytes();
        // A prefix of two leaves the third byte to the key.
        let (mut c, last) = if prefix.len() > 2 {
            (prefix[2], prefix[2])
        } else {
            (0, 127)
        };
        loop {
            let head = head(prefix[0], prefix[1], c);
            heads[head / 64] |= 1 << (head % 64);
            if c == last {
                break;
            }
            c += 1;
        }
        i += 1;
    }
    heads
};

/// The rows by first letter, and where each letter's rows begin.
static BY_FIRST: [u16; VENDORS.len()] = {
    let mut rows = [0; VENDORS.len()];
    let mut at = 0;
    let mut first = 0;
    while first < 128 {
        let mut i = 0;
        while i < VENDORS.len() {
            if VENDORS[i].prefix.as_bytes()[0] == first {
                rows[at] = i as u16;
                at += 1;
            }
            i += 1;
        }
        first += 1;
    }
    rows
};

static FIRSTS: [u16; 128] = {
    let mut starts = [0; 128];
    let mut i = 0;
    while i < BY_FIRST.len() {
        let first = VENDORS[BY_FIRST[i] as usize].prefix.as_bytes()[0] as usize;
        let seen =
            i > 0 && VENDORS[BY_FIRST[i - 1] as usize].prefix.as_bytes()[0] as usize == first;
        if !seen {
            starts[first] = i as u16;
        }
        i += 1;
    }
    starts
};

use Tail::{Alnum, Any, Base64, Dotted, Hex, Upper, Word};

/// By first letter.
pub(super) const VENDORS: &[Vendor] = &[
    // Amazon: access key ids, Bedrock.
    v("A3T", Upper, 17),
    v("AKIA", Upper, 16),
    v("ASIA", Upper, 16),
    v("ABIA", Upper, 16),
    v("ACCA", Upper, 16),
    v("AGPA", Upper, 16),
    v("AIDA", Upper, 16),
    v("AROA", Upper, 16),
    v("AIPA", Upper, 16),
    v("ANPA", Upper, 16),
    v("ANVA", Upper, 16),
    v("ABSK", Base64, 60),
    v("bedrock-api-key-", Base64, 20),
    v("amzn.mws.", Word, 30),
    v("amzn1.oa2-cs.v1.", Alnum, 40),
    // 1Password, age, Adobe, Alibaba, Airtable, Anthropic, Artifactory, Atlassian, Authress, Azure.
    v("A3-", Word, 28),
    v("ops_eyJ", Base64, 40),
    v("AGE-SECRET-KEY-1", Upper, 40),
    v("p8e-", Alnum, 32),
    v("p8e_", Alnum, 32),
    v("LTAI", Alnum, 16),
    v("sk-ant-", Word, 20),
    v("AKCp", Alnum, 50),
    v("cmVmd", Alnum, 50),
    v("ATATT", Any, 40),
    v("ATCTT3", Any, 40),
    v("ATBB", Alnum, 28),
    v("BBDC-", Base64, 40),
    v("AVNS_", Word, 18),
    v("sc_", Dotted, 60),
    v("ext_", Dotted, 60),
    v("scauth_", Dotted, 60),
    v("authress_", Dotted, 60),
    v("AAAAAAAAAAAAAAAAAAAAA", Any, 40),
    // ClickHouse, Clojars, Cloudflare, Contentful, Databricks, DigitalOcean, Docker, Doppler,
    // Dropbox, Duffel, Dynatrace.
    v("4b1d", Alnum, 38),
    v("CLOJARS_", Alnum, 50),
    v("clojars_", Alnum, 50),
    v("v1.0-", Word, 100),
    v("CFPAT-", Word, 40),
    v("dapi", Word, 32),
    v("dop_v1_", Hex, 60),
    v("doo_v1_", Hex, 60),
    v("dor_v1_", Hex, 60),
    v("dckr_pat_", Word, 20),
    v("dckr_oat_", Word, 20),
    v("dp.pt.", Alnum, 40),
    v("dp.st.", Dotted, 40),
    v("dp.ct.", Alnum, 40),
    v("dp.sa.", Alnum, 40),
    v("dp.scim.", Alnum, 40),
    v("dp.audit.", Alnum, 40),
    v("sl.", Word, 60),
    v("duffel_test_", Base64, 40),
    v("duffel_live_", Base64, 40),
    v("dt0c01.", Dotted, 60),
    v("dt0s01.", Dotted, 60),
    v("dt0s16.", Dotted, 60),
    v("dnkey-", Word, 60),
    v("drone_", Alnum, 30),
    // EasyPost, Facebook, Figma, Flutterwave, Fly, Frame.io, Freemius.
    v("EZAK", Alnum, 50),
    v("EZTK", Alnum, 50),
    v("EAAM", Alnum, 60),
    v("EAAC", Alnum, 60),
    v("EAAB", Alnum, 60),
    v("EAAG", Alnum, 60),
    v("EAAJ", Alnum, 60),
    v("EAAA", Word, 22),
    v("figd_", Word, 30),
    v("FLWSECK_TEST-", Word, 12),
    v("FLWSECK-", Word, 12),
    v("FLWPUBK_TEST-", Word, 12),
    v("FLWPUBK-", Word, 12),
    v("fo1_", Word, 40),
    v("fm1r_", Base64, 60),
    v("fm1a_", Base64, 60),
    v("fm2_", Base64, 60),
    v("FlyV1", Base64, 40),
    v("fio-u-", Base64, 50),
    // GitHub, GitLab, Google, GoCardless, Grafana, Groq.
    v("ghp_", Alnum, 30),
    v("gho_", Alnum, 30),
    v("ghu_", Alnum, 30),
    v("ghs_", Alnum, 30),
    v("ghr_", Alnum, 30),
    v("github_pat_", Word, 40),
    v("glpat-", Dotted, 20),
    v("glptt-", Word, 36),
    v("gldt-", Word, 20),
    v("glrt-", Dotted, 20),
    v("glrtr-", Dotted, 20),
    v("glcbt-", Word, 20),
    v("glft-", Word, 20),
    v("glimt-", Word, 20),
    v("glagent-", Word, 40),
    v("gloas-", Word, 40),
    v("glsoat-", Word, 20),
    v("glffct-", Word, 20),
    v("GR1348941", Word, 20),
    v("AIza", Word, 30),
    v("GOCSPX-", Word, 24),
    v("ya29.", Dotted, 30),
    v("1//0", Word, 30),
    v("AQ.Ab8", Word, 30),
    v("gsk_", Alnum, 40),
    v("glc_", Base64, 32),
    v("glsa_", Word, 36),
    v("eyJrIjoi", Base64, 60),
    v("live_", Base64, 40),
    // Harness, HashiCorp, Heroku, Hugging Face, Infracost, Intra42, JFrog.
    v("pat.", Dotted, 60),
    v("sat.", Dotted, 60),
    v("hvs.", Word, 24),
    v("hvb.", Word, 24),
    v("hvr.", Word, 24),
    v("s.", Alnum, 24),
    v("b.AAAAAQ", Word, 40),
    v("HRKU-AA", Word, 50),
    v("HRKU-", Word, 36),
    v("hf_", Alnum, 30),
    v("api_org_", Alnum, 30),
    v("ico-", Alnum, 32),
    v("dG9rOi", Base64, 40),
    v("s-s4t2ud-", Hex, 60),
    v("s-s4t2af-", Hex, 60),
    // Kubernetes bootstrap has no prefix. LaunchDarkly, Linear, Lob, Mailgun, Mapbox, Mattermost.
    v("api-", Word, 36),
    v("sdk-", Word, 36),
    v("mob-", Word, 36),
    v("lin_api_", Alnum, 30),
    v("lin_oauth_", Alnum, 30),
    v("test_pub_", Hex, 30),
    v("live_pub_", Hex, 30),
    v("live_", Hex, 35),
    v("test_", Hex, 35),
    v("key-", Hex, 32),
    v("pubkey-", Hex, 32),
    v("pk.eyJ", Dotted, 40),
    v("sk.eyJ", Dotted, 40),
    v("tk.eyJ", Dotted, 40),
    // Netlify, New Relic, Notion, npm, NuGet, Octopus, OpenAI, OpenRouter, OpenShift.
    v("nfp_", Alnum, 30),
    v("nfc_", Alnum, 30),
    v("nfo_", Alnum, 30),
    v("NRAK-", Alnum, 25),
    v("NRII-", Word, 30),
    v("NRJS-", Hex, 18),
    v("NRIQ-", Word, 24),
    v("NRRA-", Hex, 40),
    v("NRSP-", Word, 24),
    v("ntn_", Alnum, 40),
    v("secret_", Alnum, 40),
    v("npm_", Alnum, 30),
    v("oy2", Alnum, 43),
    v("API-", Upper, 26),
    v("sk-proj-", Word, 20),
    v("sk-svcacct-", Word, 20),
    v("sk-admin-", Word, 20),
    v("sk-None-", Word, 20),
    v("sk-or-v1-", Hex, 40),
    v("sk-lf-", Word, 30),
    v("pk-lf-", Word, 30),
    v("sk-", Alnum, 32),
    v("sess-", Alnum, 36),
    v("sha256~", Word, 40),
    // Perplexity, PlanetScale, Postman, Prefect, Pulumi, PyPI, Pydantic Logfire, ReadMe, Replicate,
    // RubyGems.
    v("pplx-", Alnum, 40),
    v("pscale_tkn_", Any, 30),
    v("pscale_oauth_", Any, 30),
    v("pscale_pw_", Any, 30),
    v("PMAK-", Word, 50),
    v("PMAT-", Alnum, 24),
    v("pnu_", Alnum, 36),
    v("pnb_", Alnum, 36),
    v("pul-", Hex, 40),
    v("pypi-AgEI", Word, 40),
    v("pypi-AgEN", Word, 40),
    v("pylf_", Word, 20),
    v("rdme_", Alnum, 60),
    v("r8_", Alnum, 36),
    v("rubygems_", Hex, 40),
    v("phc_", Alnum, 40),
    v("phx_", Alnum, 40),
    v("phs_", Alnum, 40),
    // Plaid, Scalingo, SendGrid, Sendinblue, Sentry, Shippo, Shopify, Slack, Sonar, Sourcegraph,
    // Square, Stripe, Supabase.
    v("access-sandbox-", Word, 36),
    v("access-development-", Word, 36),
    v("access-production-", Word, 36),
    v("tk-us-", Word, 40),
    v("SG.", Any, 40),
    v("xkeysib-", Word, 70),
    v("xsmtpsib-", Word, 70),
    v("sntrys_", Base64, 40),
    v("sntryu_", Hex, 60),
    v("sntryi_", Word, 40),
    v("shippo_live_", Hex, 38),
    v("shippo_test_", Hex, 38),
    v("shpat_", Alnum, 30),
    v("shpca_", Alnum, 30),
    v("shppa_", Alnum, 30),
    v("shpss_", Alnum, 30),
    v("shptka_", Alnum, 30),
    v("xoxb-", Word, 14),
    v("xoxp-", Word, 14),
    v("xoxa-", Word, 8),
    v("xoxr-", Word, 8),
    v("xoxs-", Word, 10),
    v("xoxo-", Word, 10),
    v("xoxc-", Word, 20),
    v("xoxd-", Any, 20),
    v("xoxe-", Word, 20),
    v("xoxe.xox", Word, 20),
    v("xapp-", Word, 20),
    v("xwfp-", Word, 20),
    v("squ_", Hex, 36),
    v("sqp_", Hex, 36),
    v("sqa_", Hex, 36),
    v("sqb_", Hex, 36),
    v("sgp_", Word, 36),
    v("slk_", Hex, 60),
    v("sgd_", Hex, 60),
    v("sq0atp-", Word, 20),
    v("sq0csp-", Word, 20),
    v("sq0idp-", Word, 20),
    v("sk_test_", Alnum, 10),
    v("sk_live_", Alnum, 10),
    v("sk_prod_", Alnum, 10),
    v("rk_test_", Alnum, 10),
    v("rk_live_", Alnum, 10),
    v("rk_prod_", Alnum, 10),
    v("whsec_", Base64, 20),
    v("pk_live_", Alnum, 20),
    v("pk_test_", Alnum, 20),
    v("sbp_", Hex, 36),
    v("sb_secret_", Word, 20),
    // SettleMint, Tailscale, Telegram has no prefix, Terraform, Travis, Twilio, Typeform, Vercel,
    // Weights & Biases, xAI, Yandex.
    v("sm_aat_", Alnum, 16),
    v("sm_pat_", Alnum, 16),
    v("sm_sat_", Alnum, 16),
    v("tskey-", Word, 20),
    v("SK", Hex, 32),
    v("tfp_", Any, 40),
    v("vercel_", Alnum, 24),
    v("vcp_", Alnum, 24),
    v("vci_", Alnum, 24),
    v("vck_", Alnum, 24),
    v("vcr_", Alnum, 24),
    v("vca_", Alnum, 24),
    v("cfat_", Alnum, 40),
    v("cfut_", Alnum, 40),
    v("cfk_", Alnum, 40),
    v("xai-", Alnum, 60),
    v("t1.", Any, 80),
    v("AQVN", Word, 34),
    v("YCA", Word, 36),
    v("YCN", Word, 36),
    v("YCM", Word, 36),
    v("y0_", Word, 50),
    v("nvapi-", Word, 40),
    v("ctx7sk-", Word, 30),
    v("jina_", Alnum, 50),
    v("tgp_v1_", Word, 40),
    v("fw_", Alnum, 22),
    v("lsv2_", Word, 36),
    v("ls__", Alnum, 30),
    v("pcsk_", Word, 40),
    v("pckey_", Word, 30),
    v("cio_", Alnum, 30),
    v("cal_live_", Alnum, 20),
    v("cal_test_", Alnum, 20),
    v("re_", Word, 28),
    v("rnd_", Alnum, 28),
    v("rpa_", Alnum, 36),
    v("ctp_", Alnum, 36),
    v("cra_", Alnum, 36),
    v("fc-", Hex, 32),
    v("tvly-", Word, 28),
    v("CCIPAT_", Word, 40),
    v("CCIPRJ_", Word, 40),
    v("bkua_", Hex, 36),
    v("ddp_", Alnum, 36),
    v("ddapp_", Alnum, 30),
    v("hcaik_", Word, 40),
    v("pat-na1-", Word, 36),
    v("pat-eu1-", Word, 36),
    v("napi_", Alnum, 40),
    v("neon_", Alnum, 40),
    v("tr_dev_", Alnum, 20),
    v("tr_prod_", Alnum, 20),
    v("zpka_", Word, 40),
    v("tok_live_", Alnum, 16),
    // Extended keys of wallets.
    v("xprv", Alnum, 100),
    v("yprv", Alnum, 100),
    v("zprv", Alnum, 100),
];
