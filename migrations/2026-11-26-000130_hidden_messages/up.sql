-- What a member does not see costs a bounded number of index steps, however much of it there is.

-- Deletions as ranges. Two ranges of a member never touch, so that the message before a range and the one after it are not
-- deleted, and the newest visible message is one step away from the newest one.
CREATE TABLE deleted_ranges AS
    SELECT conversation_id, user_id, min(seq) AS first_seq, max(seq) AS last_seq
      FROM (SELECT conversation_id, user_id, seq,
                   seq - row_number() OVER (PARTITION BY conversation_id, user_id ORDER BY seq) AS run
              FROM message_deletions) d
     GROUP BY conversation_id, user_id, run;
DROP TABLE message_deletions;
CREATE TABLE message_deletions (
    conversation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    PRIMARY KEY (conversation_id, user_id, first_seq),
    CONSTRAINT message_deletions_are_ranges CHECK (first_seq <= last_seq)
);
INSERT INTO message_deletions SELECT conversation_id, user_id, first_seq, last_seq FROM deleted_ranges;
DROP TABLE deleted_ranges;
-- A page in ascending order, and the newest visible message, look for the end of a range.
CREATE UNIQUE INDEX message_deletions_by_end ON message_deletions (conversation_id, user_id, last_seq);

-- The peer's messages after greatest(read_seq, cleared_seq) that were recalled or that the member deleted. They do not count as
-- unread. Whatever changes the number locks the member's row first.
ALTER TABLE conversation_members ADD COLUMN hidden_unread bigint NOT NULL DEFAULT 0
    CONSTRAINT conversation_members_hide_a_number_of_messages CHECK (hidden_unread >= 0);
UPDATE conversation_members m SET hidden_unread = (
        SELECT count(*) FROM messages x
         WHERE x.conversation_id = m.conversation_id AND x.sender_id = m.peer_id
           AND x.seq > greatest(m.read_seq, m.cleared_seq)
           AND (x.recalled_at IS NOT NULL OR x.seq <= (
                SELECT d.last_seq FROM message_deletions d
                 WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id AND d.first_seq <= x.seq
                 ORDER BY d.first_seq DESC LIMIT 1)))
  FROM conversations c
 WHERE c.id = m.conversation_id AND greatest(c.recalled_seq, m.deleted_seq) > greatest(m.read_seq, m.cleared_seq);

-- The list of an account's open sessions, newest first, whatever the number of ended ones.
CREATE INDEX sessions_open_of_user ON sessions (user_id, created_at DESC, id DESC) WHERE ended_at IS NULL;
