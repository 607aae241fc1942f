//! What a login is recognised by.

use std::fmt;
use std::time::Duration;

use crate::auth::DeviceName;
use crate::error::{InvalidValue, Rule};
use crate::id::UserId;
use crate::login_throttle::ClientAddress;

/// How long a device is known after the last login from it. Longer than a session lives by default, so that one login per
/// session is enough.
pub const KNOWN_FOR: Duration = Duration::from_hours(2880);

/// A device's own identifier, a secret that the client generates once and keeps: 16 to 128 visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceId(String);

impl DeviceId {
    const MIN: usize = 16;
    const MAX: usize = 128;

    /// Parses an identifier that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`] or [`Rule::Characters`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if !(Self::MIN..=Self::MAX).contains(&text.chars().count()) {
            return Err(InvalidValue::new(Rule::Length { min: Self::MIN, max: Self::MAX }));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidValue::new(Rule::Characters));
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceId(…)")
    }
}

/// Where a login comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum LoginOrigin {
    /// A device that proves itself by its identifier.
    Device(DeviceId),
    /// A network address.
    Address(ClientAddress),
}

impl fmt::Debug for LoginOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => id.fmt(f),
            Self::Address(address) => write!(f, "Address({})", address.get()),
        }
    }
}

/// An origin from which the account has logged in lately.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// The account.
    pub user_id: UserId,
    /// The origin.
    pub origin: LoginOrigin,
}

impl fmt::Debug for KnownDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownDevice({}, {:?})", self.user_id, self.origin)
    }
}

/// The client of a login or a registration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientDevice {
    /// The device name of the new session.
    pub name: DeviceName,
    /// The device's own identifier, if it sent one.
    pub id: Option<DeviceId>,
    /// The client's network address, if it distinguishes clients.
    pub address: Option<ClientAddress>,
}

impl ClientDevice {
    /// The origins by which the client can be recognised, the most specific first.
    #[must_use]
    pub fn origins(&self) -> Vec<LoginOrigin> {
        let device = self.id.clone().map(LoginOrigin::Device);
        device.into_iter().chain(self.address.map(LoginOrigin::Address)).collect()
    }
}
