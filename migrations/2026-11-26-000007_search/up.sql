-- The search index: the folded texts of consecutive messages in one row, so that a search reads one row for many messages.
-- It is written in the background after the commit and may lag or be missing; messages that are not indexed yet are read from
-- messages. Both tables are derived: if emptied, they are filled again.

-- Index progress per conversation.
CREATE TABLE search_progress (
    -- Deleted together with its conversation.
    conversation_id uuid PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    -- Messages up to this position are in search_blocks. A writer of search_blocks locks this row first.
    indexed_seq bigint NOT NULL DEFAULT 0,
    CONSTRAINT search_progress_is_a_place CHECK (indexed_seq >= 0)
) WITH (fillfactor = 80);

-- Messages 32 * block + 1 to 32 * block + 32, or up to the position in search_progress.
CREATE TABLE search_blocks (
    conversation_id uuid NOT NULL REFERENCES search_progress (conversation_id) ON DELETE CASCADE,
    block bigint NOT NULL,
    -- When each message was stored.
    times timestamptz[] NOT NULL,
    -- Their texts, folded by domain::search::fold and separated by unit separators; empty for a recalled message.
    -- The C collation compares bytes, whatever the collation of the database.
    folded text COLLATE "C" NOT NULL,
    PRIMARY KEY (conversation_id, block),
    CONSTRAINT search_blocks_are_counted CHECK (block >= 0)
) WITH (toast_tuple_target = 4080);

-- Every search reads the whole column, so that decompression would cost more than the space it saves.
ALTER TABLE search_blocks ALTER COLUMN folded SET STORAGE EXTERNAL;
