-- Messages. The key is the message_id that clients see, so that recalling and deleting find their row without a second
-- index. There is no foreign key on purpose: a message is stored under its conversation's locked row, which is never
-- deleted before its messages, and the check would be paid for by every send.
CREATE TABLE messages (
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    sender_id uuid NOT NULL,
    -- The n-th of its sender in this conversation: what makes counting unread messages cheap and exact.
    sender_ordinal bigint NOT NULL,
    client_message_id text,
    -- Erased by a recall.
    content text,
    created_at timestamptz NOT NULL,
    recalled_at timestamptz,
    PRIMARY KEY (conversation_id, seq),
    CONSTRAINT messages_recalled_have_no_text CHECK ((content IS NULL) = (recalled_at IS NOT NULL))
);

-- Sending again stores nothing again, for ever and on every instance.
CREATE UNIQUE INDEX messages_client_message_id_key ON messages (conversation_id, sender_id, client_message_id)
    WHERE client_message_id IS NOT NULL;
-- What unread must not count; a send never writes here.
CREATE INDEX messages_recalled ON messages (conversation_id, seq) WHERE recalled_at IS NOT NULL;

-- What a member deleted for oneself.
CREATE TABLE message_deletions (
    conversation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (conversation_id, user_id, seq)
);
