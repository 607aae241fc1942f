-- Change stamps: the id of the transaction that last changed what a row shows. A client catches up by reading the rows that are
-- stamped at or after its cursor. Constant defaults rewrite no rows, and no index keeps the updates of sends from being HOT.

ALTER TABLE conversations
    -- Both members' entries changed: a message, a recall, a friendship.
    ADD COLUMN changed_in bigint NOT NULL DEFAULT 0,
    -- A request or a friendship between the two changed.
    ADD COLUMN related_in bigint NOT NULL DEFAULT 0;
ALTER TABLE conversation_members
    -- The member's own entry changed.
    ADD COLUMN changed_in bigint NOT NULL DEFAULT 0,
    -- The read position that the other may see changed. A block leaves it alone.
    ADD COLUMN shown_in bigint NOT NULL DEFAULT 0;
ALTER TABLE users
    -- What the account alone sees changed. Blocks count here and nowhere else, so that the blocked one learns nothing.
    ADD COLUMN changed_in bigint NOT NULL DEFAULT 0,
    -- What friends see of the account changed: its name, its uid, its erasure.
    ADD COLUMN shown_in bigint NOT NULL DEFAULT 0;
ALTER TABLE sessions
    -- The list of open sessions changed. A refresh does not count.
    ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
-- Partial, so that no login reads ended sessions by it.
CREATE INDEX sessions_by_change ON sessions (user_id, changed_in) WHERE changed_in > 0;

-- Recalls and deletions in the order of their transactions, because an entry lists those since a cursor.
CREATE TABLE recalls_by_change (
    conversation_id uuid NOT NULL,
    recalled_in bigint NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (conversation_id, recalled_in, seq)
);
CREATE TABLE deletions_by_change (
    conversation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    deleted_in bigint NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (conversation_id, user_id, deleted_in, seq)
);

-- Lineages: the life of this database from one start of PostgreSQL to the next. Transaction ids are comparable within a lineage. A
-- copy that is restored hands out the ids of its lost future again, but it has been started since, so that it is another lineage.
CREATE TABLE lineages (
    -- Random: cursors name it.
    token uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Where it is: the cluster's system identifier, the database's oid and this table's file. A restored dump differs.
    cluster bigint NOT NULL,
    database bigint NOT NULL,
    file bigint NOT NULL,
    -- When PostgreSQL was started.
    started_at timestamptz NOT NULL,
    -- Transactions below this id ended before the row was written, so a database that has the row has them too.
    covered bigint NOT NULL,
    CONSTRAINT lineages_begin_once UNIQUE (started_at, database, file)
);
