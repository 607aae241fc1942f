\set n random(1, :hubs * :peers)
WITH pair AS (SELECT id, sender FROM pairs WHERE n = :n),
     counted AS (
         UPDATE conversations c SET last_seq = last_seq + 1, lo_sent = lo_sent + 1, last_at = clock_timestamp()
           FROM pair WHERE c.id = pair.id AND c.friends AND NOT c.lo_blocks AND NOT c.hi_blocks
         RETURNING c.id, c.last_seq, c.lo_sent, pair.sender)
INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, client_message_id)
    SELECT id, last_seq, sender, lo_sent, 'hello world this is a message', gen_random_uuid()::text FROM counted;
