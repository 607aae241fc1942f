-- What an account lets its friends see: how far it has read, and that it is writing.
ALTER TABLE users
    ADD COLUMN share_read boolean NOT NULL DEFAULT true,
    ADD COLUMN share_typing boolean NOT NULL DEFAULT true,
    -- A change stamp: `share_read` changed, and with it the read positions in the entries of both sides.
    ADD COLUMN sharing_in bigint NOT NULL DEFAULT 0;
