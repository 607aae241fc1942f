ALTER TABLE users
    DROP COLUMN sharing_in,
    DROP COLUMN share_typing,
    DROP COLUMN share_read;
