-- What the other member sees of a member's read position. While either blocks the other it stays where it was.
ALTER TABLE conversation_members
    -- False while either of the two blocks the other.
    ADD COLUMN read_shown boolean NOT NULL DEFAULT true,
    -- The position shown to the other; NULL for the true one. It remains after a block until the member reads again.
    ADD COLUMN shown_read_seq bigint;
