-- Accounts, their sessions, and the brake on guessing passwords. Keys are UUIDv7, made by the application.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    -- 微信号 as its owner typed it; letters, digits, '_' and '-' only, so the C collation is right for it everywhere.
    uid text COLLATE "C" NOT NULL,
    name text NOT NULL,
    phone_number text COLLATE "C",
    password_hash text NOT NULL,
    state text NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Only changes by the owner count, so that a first choice is never held up.
    uid_changed_at timestamptz,
    erased_at timestamptz,
    CONSTRAINT users_state_is_known CHECK (state IN ('active', 'disabled', 'erased')),
    -- An erased account keeps its id, because the other side's history names it, and nothing else.
    CONSTRAINT users_erased_are_blank CHECK (
        (state = 'erased') = (erased_at IS NOT NULL)
        AND (state <> 'erased' OR (uid = '' AND name = '' AND phone_number IS NULL AND password_hash = ''))
    )
);

-- Unique and found whatever the case; what an erased account was called is free again.
CREATE UNIQUE INDEX users_uid_key ON users (lower(uid)) WHERE state <> 'erased';
CREATE UNIQUE INDEX users_phone_number_key ON users (phone_number) WHERE phone_number IS NOT NULL;

-- One login on one device: a family of refresh tokens, of which only the newest generation's is good. No token is kept:
-- it can be signed again from this row.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_name text NOT NULL,
    generation integer NOT NULL DEFAULT 0,
    -- When the latest generations began, newest first: the moment at which the token before was used.
    rotations timestamptz[] NOT NULL,
    -- The Idempotency-Key that the present generation was asked for with.
    refresh_key text,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text,
    CONSTRAINT sessions_generation_is_counted CHECK (generation >= 0),
    CONSTRAINT sessions_end_has_a_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);

CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_lately_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Failures in a row per identifier as typed (hashed), kept here so that every instance sees them.
CREATE TABLE login_throttles (
    key bytea PRIMARY KEY,
    failures integer NOT NULL,
    last_failure_at timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL,
    CONSTRAINT login_throttles_failures_are_counted CHECK (failures > 0)
);

CREATE INDEX login_throttles_by_age ON login_throttles (last_failure_at);
