//! Extractors: what handlers read from a request. A failed extraction is an [`ApiError`](crate::response::error::ApiError).

mod address;
mod auth;
mod device;
mod json;
mod number;
mod request;

pub(crate) use address::of as client_address;
pub(crate) use auth::{AuthUser, RefreshToken, UncountedCaller, app_data, bearer, caller_of};
pub(crate) use device::Device;
pub(crate) use json::{Json, MAX_BODY, OptionalJson};
pub(crate) use number::whole_number;
pub(crate) use request::{PathId, Query, RetryKey};
