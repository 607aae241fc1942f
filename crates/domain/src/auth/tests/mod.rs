mod access;
mod audit;
mod known_devices;
mod login;
mod passwords;
mod refresh;
mod rotation;
mod sessions;
mod strangers;
mod values;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mockall::predicate::eq;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{
    AccessClaims, Caller, Generation, IssuedTokens, MockEndedSessions, MockSessionRepository, MockTokenCodec,
    RefreshClaims, Session, SessionError, SessionPorts, SessionService, TokenLifetimes,
};
use crate::account::{
    MockPasswordHasher, MockPasswordUpgrades, MockUserRepository, Nickname, PhoneNumber, Uid, User,
};
use crate::audit::{AuditLog, AuditRecord};
use crate::clock::Clock;
use crate::error::{ErrorKind, PortError};
use crate::id::SessionId;
use crate::known_device::MockKnownDevices;
use crate::login_throttle::{AttemptAdmission, AttemptResult, MockLoginThrottle, ThrottleKey};
use crate::testing::{FixedClock, assert_catalogue, at, user};

const SESSION: SessionId = SessionId::from_uuid(Uuid::from_u128(66));
const CALLER: Caller = Caller { user_id: user(1), session_id: SESSION };
/// The local clock; the database's may differ.
const NOW: i64 = 1000;
const ACCESS: Duration = Duration::from_secs(600);
/// The remaining lifetime of an access token signed at 998.
pub(crate) const LEFT: Duration = Duration::from_secs(598);
const LIFETIMES: TokenLifetimes = TokenLifetimes {
    access: ACCESS,
    refresh: Duration::from_secs(604_800),
    session_max: Duration::from_secs(7_776_000),
    reuse_grace: Duration::from_secs(10),
};

/// The records that a test has caused.
#[derive(Clone, Default)]
pub(crate) struct Audited(Arc<Mutex<Vec<AuditRecord>>>);

impl Audited {
    pub(crate) fn records(&self) -> Vec<AuditRecord> {
        self.0.lock().unwrap().clone()
    }
}

impl AuditLog for Audited {
    fn record(&self, record: AuditRecord) {
        self.0.lock().unwrap().push(record);
    }
}

/// Mocks of all ports. They refuse calls that a test does not expect.
#[derive(Default)]
pub(crate) struct World {
    users: MockUserRepository,
    sessions: MockSessionRepository,
    throttle: MockLoginThrottle,
    pub(crate) known_devices: MockKnownDevices,
    hasher: MockPasswordHasher,
    upgrades: MockPasswordUpgrades,
    audited: Audited,
    pub(crate) tokens: MockTokenCodec,
    ended: MockEndedSessions,
}

impl World {
    /// A world in which the hasher has capacity.
    fn admitting() -> Self {
        let mut world = Self::default();
        world.hasher.expect_check_capacity().once().returning(|_| Ok(()));
        world
    }

    pub(crate) fn service(self) -> SessionService {
        self.service_with(LIFETIMES)
    }

    fn service_with(self, lifetimes: TokenLifetimes) -> SessionService {
        self.service_by(FixedClock(at(NOW)), lifetimes)
    }

    fn service_by(mut self, clock: impl Clock + 'static, lifetimes: TokenLifetimes) -> SessionService {
        // A test that expects upgrades has added its own expectation first.
        self.upgrades.expect_upgrade().returning(|_| ());
        let ports = SessionPorts {
            users: Arc::new(self.users),
            sessions: Arc::new(self.sessions),
            throttle: Arc::new(self.throttle),
            known_devices: Arc::new(self.known_devices),
            hasher: Arc::new(self.hasher),
            upgrades: Arc::new(self.upgrades),
            audit: Arc::new(self.audited),
            tokens: Arc::new(self.tokens),
            ended: Arc::new(self.ended),
            clock: Arc::new(clock),
        };
        SessionService::new(ports, lifetimes)
    }

    /// Expects exactly one pair of tokens to be signed, with these times.
    pub(crate) fn expect_tokens_of(
        &mut self,
        session: &Session,
        access_expires: i64,
        refresh_expires: DateTime<Utc>,
    ) {
        let access = AccessClaims {
            user_id: session.user_id,
            session_id: session.id,
            issued_at: session.refreshed_at,
            expires_at: at(access_expires),
        };
        let refresh = RefreshClaims {
            user_id: session.user_id,
            session_id: session.id,
            generation: session.generation,
            issued_at: session.refreshed_at,
            expires_at: refresh_expires,
        };
        self.tokens.expect_sign_access().with(eq(access)).once().returning(|_| Ok("access".into()));
        self.tokens.expect_sign_refresh().with(eq(refresh)).once().returning(|_| Ok("refresh".into()));
    }

    /// Expects one attempt to be counted under exactly these keys, and to be released or not.
    fn expect_attempt(&mut self, keys: Vec<ThrottleKey>, released: Option<AttemptResult>) {
        self.hasher.expect_check_capacity().once().returning(|_| Ok(()));
        let expected = self.throttle.expect_count();
        let counted = keys.clone();
        expected.withf(move |keys| keys == counted).once().returning(|_| Ok(AttemptAdmission::Admitted));
        if let Some(result) = released {
            let expected = self.throttle.expect_release();
            expected.withf(move |taken, how| taken == keys && *how == result).once().returning(|_, _| Ok(()));
        }
    }
}

pub(crate) fn session() -> Session {
    Session {
        id: SESSION,
        user_id: user(1),
        generation: Generation::FIRST,
        refreshed_at: at(998),
        created_at: at(998),
    }
}

pub(crate) fn goose() -> User {
    User {
        id: user(1),
        uid: uid("Goose_1"),
        name: Nickname::parse("雁").unwrap(),
        phone_number: Some(PhoneNumber::parse("13800138000").unwrap()),
        created_at: at(998),
    }
}

pub(crate) fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

#[track_caller]
pub(crate) fn assert_issued(tokens: &IssuedTokens, expires_in: Duration) {
    let shown = (tokens.access.expose_secret(), tokens.refresh.expose_secret(), tokens.expires_in);
    assert_eq!(shown, ("access", "refresh", expires_in));
}

pub(crate) fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

#[test]
fn every_refusal_has_its_class_and_its_name() {
    assert_catalogue([
        (SessionError::InvalidCredentials, ErrorKind::Unauthenticated, "invalid_credentials"),
        (SessionError::InvalidToken, ErrorKind::Unauthenticated, "invalid_token"),
        (SessionError::TokenExpired, ErrorKind::Unauthenticated, "token_expired"),
        (SessionError::SessionEnded, ErrorKind::Unauthenticated, "session_ended"),
        (SessionError::RefreshTokenReused, ErrorKind::Conflict, "refresh_token_reused"),
        (
            SessionError::TooManyAttempts(Duration::from_secs(5)),
            ErrorKind::Throttled { retry_after: Duration::from_secs(5) },
            "too_many_attempts",
        ),
        (SessionError::PasswordIsIdentity, ErrorKind::Invalid, "invalid_field"),
        (SessionError::UnknownSession, ErrorKind::Invalid, "unknown_session"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}
