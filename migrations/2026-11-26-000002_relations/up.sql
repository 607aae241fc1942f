-- Directed relations between accounts, each owned by one of them. Every unique key starts with the owner.

-- Two rows per friendship, one per owner, so that a friend list is one range of the key and needs no OR.
CREATE TABLE friendships (
    owner_id uuid NOT NULL REFERENCES users (id),
    friend_id uuid NOT NULL REFERENCES users (id),
    -- Shared by both rows.
    friendship_id uuid NOT NULL,
    remark text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (owner_id, friend_id),
    CONSTRAINT friendships_need_two CHECK (owner_id <> friend_id)
);

CREATE INDEX friendships_newest_first ON friendships (owner_id, created_at DESC, friend_id DESC);

CREATE TABLE blocks (
    owner_id uuid NOT NULL REFERENCES users (id),
    blocked_id uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (owner_id, blocked_id),
    CONSTRAINT blocks_need_two CHECK (owner_id <> blocked_id)
);

CREATE INDEX blocks_newest_first ON blocks (owner_id, created_at DESC, blocked_id DESC);
