\set n random(1, :hubs * :peers)
SELECT x.seq, x.sender_id, x.content, x.created_at, x.recalled_at, c.last_seq, m.read_seq
  FROM pairs p
  JOIN members m ON m.conversation_id = p.id AND m.user_id = p.sender
  JOIN conversations c ON c.id = p.id
  JOIN messages x ON x.conversation_id = c.id AND x.seq > m.cleared_seq
 WHERE p.n = :n
 ORDER BY x.seq DESC LIMIT 50;
