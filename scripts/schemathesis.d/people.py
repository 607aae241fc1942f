"""The accounts of the run: Alice, the caller; Bob, a friend of Alice; Carol, a friend of Bob but not of Alice.

people.py API FOLDER              registers them, lets them exchange messages, writes their data to FOLDER
people.py API FOLDER --unharmed   checks that no object of other users was changed
"""

import json
import secrets
import sys

import requests

API, FOLDER = sys.argv[1], sys.argv[2]


def call(method, path, token=None, **body):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.request(method, API + path, headers=headers, json=body or None, timeout=30)
    if answer.status_code != 200:
        sys.exit(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json().get("data")


def register(uid, name):
    # A random password: schemathesis repeats values that it has seen, such as the password in the hooks.
    data = call("POST", "/api/register", uid=uid, name=name, password=secrets.token_urlsafe())
    return {"id": data["user_info"]["user_id"], **data["token_class"]}


def befriend(one, other):
    request = call("POST", "/api/auth/friendship_requests", one["token"], receiver_id=other["id"])
    call("POST", f"/api/auth/friendship_requests/{request['request_id']}", other["token"], status="accepted")


def say(sender, receiver, content):
    return call("POST", "/api/auth/messages", sender["token"], receiver_id=receiver["id"], content=content)


def conversation(person, peer):
    rows = call("GET", "/api/auth/conversations", person["token"])
    return next(row["conversation_id"] for row in rows if row["friend_id"] == peer["id"])


def foreign_data(bob, carol):
    """Everything that does not belong to Alice, as Bob and Carol see it, except times of use."""
    held = []
    for person, peer in ((bob, carol), (carol, bob)):
        token, window = person["token"], conversation(person, peer)
        sessions = call("GET", "/api/auth/sessions", token)
        requests_of = [call("GET", f"/api/auth/friendship_requests?direction={way}", token) for way in ("sent", "received")]
        held += [call("GET", f"/api/auth/conversations/{window}", token), [row["session_id"] for row in sessions]]
        held += [[row for row in rows if row["created_at"] <= bob["until"]] for rows in requests_of if person is carol]
        held.append(next(row for row in call("GET", "/api/auth/friendships", token) if row["friend_id"] == peer["id"]))
    return held


def prepare():
    alice, bob, carol = register("alice_2026", "爱丽丝 🌸"), register("bob_2026", "鲍勃"), register("carol_2026", "卡罗")
    others = [register(f"friend_{number:02}", f"朋友{number}") for number in range(12)]
    befriend(alice, bob)
    befriend(bob, carol)
    for friend in others[:10]:
        befriend(alice, friend)
    say(alice, bob, "晚上一起吃火锅吗？🍲")
    say(bob, alice, "好啊，几点？")
    foreign_message = say(bob, carol, "这话爱丽丝不该看见")
    say(carol, bob, "明白")
    # Alice may not answer a request from Carol to another user.
    foreign_request = call("POST", "/api/auth/friendship_requests", carol["token"], receiver_id=others[11]["id"])
    asked = call("POST", "/api/auth/friendship_requests", others[10]["token"], receiver_id=alice["id"])
    mine = {
        "conversation_id": [conversation(alice, bob)],
        "message_id": [say(alice, bob, f"第 {number} 条") for number in range(40)],
        "request_id": [asked["request_id"]],
        "friend_id": [bob["id"]],
        "receiver_id": [bob["id"], bob["id"], bob["id"], carol["id"]],
        "user_id": [other["id"] for other in others[8:]],
        "uid": ["bob_2026", "carol_2026", "alice_2026"],
        "expendable": [friend["id"] for friend in others[:8]],
    }
    foreign = {
        "conversation_id": [conversation(bob, carol)],
        "message_id": [foreign_message],
        "request_id": [foreign_request["request_id"]],
        "session_id": [call("GET", "/api/auth/sessions", person["token"])[0]["session_id"] for person in (bob, carol)],
    }
    bob["until"] = call("GET", "/api/auth/me", register("clock_2026", "钟")["token"])["created_at"]
    people = {"api": API, "alice": alice, "bob": bob, "carol": carol, "mine": mine,
              "foreign": foreign, "held": foreign_data(bob, carol)}
    write("people.json", people)
    headers = lambda person: [{"name": "Authorization", "value": f"Bearer {person['token']}"}]
    users = {"alice": alice, "bob": bob, "carol": carol}
    write("identities.json", {"auth": [{"name": name, "fixedHeaders": headers(who)} for name, who in users.items()]})


def write(name, value):
    with open(f"{FOLDER}/{name}", "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)


def unharmed():
    with open(f"{FOLDER}/people.json", encoding="utf-8") as file:
        people = json.load(file)
    now = foreign_data(people["bob"], people["carol"])
    for before, after in zip(people["held"], now, strict=True):
        if before != after:
            sys.exit(f"Alice changed data of other users:\n{before}\n{after}")
    print("no data of other users was changed")


if "--unharmed" in sys.argv:
    unharmed()
else:
    prepare()
