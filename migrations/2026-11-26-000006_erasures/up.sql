-- Running account erasures: a resumable job per row. The row is inserted in the transaction that erases the account, advanced
-- by each step in the step's own transaction, and deleted by the last step. If a worker dies, the next one resumes here.
-- The table is nearly always empty. Sends read it, so that an erased account receives no messages even before the first step.
CREATE TABLE erasures (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    stage text NOT NULL DEFAULT 'relations',
    -- Each stage processes the account's pairs in id order; pairs up to this id are done.
    done_to uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT erasures_stage_is_known CHECK (stage IN ('relations', 'content'))
);
