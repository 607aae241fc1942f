-- Token buckets that all instances share: registrations by address and in all, changes of uid by account.
CREATE TABLE quotas (
    -- The hash of what is counted and of its address or account.
    key bytea PRIMARY KEY,
    -- When the bucket is full again. Maintenance deletes rows whose time has passed.
    full_at timestamptz NOT NULL
);

CREATE INDEX quotas_by_age ON quotas (full_at);
