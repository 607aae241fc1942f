\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET maintenance_work_mem = '1GB';
-- Seeds PostgreSQL alone: the rows of a chat in bare tables, without the rest of the service. :hubs users with :peers peers each and
-- :messages messages in each conversation, interleaved in time.
CREATE TABLE pairs (n int PRIMARY KEY, id uuid NOT NULL, hub int NOT NULL, sender uuid NOT NULL, receiver uuid NOT NULL);
CREATE TABLE hubs (n int PRIMARY KEY, id uuid NOT NULL);
CREATE TABLE users (id uuid PRIMARY KEY, uid text NOT NULL, name text NOT NULL);
CREATE TABLE conversations (
    id uuid PRIMARY KEY, user_lo uuid NOT NULL, user_hi uuid NOT NULL, friends bool NOT NULL DEFAULT true,
    lo_blocks bool NOT NULL DEFAULT false, hi_blocks bool NOT NULL DEFAULT false, last_seq bigint NOT NULL,
    lo_sent bigint NOT NULL, hi_sent bigint NOT NULL DEFAULT 0, last_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE TABLE members (
    conversation_id uuid, user_id uuid, peer_id uuid NOT NULL, read_seq bigint NOT NULL DEFAULT 0,
    cleared_seq bigint NOT NULL DEFAULT 0, peer_seen bigint NOT NULL DEFAULT 0, PRIMARY KEY (conversation_id, user_id)
) WITH (fillfactor = 80);
CREATE INDEX ON members (user_id);
CREATE TABLE messages (
    conversation_id uuid NOT NULL, seq bigint NOT NULL, sender_id uuid NOT NULL, sender_ordinal bigint NOT NULL,
    client_message_id text, content text, created_at timestamptz NOT NULL DEFAULT now(), recalled_at timestamptz
);

INSERT INTO hubs SELECT n, gen_random_uuid() FROM generate_series(1, :hubs) n;
INSERT INTO pairs
    SELECT g.n, gen_random_uuid(), h.n, gen_random_uuid(), h.id
      FROM generate_series(1, :hubs * :peers) AS g (n) JOIN hubs h ON h.n = 1 + (g.n - 1) % :hubs;
INSERT INTO users
    SELECT sender, 'peer_' || n, 'Peer ' || n FROM pairs UNION ALL SELECT id, 'hub_' || n, 'Hub ' || n FROM hubs;
INSERT INTO conversations (id, user_lo, user_hi, last_seq, lo_sent, last_at)
    SELECT id, sender, receiver, :messages, :messages, now() FROM pairs;
INSERT INTO members (conversation_id, user_id, peer_id)
    SELECT id, sender, receiver FROM pairs UNION ALL SELECT id, receiver, sender FROM pairs;
INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content)
    SELECT id, k, sender, k, 'hello world this is message ' || k FROM generate_series(1, :messages) k, pairs;
ALTER TABLE messages ADD PRIMARY KEY (conversation_id, seq);
CREATE UNIQUE INDEX ON messages (conversation_id, sender_id, client_message_id) WHERE client_message_id IS NOT NULL;
VACUUM ANALYZE;
CHECKPOINT;
