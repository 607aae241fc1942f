//! The client of a login: its device name, the device's own identifier, and its address.

use std::future::ready;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderValue, USER_AGENT};
use actix_web::{FromRequest, HttpRequest};
use domain::auth::DeviceName;
use domain::error::{InvalidValue, Rule};
use domain::known_device::{ClientDevice, DeviceId};
use futures_util::future::Either;

use super::address;
use super::auth::{NearlyReady, app_data};
use crate::admission::{Bulkheads, RequestArrival, RequestPermit, Requester};
use crate::response::error::ApiError;
use crate::response::invalid_field::{AtField, InvalidField};

/// The client of a login or a registration. An address that distinguishes clients is admitted: the handler holds one of its places
/// among the requests in flight.
pub(crate) struct Device(
    pub(crate) ClientDevice,
    #[expect(dead_code, reason = "it is held until the handler ends")] Option<RequestPermit>,
);

impl Device {
    /// The header in which a device sends its own identifier.
    pub(crate) const ID_HEADER: &'static str = "Device-Id";
}

impl FromRequest for Device {
    type Error = ApiError;
    type Future = NearlyReady<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = client(request).and_then(|client| Ok((arrival(request, &client)?, client)));
        match found {
            Ok((None, client)) => Either::Left(ready(Ok(Self(client, None)))),
            Ok((Some(RequestArrival::Admitted(permit)), client)) => {
                Either::Left(ready(Ok(Self(client, Some(permit)))))
            }
            Ok((Some(arrival), client)) => {
                Either::Right(Box::pin(async move { Ok(Self(client, Some(arrival.permit().await?))) }))
            }
            Err(error) => Either::Left(ready(Err(error))),
        }
    }
}

fn client(request: &HttpRequest) -> Result<ClientDevice, ApiError> {
    Ok(ClientDevice { id: id(request)?, name: name(request), address: address::of(request) })
}

/// The arrival of the client's address; `None` if it has none that distinguishes clients.
fn arrival(request: &HttpRequest, client: &ClientDevice) -> Result<Option<RequestArrival>, ApiError> {
    let Some(address) = client.address else { return Ok(None) };
    Ok(Some(app_data::<Bulkheads>(request)?.request(Requester::Address(address))))
}

/// The device name, from the `User-Agent` header.
fn name(request: &HttpRequest) -> DeviceName {
    // Headers are bytes; what is not UTF-8 is dropped, and the rest is kept.
    let bytes = request.headers().get(USER_AGENT).map_or(&[][..], HeaderValue::as_bytes);
    let text = String::from_utf8_lossy(bytes).replace(char::REPLACEMENT_CHARACTER, "");
    DeviceName::from_user_agent(&text)
}

fn id(request: &HttpRequest) -> Result<Option<DeviceId>, InvalidField> {
    let no_text = |_| InvalidValue::new(Rule::Characters);
    let header = request.headers().get(Device::ID_HEADER);
    let id = header.map(|value| DeviceId::parse(value.to_str().map_err(no_text)?)).transpose();
    id.field(Device::ID_HEADER)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn device(header: &str, value: &[u8]) -> Result<ClientDevice, ApiError> {
        let value = HeaderValue::from_bytes(value).unwrap();
        let request = TestRequest::default().insert_header((header, value)).to_http_request();
        Device::from_request(&request, &mut Payload::None).await.map(|device| device.0)
    }

    #[actix_web::test]
    async fn a_device_name_keeps_what_can_be_read() {
        for (header, name) in [
            (&b"\xe5\xb0\x8f\xe7\xb1\xb3 14 Chat/2.1"[..], "小米 14 Chat/2.1"),
            (b"Phone \xff\xe5 7", "Phone  7"),
            (b"", ""),
        ] {
            assert_eq!(device("User-Agent", header).await.unwrap().name.as_str(), name);
        }
    }

    #[actix_web::test]
    async fn a_device_id_is_optional_but_must_be_a_valid_one() {
        assert_eq!(device("User-Agent", b"x").await.unwrap().id, None);
        let id = device("Device-Id", b"0123456789abcdef").await.unwrap().id;
        assert_eq!(id.unwrap().expose(), "0123456789abcdef");
        for value in [&b"short"[..], b"", "雁雁雁雁雁雁".as_bytes(), b"0123456789 abcdef"] {
            assert_eq!(device("Device-Id", value).await.unwrap_err().name(), "invalid_field");
        }
    }
}
