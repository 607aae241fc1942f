DROP TABLE friendship_requests;
DROP TABLE conversation_members;
DROP TABLE conversations;
