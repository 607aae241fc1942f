"""Prints an OpenAPI document as an earlier version would have been: fields are missing in it that the server sends. A client that is
generated from it must accept them. earlier.py FILE"""

import json
import sys

# Fields that the talks do not use.
LATER = [("Conversation", "muted"), ("Message", "created_at"), ("FriendRequestReceived", "verification_message"),
         ("SendMessageConflict", "message"), ("Tokens", "expires_in")]

with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file)
for name, field in LATER:
    schema = document["components"]["schemas"][name]
    del schema["properties"][field]
    schema["required"].remove(field)
json.dump(document, sys.stdout, ensure_ascii=False)
