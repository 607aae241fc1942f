//! Known devices: values, and what a client is recognised by.

use crate::auth::DeviceName;
use crate::known_device::{ClientDevice, DeviceId, KnownDevice, LoginOrigin};
use crate::login_throttle::ClientAddress;
use crate::testing::user;

const SECRET: &str = "k3eTheSecret-0123456789";

#[test]
fn a_device_id_has_16_to_128_visible_ascii_characters() {
    for text in ["0123456789abcdef", "~!@#$%^&*()_+-=;", &"x".repeat(128)] {
        assert_eq!(DeviceId::parse(text).unwrap().expose(), text);
    }
    for text in [
        "",
        "0123456789abcde",
        &"x".repeat(129),
        "0123456789 abcdef",
        "0123456789abcdef\n",
        "雁".repeat(16).as_str(),
    ] {
        assert!(DeviceId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_client_is_recognised_by_its_device_before_its_address() {
    let (id, address) = (DeviceId::parse(SECRET).unwrap(), ClientAddress::new([192, 0, 2, 7].into()));
    let client = |id, address| ClientDevice { name: DeviceName::default(), id, address }.origins();
    let (by_device, by_address) = (LoginOrigin::Device(id.clone()), LoginOrigin::Address(address.unwrap()));
    assert_eq!(client(Some(id.clone()), address), [by_device.clone(), by_address.clone()]);
    assert_eq!(client(Some(id), None), [by_device]);
    assert_eq!(client(None, address), [by_address]);
    assert_eq!(client(None, None), []);
}

#[test]
fn a_device_id_does_not_reach_the_log() {
    let origin = LoginOrigin::Device(DeviceId::parse(SECRET).unwrap());
    let shown = format!("{:?}", KnownDevice { user_id: user(1), origin });
    assert_eq!(shown, format!("KnownDevice({}, DeviceId(…))", user(1)));
}
