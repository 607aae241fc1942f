use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::eq;
use pollster::block_on;

use super::{Invite, InviteCode, InviteError, InviteService, InviteTerms, MockInviteRepository};
use crate::account::MockRandomSource;
use crate::error::{ErrorKind, PortError};
use crate::testing::{assert_catalogue, assert_fault, at, fault, refusal};

const CODE: &str = "abcdefghijkmnpqrstuv";

fn terms() -> InviteTerms {
    InviteTerms { uses: NonZeroU32::new(3).unwrap(), lifetime: Duration::from_secs(86_400) }
}

fn invite() -> Invite {
    Invite {
        id: "abcde".to_owned(),
        uses: 3,
        used: 0,
        created_at: at(0),
        expires_at: at(86_400),
        is_open: true,
    }
}

fn service(prepare: impl FnOnce(&mut MockInviteRepository, &mut MockRandomSource)) -> InviteService {
    let (mut invites, mut random) = (MockInviteRepository::new(), MockRandomSource::new());
    prepare(&mut invites, &mut random);
    InviteService::new(Arc::new(invites), Arc::new(random))
}

#[test]
fn every_refusal_has_its_class_and_its_name() {
    assert_catalogue([
        (InviteError::Unknown, ErrorKind::Invalid, "invite_unknown"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn hyphens_white_space_and_case_of_a_code_do_not_matter() {
    for typed in [CODE, "abcde-fghij-kmnpq-rstuv", " ABCDE fghij KMNPQ\u{3000}rstuv\n", &CODE.to_uppercase()]
    {
        let code = InviteCode::parse(typed).unwrap();
        assert_eq!((code.expose(), code.id()), (CODE, "abcde"));
        assert_eq!(code.grouped(), "abcde-fghij-kmnpq-rstuv");
    }
    let (short, long, other) = (&CODE[1..], format!("{CODE}a"), CODE.replace('a', "0"));
    for typed in ["", short, &long, &other, "雁雁雁雁雁", &"-".repeat(10_000)] {
        assert!(InviteCode::parse(typed).is_none(), "{typed}");
    }
    let padded = format!("{CODE}{}", "-".repeat(60));
    assert!(InviteCode::parse(&padded).is_some() && InviteCode::parse(&format!("{padded}-")).is_none());
    assert_eq!(format!("{:?}", InviteCode::parse(CODE).unwrap()), "InviteCode(…)");
}

#[test]
fn a_generated_code_is_a_valid_code() {
    let code = InviteCode::from_random([[7; 16], [255; 16]]);
    assert_eq!(InviteCode::parse(&code.grouped()).unwrap().expose(), code.expose());
    assert_ne!(code.expose(), InviteCode::from_random([[7; 16], [254; 16]]).expose());
}

#[test]
fn an_id_that_is_taken_is_generated_again() {
    let service = service(|invites, random| {
        let mut number = 0_u8;
        random.expect_bytes().times(4).returning(move || {
            number += 1;
            Ok([number; 16])
        });
        let mut found = [Some(invite()), None].into_iter().collect::<Vec<_>>();
        invites.expect_create().times(2).returning(move |_, _| Ok(found.pop().unwrap()));
    });
    let (code, created) = block_on(service.create(terms())).unwrap();
    assert_eq!((code.id(), created), ("ddddd", invite()));
}

#[test]
fn an_invite_is_revoked_by_its_id_or_its_code() {
    for (typed, found, expected) in [
        ("abcde", true, None),
        ("abcde-fghij-kmnpq-rstuv", true, None),
        ("abcde", false, Some("invite_unknown")),
    ] {
        let service = service(|invites, _| {
            invites.expect_revoke().with(eq("abcde")).once().returning(move |_| Ok(found));
        });
        assert_eq!(refusal(block_on(service.revoke(typed))), expected);
    }
}

#[test]
fn a_port_error_is_passed_on() {
    let service = service(|invites, random| {
        random.expect_bytes().returning(|| Ok([0; 16]));
        invites.expect_create().returning(|_, _| Err(fault()));
        invites.expect_list().returning(|| Err(fault()));
        invites.expect_revoke().returning(|_| Err(fault()));
    });
    assert_fault(block_on(service.create(terms())));
    assert_fault(block_on(service.list()));
    assert_fault(block_on(service.revoke("abcde")));
}
