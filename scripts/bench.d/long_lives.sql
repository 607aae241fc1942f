-- Gives the first user 1,000 conversations, and the second one a conversation that ends with 10,000 deleted messages.
\set ON_ERROR_STOP on
CREATE TEMP TABLE more AS
    SELECT gen_random_uuid() AS id, hub.hub_id, other.peer_id, row_number() OVER () AS n
      FROM (SELECT DISTINCT hub_id FROM bench_pairs WHERE hub = 1) hub,
           (SELECT peer_id FROM bench_pairs WHERE hub > 2 ORDER BY n LIMIT
                1000 - (SELECT count(*) FROM bench_pairs WHERE hub = 1)) other;
INSERT INTO conversations (id, user_lo, user_hi, friends, befriended_at, last_seq, lo_sent, hi_sent, last_at)
    SELECT id, least(hub_id, peer_id), greatest(hub_id, peer_id), true, now(), 10, 5, 5, now() - n * interval '1 minute'
      FROM more;
INSERT INTO conversation_members (conversation_id, user_id, peer_id)
    SELECT id, hub_id, peer_id FROM more UNION ALL SELECT id, peer_id, hub_id FROM more;
INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
    SELECT id, k, CASE WHEN k % 2 = 1 THEN hub_id ELSE peer_id END, (k + 1) / 2, 'hello world this is message ' || k, now()
      FROM generate_series(1, 10) k, more;

CREATE TEMP TABLE hidden AS
    SELECT p.id, p.hub_id, p.peer_id, c.last_seq AS since
      FROM bench_pairs p JOIN conversations c USING (id) WHERE p.hub = 2 ORDER BY n LIMIT 1;
INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
    SELECT id, since + k, CASE WHEN k % 2 = 1 THEN hub_id ELSE peer_id END, since + (k + 1) / 2, 'hello world', now()
      FROM generate_series(1, 20000) k, hidden;
UPDATE conversations c SET last_seq = last_seq + 20000, lo_sent = lo_sent + 10000, hi_sent = hi_sent + 10000
  FROM hidden h WHERE h.id = c.id;
INSERT INTO message_deletions (conversation_id, user_id, first_seq, last_seq)
    SELECT id, hub_id, since + 10001, since + 20000 FROM hidden;
UPDATE conversation_members m SET deleted_seq = h.since + 20000, hidden_unread = 5000
  FROM hidden h WHERE h.id = m.conversation_id AND h.hub_id = m.user_id;
VACUUM ANALYZE;
