-- Erasing accounts in steps, and what housekeeping finds its rows by.

-- The erasures that are not finished. A row is made in the transaction that erases the account, moved on by each step in
-- the step's own transaction, and removed by the last one: whatever kills a worker, the next one goes on from here.
-- The table is nearly always empty. Sending looks into it, so that nobody can write to an erased account even before the
-- first step was done.
CREATE TABLE erasures (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    stage text NOT NULL DEFAULT 'relations',
    -- The pairs of the account are walked in the order of their ids, once per stage; up to this one they are done.
    done_to uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT erasures_stage_is_known CHECK (stage IN ('relations', 'content'))
);

-- The pairs of an account, to be walked. No send changes these columns.
CREATE INDEX conversations_of_lo ON conversations (user_lo, id);
CREATE INDEX conversations_of_hi ON conversations (user_hi, id);

-- All sessions of an account, the ended ones too: they are part of what is kept about it.
DROP INDEX sessions_of_user;
CREATE INDEX sessions_of_user ON sessions (user_id, id);
-- Sessions that nobody ended and that are beyond any life. Refreshing changes neither column.
CREATE INDEX sessions_by_age ON sessions (created_at) WHERE ended_at IS NULL;

-- Requests whose time is over and of which that was not noted.
CREATE INDEX friendship_requests_waiting ON friendship_requests (expires_at) WHERE status = 'pending';
