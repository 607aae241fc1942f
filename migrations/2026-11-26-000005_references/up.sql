-- Foreign keys from a pair's tables to accounts. They are a separate migration, because a database that places the two groups
-- on different machines cannot have them.
ALTER TABLE conversations
    ADD CONSTRAINT conversations_user_lo_exists FOREIGN KEY (user_lo) REFERENCES users (id),
    ADD CONSTRAINT conversations_user_hi_exists FOREIGN KEY (user_hi) REFERENCES users (id);
ALTER TABLE conversation_members
    ADD CONSTRAINT conversation_members_user_exists FOREIGN KEY (user_id) REFERENCES users (id),
    ADD CONSTRAINT conversation_members_peer_exists FOREIGN KEY (peer_id) REFERENCES users (id);
ALTER TABLE friendship_requests
    ADD CONSTRAINT friendship_requests_sender_exists FOREIGN KEY (sender_id) REFERENCES users (id),
    ADD CONSTRAINT friendship_requests_receiver_exists FOREIGN KEY (receiver_id) REFERENCES users (id);
