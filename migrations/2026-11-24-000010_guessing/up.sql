-- What the brake on guessing passwords and the cache of ended sessions need.

-- When the failures of a key are forgotten: a day after the last, or for an address one by one.
ALTER TABLE login_throttles ADD COLUMN forgiven_at timestamptz NOT NULL DEFAULT 'epoch';
-- A row is made and locked before it is decided whether anything is counted in it.
ALTER TABLE login_throttles DROP CONSTRAINT login_throttles_failures_are_counted;
ALTER TABLE login_throttles ADD CONSTRAINT login_throttles_failures_are_counted CHECK (failures >= 0);

-- Every instance asks every few seconds whose sessions count as ended though nobody ended them.
CREATE INDEX users_disabled ON users (id) WHERE state = 'disabled';
