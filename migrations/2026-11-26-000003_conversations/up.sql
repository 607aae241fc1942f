-- State shared by a pair of users. Every unique key starts with the conversation.

-- One row per pair, created at first contact. Its id is derived from the two user ids, and every change between the two
-- locks this row first. A send changes no indexed column, and the free space keeps the new row version on its page.
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
    -- The newest recalled message; 0 if there is none. An unread count after this position needs no search for recalled
    -- messages.
    recalled_seq bigint NOT NULL DEFAULT 0,
    last_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT conversations_pair_is_ordered CHECK (user_lo < user_hi),
    -- seq has no gaps: each message was sent by one of the two.
    CONSTRAINT conversations_counts_add_up CHECK (last_seq = lo_sent + hi_sent),
    CONSTRAINT conversations_friends_have_a_date CHECK (NOT friends OR befriended_at IS NOT NULL)
) WITH (fillfactor = 80);

-- The pairs of an account, which an erasure walks. No send changes these columns.
CREATE INDEX conversations_of_lo ON conversations (user_lo, id);
CREATE INDEX conversations_of_hi ON conversations (user_hi, id);

-- Each member's view of the conversation. A send writes nothing here.
CREATE TABLE conversation_members (
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    user_id uuid NOT NULL,
    peer_id uuid NOT NULL,
    read_seq bigint NOT NULL DEFAULT 0,
    -- The cleared position: messages at or below it are invisible to the member.
    cleared_seq bigint NOT NULL DEFAULT 0,
    -- The number of messages the peer had sent at greatest(read_seq, cleared_seq).
    peer_seen bigint NOT NULL DEFAULT 0,
    -- The newest message that the member deleted; 0 if there is none. Messages after it need no search for deletions.
    deleted_seq bigint NOT NULL DEFAULT 0,
    -- A copy of the friendship's remark on the peer; empty without a friendship.
    remark text NOT NULL DEFAULT '',
    pinned boolean NOT NULL DEFAULT false,
    muted boolean NOT NULL DEFAULT false,
    -- Not listed until there is a message after the cleared position.
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

-- One pending request per pair, in either direction: crossing requests cannot both be pending.
CREATE UNIQUE INDEX friendship_requests_one_pending_per_pair ON friendship_requests (conversation_id)
    WHERE status = 'pending';
CREATE INDEX friendship_requests_by_id ON friendship_requests (id);
CREATE INDEX friendship_requests_received ON friendship_requests (receiver_id, created_at DESC, id DESC);
CREATE INDEX friendship_requests_sent ON friendship_requests (sender_id, created_at DESC, id DESC);

-- Pending requests are few, and answered ones accumulate: counting the few must not read the others. The following indexes do
-- not make an answer or a withdrawal slower: the status is in the predicate of a unique index, so that its change is never HOT.

-- Counts the requests that await a user's answer.
CREATE INDEX friendship_requests_waiting_for_receiver ON friendship_requests (receiver_id, expires_at)
    WHERE status = 'pending';
-- Counts a user's own pending requests.
CREATE INDEX friendship_requests_waiting_of_sender ON friendship_requests (sender_id, expires_at)
    WHERE status = 'pending';
-- Finds requests that have expired but are not marked as expired.
CREATE INDEX friendship_requests_waiting ON friendship_requests (expires_at) WHERE status = 'pending';
