DROP INDEX users_disabled;
DELETE FROM login_throttles WHERE failures = 0;
ALTER TABLE login_throttles DROP CONSTRAINT login_throttles_failures_are_counted;
ALTER TABLE login_throttles ADD CONSTRAINT login_throttles_failures_are_counted CHECK (failures > 0);
ALTER TABLE login_throttles DROP COLUMN forgiven_at;
