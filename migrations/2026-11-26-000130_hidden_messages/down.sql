DROP INDEX sessions_open_of_user;
ALTER TABLE conversation_members DROP COLUMN hidden_unread;
CREATE TABLE deleted_messages AS
    SELECT conversation_id, user_id, generate_series(first_seq, last_seq) AS seq FROM message_deletions;
DROP TABLE message_deletions;
CREATE TABLE message_deletions (
    conversation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (conversation_id, user_id, seq)
);
INSERT INTO message_deletions SELECT conversation_id, user_id, seq FROM deleted_messages;
DROP TABLE deleted_messages;
