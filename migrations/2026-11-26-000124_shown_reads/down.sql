ALTER TABLE conversation_members
    DROP COLUMN shown_read_seq,
    DROP COLUMN read_shown;
