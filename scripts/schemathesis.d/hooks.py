"""What schemathesis cannot know: the accounts, the existing ids, the calls that end a session, and what Alice must not see."""

import json
import os
import random
from itertools import count

import requests
import schemathesis
from schemathesis.generation.modes import GenerationMode

with open(os.environ["HONGYAN_PEOPLE"], encoding="utf-8") as file:
    PEOPLE = json.load(file)
API, MINE, FOREIGN = PEOPLE["api"], PEOPLE["mine"], PEOPLE["foreign"]
PASSWORD = "山高月小 水落石出"
ALICE = f"Bearer {PEOPLE['alice']['token']}"
FOREIGN_VALUES = {value for values in FOREIGN.values() for value in values} | {"这话爱丽丝不该看见"}

# Calls that end the caller's session or account: each is made by a guest account of its own.
FINAL = {"POST /api/auth/logout", "DELETE /api/auth/sessions", "DELETE /api/auth/sessions/{session_id}",
         "PUT /api/auth/me/password", "DELETE /api/auth/me"}
REFRESHING = {"POST /auth/refresh_token", "POST /api/auth/refresh_token"}
LOGINS = {"POST /api/login/uid": "uid", "POST /api/login/phone_number": "phone_number"}

chance = random.Random(20261123)
numbers = count(1)


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


def new_guest():
    """Registers an account for one call."""
    number = next(numbers)
    body = {"uid": f"guest_{number}", "phone_number": f"1{number:010}", "name": "过客", "password": PASSWORD}
    answer = requests.post(f"{API}/api/register", json=body, timeout=30)
    answer.raise_for_status()
    data = answer.json()["data"]
    return {**body, "id": data["user_info"]["user_id"], **data["token_class"]}


def known(name, own):
    """An existing id of this name; one in four belongs to other users."""
    foreign = FOREIGN.get(name)
    return chance.choice(foreign if foreign and chance.random() < 0.25 else own)


def with_known_ids(label, fields):
    """Puts existing ids into most well-formed requests; random ids would test little but their parsing."""
    for name in fields:
        own = MINE["expendable"] if label == "DELETE /api/auth/friendships/{friend_id}" else MINE.get(name)
        if own and isinstance(fields[name], str) and chance.random() < 0.8:
            fields[name] = known(name, own)


def asked(sender, receiver_id):
    """The id of a new pending friendship request."""
    answer = requests.post(f"{API}/api/auth/friendship_requests", json={"receiver_id": receiver_id},
                           headers={"Authorization": sender}, timeout=30)
    answer.raise_for_status()
    return answer.json()["data"]["request_id"]


def freshen(label, case):
    """Gives half of the calls that work only once what they need: a pending request, a free uid."""
    if chance.random() < 0.5:
        return
    if label == "POST /api/auth/friendship_requests/{request_id}":
        case.path_parameters["request_id"] = asked(f"Bearer {new_guest()['token']}", PEOPLE["alice"]["id"])
    if label == "DELETE /api/auth/friendship_requests/{request_id}":
        case.path_parameters["request_id"] = asked(ALICE, new_guest()["id"])
    if label == "POST /api/auth/friendship_requests" and isinstance(case.body, dict) and "receiver_id" in case.body:
        case.body["receiver_id"] = new_guest()["id"]
    if label in ("POST /api/register", "PATCH /api/auth/me/uid") and isinstance(case.body, dict):
        for name in ("uid", "new_uid"):
            if isinstance(case.body.get(name), str):
                case.body[name] = f"{case.body[name][:12]}_{next(numbers)}"
        if isinstance(case.body.get("phone_number"), str):
            case.body["phone_number"] = f"1{next(numbers):010}"


def make_query_valid(case):
    """Applies rules that a schema cannot express: a cursor comes from the server, and a history is read in one direction."""
    query = case.query
    if "cursor" in query:
        query.pop("cursor")
        path = case.operation.path
        url = f"{API}{path}" + ("?q=条" if path.endswith("/search") else "")
        rows = requests.get(url, params={"limit": 1}, headers={"Authorization": ALICE}, timeout=30).json()
        if rows.get("next_cursor"):
            query["cursor"] = rows["next_cursor"]
    if "before" in query and "after" in query:
        query.pop(chance.choice(["before", "after"]))


def as_guest(label, case, headers):
    """Lets a guest account make a call that ends a session; in most valid calls the guest sends the right password."""
    guest = new_guest()
    headers["Authorization"] = f"Bearer {guest['refresh_token' if label in REFRESHING else 'token']}"
    if is_positive(case) and isinstance(case.body, dict) and chance.random() < 0.7:
        for name in ("old_password", "password"):
            if name in case.body:
                case.body[name] = PASSWORD
    if label.endswith("{session_id}") and is_positive(case):
        rows = requests.get(f"{API}/api/auth/sessions", headers={"Authorization": headers["Authorization"]}, timeout=30)
        own = rows.json()["data"][0]["session_id"]
        case.path_parameters["session_id"] = chance.choice([own, own, own, *FOREIGN["session_id"]])


@schemathesis.hook
def before_call(context, case, kwargs):
    label = case.operation.label
    if is_positive(case):
        for fields in (case.path_parameters, case.query, case.body):
            if isinstance(fields, dict):
                with_known_ids(label, fields)
        if isinstance(case.query, dict):
            make_query_valid(case)
        freshen(label, case)
        if label in LOGINS and isinstance(case.body, dict) and chance.random() < 0.5:
            guest = new_guest()
            case.body.update({LOGINS[label]: guest[LOGINS[label]], "password": PASSWORD})
    # A call without Alice's token is meant to be refused.
    if label in FINAL | REFRESHING and case.headers.get("Authorization") == ALICE:
        as_guest(label, case, case.headers)


@schemathesis.hook
def after_call(context, case, response):
    """Records the status for answers.py."""
    with open("answers.tsv", "a", encoding="utf-8") as file:
        print(case.operation.label, case.method, response.status_code, sep="\t", file=file)


@schemathesis.check
def foreign_objects_do_not_exist(ctx, response, case):
    """Alice is refused every access to Bob's and Carol's objects, and no answer contains them."""
    body = case.body if isinstance(case.body, dict) else {}
    sent = [case.path_parameters or {}, case.query or {}, body]
    named = {value for fields in sent for value in fields.values() if isinstance(value, str)} & FOREIGN_VALUES
    assert not named or response.status_code >= 400, f"{named} was accepted, but belongs to others"
    shown = [value for value in FOREIGN_VALUES if value in response.text]
    assert not shown, f"the answer contains {shown}"


# The only fields whose value may be refused although it fits the schema: a password may be too common, or have another length in NFKC.
OPAQUE = {"password", "new_password"}


@schemathesis.check
def valid_requests_are_not_called_malformed(ctx, response, case):
    """A request that fits the document is refused for the state only. This is stricter than `positive_data_acceptance`, which must
    accept 400 wherever an unknown id is answered with it."""
    if not is_positive(case) or response.status_code not in (400, 413, 415):
        return
    answer = response.json()
    field = answer.get("field")
    if field not in OPAQUE:
        names = ("malformed_json", "missing_field", "invalid_field", "payload_too_large", "unsupported_media_type")
        assert answer["error"] not in names, f"called {answer['error']}: {answer['message']}"
