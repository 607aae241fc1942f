-- What makes searching fast: the texts of neighbouring messages side by side, so that a search reads one row for many
-- messages. It is made after the commit, in the background, and may lag or be missing: what is not here yet is read from
-- messages. Both tables hold nothing of their own; emptied, they are filled again.

-- How far each conversation is there.
CREATE TABLE search_progress (
    -- What goes away with its conversation goes away here.
    conversation_id uuid PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    -- All messages up to this place are in search_blocks. Whoever writes there locks this row first.
    indexed_seq bigint NOT NULL DEFAULT 0,
    CONSTRAINT search_progress_is_a_place CHECK (indexed_seq >= 0)
) WITH (fillfactor = 80);

-- Messages 32 * block + 1 to 32 * block + 32, or as far as search_progress says.
CREATE TABLE search_blocks (
    conversation_id uuid NOT NULL REFERENCES search_progress (conversation_id) ON DELETE CASCADE,
    block bigint NOT NULL,
    -- When each of them was stored.
    times timestamptz[] NOT NULL,
    -- Their texts as domain::search::fold spells them, with a unit separator between any two; empty where one was recalled.
    -- Bytes are compared, whatever the collation of the database.
    folded text COLLATE "C" NOT NULL,
    PRIMARY KEY (conversation_id, block),
    CONSTRAINT search_blocks_are_counted CHECK (block >= 0)
) WITH (toast_tuple_target = 4080);

-- Read whole by every search, so that unpacking would cost more than the room that packing spares.
ALTER TABLE search_blocks ALTER COLUMN folded SET STORAGE EXTERNAL;
