//! Addresses whose path is a password: whoever knows it may post.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::catalog::Rule;
use super::scan::Scan;
use super::steps::steps;

impl Scan<'_> {
    /// The path of a webhook's address is its password.
    pub(super) fn webhook(&mut self, start: usize, end: usize) -> bool {
        let b = self.b;
        if start == 0 || !matches!(b[start - 1], b'/' | b'=' | b'@' | b':') {
            return false;
        }
        let floor = start.saturating_sub(MAX_HOST_BYTES);
        if !HOOK_HINTS
            .iter()
            .any(|hint| hint.find(&b[floor..start]).is_some())
        {
            return false;
        }
        let from = floor
            + b[floor..start]
                .iter()
                .rposition(|c| matches!(c, 0..=b' ' | b'"' | b'\'' | b'<' | b'>' | b'('))
                .map_or(0, |p| p + 1);
        let url = &b[from..start];
        let Some(path) = WEBHOOKS.iter().find_map(|host| {
            memchr::memmem::find(url, host.as_bytes()).map(|p| from + p + host.len())
        }) else {
            return false;
        };
        // In the query of another address, or of a form, `&` begins what is no part of it.
        let mut has_query = b[path..end].contains(&b'?');
        // A column follows behind `|`, unless it is as long as the rest of a password.
        let column = memchr::memchr(b'|', &b[end..b.len().min(end + MAX_PATH_BYTES)]);
        let whole = column.is_some_and(|column| {
            let part = b[end + column + 1..].iter().take(MIN_REST_BYTES);
            part.take_while(|c| c.is_ascii_alphanumeric()).count() == MIN_REST_BYTES
        });
        let rest = b[end..]
            .iter()
            .take(MAX_PATH_BYTES)
            .take_while(|c| {
                has_query |= **c == b'?';
                !matches!(
                    c,
                    0..=b' ' | b'"' | b'\'' | b'<' | b'>' | b')' | b',' | b'`' | b'\\'
                ) && (**c != b'|' || whole)
                    && (**c != b'&' || has_query)
            })
            .count();
        steps(rest);
        self.push(path, end + rest, Rule::Webhook);
        true
    }
}

/// No password in an address is longer.
const MAX_PATH_BYTES: usize = 1024;

/// What stands behind a `|` and is part of one is no shorter.
const MIN_REST_BYTES: usize = 16;

/// How far before the secret part of an address its host may begin.
const MAX_HOST_BYTES: usize = 160;

/// One of these is in every address below.
static HOOK_HINTS: LazyLock<[Finder<'static>; 4]> =
    LazyLock::new(|| ["hook", "bot", "/v1/spaces/", "/with/key"].map(Finder::new));

const WEBHOOKS: &[&str] = &[
    "hooks.slack.com/services/",
    "hooks.slack.com/workflows/",
    "hooks.slack.com/triggers/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    ".webhook.office.com/",
    "outlook.office.com/webhook/",
    "hooks.zapier.com/hooks/",
    "chat.googleapis.com/v1/spaces/",
    "api.telegram.org/bot",
    "open.feishu.cn/open-apis/bot/",
    "oapi.dingtalk.com/robot/",
    "qyapi.weixin.qq.com/cgi-bin/webhook/",
    "hooks.airtable.com/workflows/",
    "discord.com/api/v9/webhooks/",
    "discord.com/api/v10/webhooks/",
    "hook.eu1.make.com/",
    "hook.eu2.make.com/",
    "hook.us1.make.com/",
    "hook.us2.make.com/",
    "hook.integromat.com/",
    "webhook.site/",
    "/with/key/",
    ".rocket.chat/hooks/",
];
