-- Codes that allow a number of registrations while registration is by invitation only.
CREATE TABLE invites (
    -- The first letters of the code, by which operators name it.
    id text COLLATE "C" PRIMARY KEY,
    -- The hash of the whole code, so that a copy of the database holds no usable code.
    code_hash bytea NOT NULL,
    uses integer NOT NULL,
    used integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT invites_are_not_used_more_often_than_allowed CHECK (used BETWEEN 0 AND uses)
);
