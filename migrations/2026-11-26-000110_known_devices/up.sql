-- The addresses and devices from which an account has logged in lately. Their failed logins are counted apart from all
-- others', so that strangers cannot slow the owner down.

CREATE TABLE known_devices (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the kind and the value: neither addresses nor the secrets of devices are stored.
    device bytea NOT NULL,
    logged_in_at timestamptz NOT NULL,
    CONSTRAINT known_devices_pkey PRIMARY KEY (user_id, device),
    CONSTRAINT known_devices_are_hashed CHECK (octet_length(device) = 32)
);

CREATE INDEX known_devices_by_age ON known_devices (logged_in_at);
