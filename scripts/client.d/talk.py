"""Two users talk through the Python client that openapi-generator makes from the API's document: talk.py URL."""

import secrets
import sys

import hongyan

API = sys.argv[1]
PASSWORD = "山高月小 水落石出"


class Person:
    """A registered user, logged in again by uid."""

    def __init__(self, name):
        accounts = hongyan.AccountsApi(hongyan.ApiClient(hongyan.Configuration(host=API)))
        uid = f"py_{secrets.token_hex(6)}"
        accounts.register_account(hongyan.Registration(name=name, password=PASSWORD, uid=uid))
        login = accounts.log_in_by_uid(hongyan.LoginByUid(uid=uid, password=PASSWORD)).data
        assert (login.user_info.uid, login.user_info.name) == (uid, name)
        self.id = login.user_info.user_id
        client = hongyan.ApiClient(hongyan.Configuration(host=API, access_token=login.token_class.token))
        client.set_default_header("Accept-Language", "en")
        self.friends, self.messages = hongyan.FriendsApi(client), hongyan.MessagesApi(client)
        self.conversations = hongyan.ConversationsApi(client)

    def send(self, receiver, content, key):
        draft = hongyan.MessageDraft(receiver_id=receiver.id, content=content, client_message_id=key)
        return self.messages.send_message(draft).data


def refused(call, *arguments):
    """The refusal of a call."""
    try:
        call(*arguments)
    except hongyan.ApiException as error:
        return error
    raise AssertionError(f"{call} was not refused")


def unchanged(person, tag):
    """Whether the list of conversations is what it was under this tag: a 304 is an exception here."""
    try:
        person.conversations.list_conversations(if_none_match=tag)
    except hongyan.ApiException as error:
        if error.status == 304:
            return True
        raise
    return False


def befriend(asker, other):
    asked = asker.friends.send_friend_request(hongyan.FriendRequestCreate(receiver_id=other.id)).data
    assert asked.status == hongyan.FriendRequestStatus.PENDING
    received = other.friends.list_friend_requests().data[0].actual_instance
    sent = asker.friends.list_friend_requests(direction=hongyan.FriendRequestDirection.SENT).data[0].actual_instance
    assert (received.sender_id, sent.receiver_id) == (asker.id, other.id)
    other.friends.answer_friend_request(received.request_id, hongyan.FriendRequestAnswer(status="accepted"))


def main():
    alice, bob = Person("爱丽丝 🌸"), Person("鲍勃")
    stranger = refused(alice.send, bob, "在吗？", "m-0")
    assert (stranger.status, stranger.data.error) == (409, "not_friends"), stranger
    befriend(alice, bob)
    texts = ["晚上一起吃火锅吗？🍲", "七点？"]
    ids = [alice.send(bob, text, f"m-{place}") for place, text in enumerate(texts)]
    assert alice.send(bob, texts[1], "m-1") == ids[1], "the same key is the same message"

    listed = bob.conversations.list_conversations_with_http_info()
    # The names of headers are as they were sent.
    row, tag = listed.data.data[0], {name.lower(): value for name, value in listed.headers.items()}["etag"]
    assert (row.friend_id, row.unread_count, row.last_message.content) == (alice.id, 2, texts[1])
    assert unchanged(bob, tag)
    page = bob.conversations.open_conversation(row.conversation_id, after=0).data
    assert [message.content for message in page.messages] == texts
    read = bob.conversations.mark_conversation_read(row.conversation_id, hongyan.ReadPosition(seq=2)).data
    assert (read.read_seq, read.unread_count) == (2, 0)
    assert not unchanged(bob, tag)

    recall = hongyan.MessageRef(message_id=ids[0])
    assert refused(bob.messages.recall_message, recall).data.error == "unknown_message"
    alice.messages.recall_message(recall)
    gone = bob.conversations.open_conversation(row.conversation_id).data.messages[0]
    assert (gone.message_id, gone.recalled, gone.content) == (ids[0], True, None)
    print("two users exchanged messages through openapi-generator's Python client")


main()
