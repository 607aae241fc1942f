use std::sync::Arc;

use mockall::predicate::eq;
use pollster::block_on;
use secrecy::SecretString;

use super::{
    Account, AccountCursor, AccountDetails, AccountPage, AccountPageRequest, AccountState, AdminError,
    AdminService, MockAdminRepository,
};
use crate::account::{DisplayName, MockPasswordHasher, Nickname, Password, PasswordHash, Uid};
use crate::error::{ErrorKind, PortError};
use crate::testing::{assert_catalogue, assert_fault, at, counted_texts, fault, refusal, user};

fn service(prepare: impl FnOnce(&mut MockAdminRepository, &mut MockPasswordHasher)) -> AdminService {
    let (mut repository, mut hasher) = (MockAdminRepository::new(), MockPasswordHasher::new());
    prepare(&mut repository, &mut hasher);
    AdminService::new(Arc::new(repository), Arc::new(hasher))
}

fn password() -> Password {
    Password::parse(SecretString::from("山高月小 水落石出")).unwrap()
}

fn hash() -> PasswordHash {
    PasswordHash::new("hash".to_owned())
}

fn uid() -> Uid {
    Uid::parse("goose_11").unwrap()
}

#[test]
fn each_error_has_its_class_and_name() {
    assert_catalogue([
        (AdminError::UnknownUser, ErrorKind::Invalid, "unknown_user"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn the_list_passes_on_the_page() {
    let request = AccountPageRequest { after: Some(AccountCursor(user(1))), ..AccountPageRequest::default() };
    let account = Account {
        user_id: user(2),
        uid: None,
        name: DisplayName::Erased,
        state: AccountState::Erased,
        open_sessions: 0,
        created_at: at(0),
    };
    let page = AccountPage { items: vec![account], next: None };
    let service = service(|repository, _| {
        let page = page.clone();
        repository.expect_list().with(eq(request.clone())).once().return_once(|_| Ok(page));
    });
    assert_eq!(block_on(service.list(&request)).unwrap(), page);
}

#[test]
fn an_account_is_shown_in_any_state_and_an_unknown_one_is_refused() {
    let account = Account {
        user_id: user(2),
        uid: None,
        name: DisplayName::Erased,
        state: AccountState::Erased,
        open_sessions: 0,
        created_at: at(0),
    };
    let details = AccountDetails {
        account,
        has_phone_number: false,
        friends: 0,
        last_used_at: None,
        erased_at: Some(at(1)),
        is_being_erased: true,
    };
    for found in [Some(details), None] {
        let expected = found.clone();
        let service = service(|repository, _| {
            repository.expect_details().with(eq(user(2))).once().return_once(|_| Ok(found));
        });
        let shown = block_on(service.details(user(2)));
        match expected {
            Some(expected) => assert_eq!(shown.unwrap(), expected),
            None => assert_eq!(refusal(shown), Some("unknown_user")),
        }
    }
}

#[test]
fn an_account_is_identified_by_its_uid() {
    let known = service(|repository, _| {
        repository.expect_identify().with(eq(uid())).once().returning(|_| Ok(Some(user(3))));
    });
    assert_eq!(block_on(known.identify(&uid())).unwrap(), user(3));
    let unknown = service(|repository, _| {
        repository.expect_identify().returning(|_| Ok(None));
    });
    assert_eq!(refusal(block_on(unknown.identify(&uid()))), Some("unknown_user"));
}

#[test]
fn a_new_password_is_stored_as_its_hash() {
    for (there, expected) in [(true, None), (false, Some("unknown_user"))] {
        let service = service(|repository, hasher| {
            hasher.expect_hash().once().returning(|_, _| Ok(hash()));
            let set = repository
                .expect_set_password()
                .withf(|user_id, new| *user_id == user(2) && new.expose() == hash().expose());
            set.once().returning(move |_, _| Ok(there));
        });
        assert_eq!(refusal(block_on(service.reset_password(user(2), &password()))), expected);
    }
}

#[test]
fn sessions_end_for_one_account_or_for_all() {
    let service = service(|repository, _| {
        repository.expect_end_sessions().with(eq(user(2))).once().returning(|_| Ok(3));
        repository.expect_end_all_sessions().once().returning(|| Ok(8));
    });
    assert_eq!(block_on(service.end_sessions(user(2))).unwrap(), 3);
    assert_eq!(block_on(service.end_all_sessions()).unwrap(), 8);
}

#[test]
fn a_port_error_is_passed_on() {
    let service = service(|repository, hasher| {
        repository.expect_list().returning(|_| Err(fault()));
        repository.expect_identify().returning(|_| Err(fault()));
        repository.expect_details().returning(|_| Err(fault()));
        hasher.expect_hash().once().returning(|_, _| Err(fault()));
        hasher.expect_hash().returning(|_, _| Ok(hash()));
        repository.expect_set_password().returning(|_, _| Err(fault()));
        repository.expect_end_sessions().returning(|_| Err(fault()));
        repository.expect_end_all_sessions().returning(|| Err(fault()));
    });
    assert_fault(block_on(service.list(&AccountPageRequest::default())));
    assert_fault(block_on(service.identify(&uid())));
    assert_fault(block_on(service.details(user(2))));
    assert_fault(block_on(service.reset_password(user(2), &password())));
    assert_fault(block_on(service.reset_password(user(2), &password())));
    assert_fault(block_on(service.end_sessions(user(2))));
    assert_fault(block_on(service.end_all_sessions()));
}

#[test]
fn the_size_of_an_answer_counts_the_names_of_accounts() {
    let account = Account {
        user_id: user(2),
        uid: Some(uid()),
        name: DisplayName::Nickname(Nickname::parse("阿明").unwrap()),
        state: AccountState::Active,
        open_sessions: 1,
        created_at: at(0),
    };
    assert_eq!(counted_texts(&account), ["阿明"]);
}
