-- What one account is to another, seen from its owner's side. Every unique key starts with the owner.

-- Two rows per friendship, one owned by each side, so that a list of friends is one range of the key and never an OR.
CREATE TABLE friendships (
    owner_id uuid NOT NULL REFERENCES users (id),
    friend_id uuid NOT NULL REFERENCES users (id),
    -- Both sides' rows share it.
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
