DROP INDEX friendship_requests_waiting;
DROP INDEX sessions_by_age;
DROP INDEX sessions_of_user;
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
DROP INDEX conversations_of_hi;
DROP INDEX conversations_of_lo;
DROP TABLE erasures;
