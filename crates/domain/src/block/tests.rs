use std::sync::Arc;

use mockall::predicate::eq;
use pollster::block_on;

use super::{
    BlockCursor, BlockError, BlockPage, BlockPageRequest, BlockService, BlockedUser, MockBlockRepository,
};
use crate::account::{DisplayName, Nickname};
use crate::conversation::Directed;
use crate::error::{ErrorKind, PortError};
use crate::testing::{assert_catalogue, assert_fault, at, counted_texts, fault, refusal, user};

fn service(prepare: impl FnOnce(&mut MockBlockRepository)) -> BlockService {
    let mut blocks = MockBlockRepository::new();
    prepare(&mut blocks);
    BlockService::new(Arc::new(blocks))
}

#[test]
fn each_error_has_its_kind_and_name() {
    assert_catalogue([
        (BlockError::SelfTarget, ErrorKind::Invalid, "cannot_block_oneself"),
        (BlockError::UnknownUser, ErrorKind::Invalid, "unknown_user"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn a_block_belongs_to_the_caller() {
    for (caller, other) in [(user(1), user(2)), (user(2), user(1))] {
        let owner = Directed::new(caller, other).unwrap();
        let service = service(|blocks| {
            blocks.expect_block().with(eq(owner)).once().returning(|_| Ok(true));
        });
        assert_eq!(refusal(block_on(service.block(caller, other))), None);
    }
}

#[test]
fn the_caller_lifts_their_own_block() {
    for (caller, other) in [(user(1), user(2)), (user(2), user(1))] {
        let owner = Directed::new(caller, other).unwrap();
        let service = service(|blocks| {
            blocks.expect_unblock().with(eq(owner)).once().returning(|_| Ok(true));
        });
        assert_eq!(refusal(block_on(service.unblock(caller, other))), None);
    }
}

#[test]
fn a_user_cannot_block_or_unblock_itself() {
    let service = service(|_| {});
    assert_eq!(refusal(block_on(service.block(user(1), user(1)))), Some("cannot_block_oneself"));
    assert_eq!(refusal(block_on(service.unblock(user(1), user(1)))), Some("cannot_block_oneself"));
}

#[test]
fn an_unknown_user_cannot_be_blocked_or_unblocked() {
    let service = service(|blocks| {
        blocks.expect_block().returning(|_| Ok(false));
        blocks.expect_unblock().returning(|_| Ok(false));
    });
    assert_eq!(refusal(block_on(service.block(user(1), user(2)))), Some("unknown_user"));
    assert_eq!(refusal(block_on(service.unblock(user(1), user(2)))), Some("unknown_user"));
}

#[test]
fn the_list_is_the_requested_page_of_the_callers_blocks() {
    let after = BlockCursor { created_at: at(5), user_id: user(9) };
    let request = BlockPageRequest::parse(Some(2), Some(after)).unwrap();
    let blocked = BlockedUser { user_id: user(2), uid: None, name: DisplayName::Erased, created_at: at(4) };
    let page =
        BlockPage { items: vec![blocked], next: Some(BlockCursor { created_at: at(4), user_id: user(2) }) };
    let service = service(|blocks| {
        let page = page.clone();
        blocks.expect_list().with(eq(user(1)), eq(request.clone())).once().return_once(|_, _| Ok(page));
    });
    assert_eq!(block_on(service.list(user(1), &request)).unwrap(), page);
}

#[test]
fn an_adapter_error_is_passed_on() {
    let service = service(|blocks| {
        blocks.expect_block().returning(|_| Err(fault()));
        blocks.expect_unblock().returning(|_| Err(fault()));
        blocks.expect_list().returning(|_, _| Err(fault()));
    });
    assert_fault(block_on(service.block(user(1), user(2))));
    assert_fault(block_on(service.unblock(user(1), user(2))));
    assert_fault(block_on(service.list(user(1), &BlockPageRequest::default())));
}

#[test]
fn the_size_of_an_answer_counts_the_names_of_blocked_users() {
    let name = DisplayName::Nickname(Nickname::parse("阿明").unwrap());
    let blocked = BlockedUser { user_id: user(2), uid: None, name, created_at: at(0) };
    assert_eq!(counted_texts(&blocked), ["阿明"]);
}
