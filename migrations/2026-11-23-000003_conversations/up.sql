-- What belongs to a pair of people. Every unique key starts with the conversation.

-- The row of a pair, made at first contact. Its id is derived from the two, and everything that happens between them
-- locks this row first. A send changes no indexed column, and the free space lets the new version stay on its page.
CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    user_lo uuid NOT NULL,
    user_hi uuid NOT NULL,
    friends boolean NOT NULL DEFAULT false,
    befriended_at timestamptz,
    lo_blocks boolean NOT NULL DEFAULT false,
    hi_blocks boolean NOT NULL DEFAULT false,
    last_seq bigint NOT NULL DEFAULT 0,
    lo_sent bigint NOT NULL DEFAULT 0,
    hi_sent bigint NOT NULL DEFAULT 0,
    last_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT conversations_pair_is_ordered CHECK (user_lo < user_hi),
    -- seq has no gaps: every message was sent by one of the two.
    CONSTRAINT conversations_counts_add_up CHECK (last_seq = lo_sent + hi_sent),
    CONSTRAINT conversations_friends_have_a_date CHECK (NOT friends OR befriended_at IS NOT NULL)
) WITH (fillfactor = 80);

-- How each of the two sees the conversation. A send writes nothing here.
CREATE TABLE conversation_members (
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    user_id uuid NOT NULL,
    peer_id uuid NOT NULL,
    read_seq bigint NOT NULL DEFAULT 0,
    -- The floor: at and below it the member sees nothing.
    cleared_seq bigint NOT NULL DEFAULT 0,
    -- How many messages the peer had sent at greatest(read_seq, cleared_seq).
    peer_seen bigint NOT NULL DEFAULT 0,
    pinned boolean NOT NULL DEFAULT false,
    muted boolean NOT NULL DEFAULT false,
    -- Out of the list until a message lies above the floor.
    hidden boolean NOT NULL DEFAULT false,
    PRIMARY KEY (conversation_id, user_id),
    CONSTRAINT conversation_members_see_no_more_than_there_is CHECK (
        read_seq >= 0 AND cleared_seq >= 0 AND peer_seen BETWEEN 0 AND greatest(read_seq, cleared_seq)
    )
) WITH (fillfactor = 80);

CREATE INDEX conversation_members_of_user ON conversation_members (user_id);

CREATE TABLE friendship_requests (
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    sender_id uuid NOT NULL,
    receiver_id uuid NOT NULL,
    verification_message text NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    answered_at timestamptz,
    PRIMARY KEY (conversation_id, id),
    CONSTRAINT friendship_requests_status_is_known CHECK (
        status IN ('pending', 'accepted', 'rejected', 'expired', 'canceled')
    ),
    CONSTRAINT friendship_requests_pending_are_unanswered CHECK ((status = 'pending') = (answered_at IS NULL))
);

-- One question at a time, whoever of the two asks: crossing requests cannot both wait.
CREATE UNIQUE INDEX friendship_requests_one_pending_per_pair ON friendship_requests (conversation_id)
    WHERE status = 'pending';
CREATE INDEX friendship_requests_by_id ON friendship_requests (id);
CREATE INDEX friendship_requests_received ON friendship_requests (receiver_id, created_at DESC, id DESC);
CREATE INDEX friendship_requests_sent ON friendship_requests (sender_id, created_at DESC, id DESC);
