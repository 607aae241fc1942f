-- Messages. The key is the message_id that clients use, so that recall and deletion find their row without a second index.
-- There is deliberately no foreign key: a message is stored while its conversation's row is locked, that row is never
-- deleted before its messages, and every send would pay for the check.
CREATE TABLE messages (
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    sender_id uuid NOT NULL,
    -- The message's ordinal among its sender's in this conversation. It makes unread counts cheap and exact.
    sender_ordinal bigint NOT NULL,
    client_message_id text,
    -- Erased by a recall.
    content text,
    created_at timestamptz NOT NULL,
    recalled_at timestamptz,
    PRIMARY KEY (conversation_id, seq),
    CONSTRAINT messages_recalled_have_no_text CHECK ((content IS NULL) = (recalled_at IS NOT NULL))
);

-- A retry stores nothing, permanently and across all instances.
CREATE UNIQUE INDEX messages_client_message_id_key ON messages (conversation_id, sender_id, client_message_id)
    WHERE client_message_id IS NOT NULL;
-- Messages that unread counts must exclude. A send never writes to this index.
CREATE INDEX messages_recalled ON messages (conversation_id, seq) WHERE recalled_at IS NOT NULL;

-- Messages that a member deleted from their own view.
CREATE TABLE message_deletions (
    conversation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (conversation_id, user_id, seq)
);
