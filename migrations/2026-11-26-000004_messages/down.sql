DROP TABLE message_deletions;
DROP TABLE messages;
