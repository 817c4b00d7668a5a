//! What the application is asked before a request: is there a network, and which token.
//!
//! The answers are the application's, so a panic in them ends here; and while an answer is no, it
//! is asked for again only every so often.

use std::time::Duration;

use soliplex_sanitize::caught;
use tokio::time::Instant;

use super::{NetworkChecker, TokenProvider};
use crate::exporter::Token;

/// How often an answer that was no is asked for again, unless something is said to have changed.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The application's answers.
pub(super) struct Host {
    network_checker: Option<NetworkChecker>,
    token_provider: Option<TokenProvider>,
    /// Whether the application has said that there is no network.
    offline: bool,
    last: Ready,
    ask_at: Option<Instant>,
}

/// Whether a request can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// With this token, or without one where none is asked for.
    Yes(Option<Token>),
    /// There is no network.
    Offline,
    /// Nobody is logged in: what is stored waits.
    Nobody,
    /// What was given as a token cannot be one.
    NoToken,
}

impl Host {
    pub(super) fn new(
        network_checker: Option<NetworkChecker>,
        token_provider: Option<TokenProvider>,
    ) -> Host {
        Host {
            network_checker,
            token_provider,
            offline: false,
            last: Ready::Yes(None),
            ask_at: None,
        }
    }

    /// Asks, unless the last answer was no a moment ago.
    pub(super) fn ask(&mut self, now: Instant) -> Ready {
        if self.ask_at.is_none_or(|then| then <= now) {
            self.last = self.answer();
            let no = !matches!(self.last, Ready::Yes(_));
            self.ask_at = no.then(|| now + ASK_AGAIN);
        }
        self.last.clone()
    }

    /// The last answer.
    pub(super) fn last(&self) -> &Ready {
        &self.last
    }

    /// The application says, unasked, whether there is a network.
    pub(super) fn set_online(&mut self, online: bool) {
        self.offline = !online;
        self.changed();
        match (online, &self.last) {
            (false, _) => self.last = Ready::Offline,
            (true, Ready::Offline) => self.last = Ready::Yes(None),
            (true, _) => {}
        }
    }

    /// Something may have changed: the next answer is asked for.
    pub(super) fn changed(&mut self) {
        self.ask_at = None;
    }

    fn answer(&self) -> Ready {
        // Either of them may know of something that the other one does not.
        // A checker that panics knows nothing; to try is better than never to send again.
        let is_online = self
            .network_checker
            .as_ref()
            .is_none_or(|checker| guarded(checker).unwrap_or(true));
        if self.offline || !is_online {
            return Ready::Offline;
        }
        match &self.token_provider {
            None => Ready::Yes(None),
            Some(provider) => match guarded(provider).flatten() {
                None => Ready::Nobody,
                Some(text) => {
                    Token::parse(&text).map_or(Ready::NoToken, |token| Ready::Yes(Some(token)))
                }
            },
        }
    }
}

fn guarded<T>(ask: &(impl Fn() -> T + ?Sized)) -> Option<T> {
    caught(ask).ok()
}
