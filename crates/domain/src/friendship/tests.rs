use std::sync::Arc;

use mockall::predicate::eq;
use pollster::block_on;
use uuid::Uuid;

use super::{
    Friend, FriendCursor, FriendLimit, FriendPage, FriendPageRequest, FriendshipError, FriendshipService,
    MockFriendshipRepository, Remark, decide_friendship,
};
use crate::account::{DisplayName, Nickname};
use crate::conversation::Directed;
use crate::error::{ErrorKind, InvalidValue, PortError, Rule};
use crate::id::{ConversationId, FriendshipId};
use crate::testing::{assert_catalogue, assert_fault, at, counted_texts, fault, refusal, user};

fn service(prepare: impl FnOnce(&mut MockFriendshipRepository)) -> FriendshipService {
    let mut friendships = MockFriendshipRepository::new();
    prepare(&mut friendships);
    FriendshipService::new(Arc::new(friendships))
}

fn friend() -> Friend {
    Friend {
        friendship_id: FriendshipId::from_uuid(Uuid::from_u128(3)),
        friend_id: user(2),
        conversation_id: ConversationId::from_uuid(Uuid::from_u128(5)),
        friend_name: DisplayName::Nickname(Nickname::parse("阿明").unwrap()),
        friend_uid: None,
        remark: Remark::parse("老王").unwrap(),
        created_at: at(4),
    }
}

#[test]
fn a_remark_is_stored_exactly_as_sent() {
    for text in ["", " ", " 妈妈 ", "老王\n(同事)", "👩‍👩‍👧‍👦", "e\u{301}", "\u{202e}مرحبا", "\u{feff}\t"]
    {
        assert_eq!(Remark::parse(text).unwrap().as_str(), text, "{text:?}");
    }
    assert_eq!(Remark::default().as_str(), "");
}

#[test]
fn a_remark_has_at_most_sixty_four_characters() {
    let too_long = Err(InvalidValue::new(Rule::Length { min: 0, max: 64 }));
    for character in ["a", "备", "😀", " "] {
        assert_eq!(Remark::parse(&character.repeat(64)).unwrap().as_str(), character.repeat(64));
        assert_eq!(Remark::parse(&character.repeat(65)), too_long, "{character:?}");
    }
}

#[test]
fn a_remark_must_not_contain_nul() {
    for text in ["\0", "a\0", "\0a", "a\0b"] {
        assert_eq!(Remark::parse(text), Err(InvalidValue::new(Rule::Characters)), "{text:?}");
    }
}

#[test]
fn each_error_has_its_class_and_name() {
    assert_catalogue([
        (FriendshipError::NotFriends, ErrorKind::Conflict, "not_friends"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn an_account_has_at_most_ten_thousand_friends() {
    for (own, others, decision) in [
        (0, 0, Ok(())),
        (9_999, 9_999, Ok(())),
        (10_000, 9_999, Err(FriendLimit::Own)),
        (9_999, 10_000, Err(FriendLimit::Peer)),
        (10_000, 10_000, Err(FriendLimit::Own)),
        (i64::MAX, 0, Err(FriendLimit::Own)),
        (0, i64::MAX, Err(FriendLimit::Peer)),
    ] {
        assert_eq!(decide_friendship(own, others), decision, "{own} and {others}");
    }
}

#[test]
fn either_side_can_end_a_friendship() {
    for (caller, friend) in [(user(1), user(2)), (user(2), user(1))] {
        let directed = Directed::new(caller, friend).unwrap();
        let service = service(|friendships| {
            friendships.expect_remove().with(eq(directed)).once().returning(|_| Ok(true));
        });
        assert_eq!(refusal(block_on(service.remove(caller, friend))), None);
    }
}

#[test]
fn a_remark_belongs_to_the_caller_and_the_friend() {
    for (caller, friend) in [(user(1), user(2)), (user(2), user(1))] {
        let (owner, remark) = (Directed::new(caller, friend).unwrap(), Remark::parse("老王").unwrap());
        let service = service(|friendships| {
            let expected = friendships.expect_set_remark().with(eq(owner), eq(remark.clone()));
            expected.once().returning(|_, _| Ok(true));
        });
        assert_eq!(refusal(block_on(service.set_remark(caller, friend, &remark))), None);
    }
}

#[test]
fn a_user_is_not_their_own_friend() {
    let service = service(|_| {});
    assert_eq!(refusal(block_on(service.remove(user(1), user(1)))), Some("not_friends"));
    let named = block_on(service.set_remark(user(1), user(1), &Remark::default()));
    assert_eq!(refusal(named), Some("not_friends"));
}

#[test]
fn a_remark_requires_a_friendship() {
    let service = service(|friendships| {
        friendships.expect_set_remark().returning(|_, _| Ok(false));
    });
    let named = block_on(service.set_remark(user(1), user(2), &Remark::default()));
    assert_eq!(refusal(named), Some("not_friends"));
}

#[test]
fn removing_a_user_who_is_not_a_friend_is_refused() {
    let service = service(|friendships| {
        friendships.expect_remove().returning(|_| Ok(false));
    });
    assert_eq!(refusal(block_on(service.remove(user(1), user(2)))), Some("not_friends"));
}

#[test]
fn the_list_passes_on_the_caller_and_the_page() {
    let after = FriendCursor { created_at: at(5), friend_id: user(9) };
    let request = FriendPageRequest::parse(Some(10_000), Some(after)).unwrap();
    let page = FriendPage { items: vec![friend()], next: None };
    let service = service(|friendships| {
        let page = page.clone();
        friendships.expect_list().with(eq(user(1)), eq(request.clone())).once().return_once(|_, _| Ok(page));
    });
    assert_eq!(block_on(service.list(user(1), &request)).unwrap(), page);
}

#[test]
fn the_size_of_an_answer_counts_the_names_and_remarks_of_friends() {
    assert_eq!(counted_texts(&friend()), ["阿明", "老王"]);
}

#[test]
fn a_list_of_friends_has_up_to_ten_thousand_rows() {
    assert_eq!(FriendPageRequest::default().limit.get(), 10_000);
}

#[test]
fn a_port_error_is_passed_on() {
    let service = service(|friendships| {
        friendships.expect_remove().returning(|_| Err(fault()));
        friendships.expect_list().returning(|_, _| Err(fault()));
        friendships.expect_set_remark().returning(|_, _| Err(fault()));
    });
    assert_fault(block_on(service.remove(user(1), user(2))));
    assert_fault(block_on(service.list(user(1), &FriendPageRequest::default())));
    assert_fault(block_on(service.set_remark(user(1), user(2), &Remark::default())));
}

#[test]
fn a_remark_is_not_printed() {
    let remark = Remark::parse("canary").unwrap();
    assert_eq!(format!("{remark:?}"), "Remark(…)");
}
