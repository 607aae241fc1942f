-- Seeds a migrated database for a measurement: :hubs users with :peers peers each and :messages messages per conversation, interleaved in
-- time as in real use. All have the password of `bench_seed`, which was registered before.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET maintenance_work_mem = '1GB';
SET max_parallel_maintenance_workers = 2;
CREATE EXTENSION IF NOT EXISTS pgcrypto;

CREATE TEMP TABLE people AS
    SELECT n AS hub, k AS peer, gen_random_uuid() AS id
      FROM generate_series(1, :hubs) n, generate_series(0, :peers) k;

INSERT INTO users (id, uid, name, password_hash)
    SELECT id, format('hub_%s_%s', hub, peer),
           format('Bench %s.%s', hub, peer),
           (SELECT password_hash FROM users WHERE uid = 'bench_seed')
      FROM people;

-- The id of a conversation is a UUIDv5 of its two users, as in domain::conversation::Pair.
CREATE FUNCTION pg_temp.conversation_id(lo uuid, hi uuid) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(set_byte(set_byte(h, 6, get_byte(h, 6) & 15 | 80), 8, get_byte(h, 8) & 63 | 128), 'hex')::uuid
      FROM (SELECT substr(digest(uuid_send('6d1c2f0e-8b5a-4c3d-9e7f-10a2b3c4d5e6') || uuid_send(lo) || uuid_send(hi),
                                 'sha1'), 1, 16) AS h) hashed
$$;

CREATE TABLE bench_pairs AS
    SELECT pg_temp.conversation_id(least(h.id, p.id), greatest(h.id, p.id)) AS id, h.hub, h.id AS hub_id, p.id AS peer_id,
           row_number() OVER () AS n
      FROM people h JOIN people p ON p.hub = h.hub AND p.peer > 0
     WHERE h.peer = 0;

INSERT INTO conversations (id, user_lo, user_hi, friends, befriended_at, last_seq, lo_sent, hi_sent, last_at)
    SELECT id, least(hub_id, peer_id), greatest(hub_id, peer_id), true, now() - interval '1 year', :messages,
           CASE WHEN hub_id < peer_id THEN (:messages + 1) / 2 ELSE :messages / 2 END,
           CASE WHEN hub_id < peer_id THEN :messages / 2 ELSE (:messages + 1) / 2 END, now()
      FROM bench_pairs;
INSERT INTO conversation_members (conversation_id, user_id, peer_id)
    SELECT id, hub_id, peer_id FROM bench_pairs UNION ALL SELECT id, peer_id, hub_id FROM bench_pairs;
INSERT INTO friendships (owner_id, friend_id, friendship_id, created_at)
    SELECT hub_id, peer_id, id, now() FROM bench_pairs UNION ALL SELECT peer_id, hub_id, id, now() FROM bench_pairs;

-- The keys of the messages are built once, at the end.
CREATE TEMP TABLE keys AS
    SELECT 1 AS nth, format('ALTER TABLE messages DROP CONSTRAINT %I', conname) AS off,
           format('ALTER TABLE messages ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) AS again
      FROM pg_constraint WHERE conrelid = 'messages'::regclass AND contype = 'p'
     UNION ALL
    SELECT 2, format('DROP INDEX %I', indexrelid::regclass), pg_get_indexdef(indexrelid)
      FROM pg_index WHERE indrelid = 'messages'::regclass AND NOT indisprimary;
SELECT off FROM keys ORDER BY nth DESC \gexec
INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, client_message_id, content, created_at)
    SELECT p.id, k, CASE WHEN k % 2 = 1 THEN p.hub_id ELSE p.peer_id END, (k + 1) / 2, gen_random_uuid()::text,
           'hello world this is message ' || k, now() - (:messages - k) * interval '1 second'
      FROM generate_series(1, :messages) k, bench_pairs p
     ORDER BY k, hashint8(p.n + k);
SELECT again FROM keys ORDER BY nth \gexec
VACUUM ANALYZE;
CHECKPOINT;
