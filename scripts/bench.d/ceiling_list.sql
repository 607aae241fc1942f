\set n random(1, :hubs)
SELECT c.id, u.id, u.name, c.last_seq, m.read_seq, c.lo_sent, c.hi_sent, m.peer_seen, x.seq, x.sender_id, x.content, x.created_at
  FROM hubs h
  JOIN members m ON m.user_id = h.id
  JOIN conversations c ON c.id = m.conversation_id
  JOIN users u ON u.id = m.peer_id
 CROSS JOIN LATERAL (
       SELECT * FROM messages x
        WHERE x.conversation_id = c.id AND x.seq > m.cleared_seq ORDER BY x.seq DESC LIMIT 1) x
 WHERE h.n = :n
 ORDER BY c.last_at DESC LIMIT 20;
