-- Uids that their owners gave up by a change, reserved for them for 30 days. An erasure frees them.
CREATE TABLE retired_uids (
    -- In lower case.
    uid text COLLATE "C" PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    retired_at timestamptz NOT NULL
);

CREATE INDEX retired_uids_of_owner ON retired_uids (owner_id);
CREATE INDEX retired_uids_by_age ON retired_uids (retired_at);
