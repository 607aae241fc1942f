//! Configuration audit: settings that are valid and still invite trouble. The server warns of them at the start, and `doctor`
//! lists them.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use domain::account::RegistrationMode;
use secrecy::ExposeSecret;

use crate::config::Settings;

/// A risky setting.
#[derive(Debug)]
pub(crate) struct Risk {
    /// What it is about, in at most eleven letters.
    pub(crate) subject: &'static str,
    /// What can happen and what to do, for a line of `doctor`.
    pub(crate) text: String,
    /// Whether it may well be intended. The start does not warn of it.
    pub(crate) is_note: bool,
}

impl Risk {
    fn warning(subject: &'static str, text: impl Into<String>) -> Self {
        Self { subject, text: text.into(), is_note: false }
    }

    fn note(subject: &'static str, text: impl Into<String>) -> Self {
        Self { subject, text: text.into(), is_note: true }
    }
}

/// All risks of these settings.
pub(crate) fn of(settings: &Settings) -> Vec<Risk> {
    let found =
        [secrets(settings), proxies(settings), passwords(settings), admin(settings), registration(settings)];
    found.into_iter().flatten().chain(quotas(settings)).collect()
}

/// Logs the risks that are hardly intended.
pub(crate) fn warn(settings: &Settings) {
    for Risk { subject, text, .. } in of(settings).into_iter().filter(|risk| !risk.is_note) {
        tracing::warn!(kind = subject, "{text}");
    }
}

fn secrets(settings: &Settings) -> Option<Risk> {
    let signing = &settings.signing;
    let mut secrets = [&signing.secret, &signing.previous].into_iter().flatten();
    let is_weak = secrets.any(|secret| is_guessable(secret.expose_secret()));
    is_weak.then(|| Risk::warning("weak secret", "HONGYAN_JWT_SECRET is guessable; use openssl rand -hex 32"))
}

/// Whether a secret is long only by repetition: few distinct characters, or a short text again and again.
pub(crate) fn is_guessable(secret: &str) -> bool {
    const FEWEST: usize = 8;
    let bytes = secret.as_bytes();
    let distinct: BTreeSet<u8> = bytes.iter().copied().collect();
    let repeats =
        |period: usize| bytes.iter().zip(bytes.iter().skip(period)).all(|(one, other)| one == other);
    distinct.len() < FEWEST || (1..=bytes.len() / 2).any(repeats)
}

fn proxies(settings: &Settings) -> Option<Risk> {
    let text = "HONGYAN_TRUSTED_PROXIES trusts all: name your proxies only";
    settings.trusted_proxies.trusts_everyone().then(|| Risk::warning("proxies", text))
}

fn passwords(settings: &Settings) -> Option<Risk> {
    let cost = settings.bcrypt_cost;
    let text = format!("HONGYAN_BCRYPT_COST is below 10 ({cost}): cheap to crack");
    (cost < 10).then(|| Risk::warning("passwords", text))
}

fn admin(settings: &Settings) -> Option<Risk> {
    let open = settings.admin_bind.filter(|address| is_public(*address))?;
    Some(Risk::warning("admin", format!("{open} has no password: use 127.0.0.1")))
}

fn registration(settings: &Settings) -> Option<Risk> {
    let text = format!("open to all who reach {}", settings.bind);
    let is_open = settings.rules.registration == RegistrationMode::Open;
    (is_open && is_public(settings.bind)).then(|| Risk::note("registering", text))
}

fn is_public(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

fn quotas(settings: &Settings) -> Option<Risk> {
    let rules = &settings.rules;
    let off: Vec<&str> = [
        ("messages", rules.sending.messages.is_none()),
        ("kilobytes", rules.sending.bytes.is_none()),
        ("requests", rules.requests.per_day.is_none()),
        ("lookups", rules.lookups.is_none()),
        ("uid changes", rules.uid_changes.quota.is_none()),
        ("registrations", rules.registrations.is_none()),
        ("refusals", rules.refusals.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, is_off)| is_off.then_some(name))
    .collect();
    match off.len() {
        0 => None,
        1..=4 => Some(Risk::note("quotas", format!("no limit of {}", off.join(", ")))),
        many => Some(Risk::note("quotas", format!("{many} are off: one account can take all"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    fn risks(options: Options) -> Vec<&'static str> {
        let settings = Settings::for_tools(options).unwrap();
        of(&settings).iter().map(|risk| risk.subject).collect()
    }

    fn options() -> Options {
        Options::default()
    }

    #[test]
    fn the_defaults_are_no_risk() {
        assert_eq!(risks(options()), Vec::<&str>::new());
    }

    #[test]
    fn each_risky_setting_is_named() {
        let secret = |text: &str| Options { jwt_secret: Some(text.into()), ..options() };
        let proxies =
            |network: &str| Options { trusted_proxies: Some(vec![network.to_owned()]), ..options() };
        for (risky, subject) in [
            (secret(&"x".repeat(64)), "weak secret"),
            (Options { jwt_previous_secret: Some("ab".repeat(40).into()), ..options() }, "weak secret"),
            (proxies("0.0.0.0/0"), "proxies"),
            (proxies("::/0"), "proxies"),
            (Options { bcrypt_cost: Some(9), ..options() }, "passwords"),
            (Options { admin_bind: Some("0.0.0.0:9090".parse().unwrap()), ..options() }, "admin"),
            (Options { bind: Some("[::]:8080".parse().unwrap()), ..options() }, "registering"),
            (Options { quota_lookups_per_minute: Some(0), ..options() }, "quotas"),
        ] {
            assert_eq!(risks(risky), [subject]);
        }
        assert_eq!(risks(proxies("10.0.0.0/8")), Vec::<&str>::new());
    }

    #[test]
    fn a_secret_that_only_repeats_itself_is_guessable() {
        for weak in ["x".repeat(32), "ab".repeat(16), "password-".repeat(4), "0123456789".repeat(4)] {
            assert!(is_guessable(&weak), "{weak}");
        }
        for _ in 0..100 {
            assert!(!is_guessable(crate::secret::generate().unwrap().expose_secret()));
        }
        assert!(!is_guessable("correct horse battery staple, and more"));
    }
}
