-- What spares a list of conversations four searches per row.

-- Where the newest recalled and the newest deleted message stand: nearly always nowhere, or far behind. What lies above
-- needs no second look.

-- The newest message that was recalled; 0 where none was.
ALTER TABLE conversations ADD COLUMN recalled_seq bigint NOT NULL DEFAULT 0;
-- The newest message that the member deleted for oneself; 0 where none was.
ALTER TABLE conversation_members ADD COLUMN deleted_seq bigint NOT NULL DEFAULT 0;
-- What the member calls the peer: a copy of the friendship's remark, empty where there is no friendship.
ALTER TABLE conversation_members ADD COLUMN remark text NOT NULL DEFAULT '';

UPDATE conversations c SET recalled_seq = r.seq
  FROM (SELECT conversation_id, max(seq) AS seq FROM messages WHERE recalled_at IS NOT NULL GROUP BY conversation_id) r
 WHERE c.id = r.conversation_id;
UPDATE conversation_members m SET deleted_seq = d.seq
  FROM (SELECT conversation_id, user_id, max(seq) AS seq FROM message_deletions GROUP BY conversation_id, user_id) d
 WHERE m.conversation_id = d.conversation_id AND m.user_id = d.user_id;
UPDATE conversation_members m SET remark = f.remark
  FROM friendships f
 WHERE f.owner_id = m.user_id AND f.friend_id = m.peer_id AND f.remark <> '';
