ALTER TABLE conversation_members DROP COLUMN remark, DROP COLUMN deleted_seq;
ALTER TABLE conversations DROP COLUMN recalled_seq;
