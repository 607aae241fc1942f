DROP TABLE lineages;
DROP TABLE deletions_by_change;
DROP TABLE recalls_by_change;
DROP INDEX sessions_by_change;
ALTER TABLE sessions DROP COLUMN changed_in;
ALTER TABLE users DROP COLUMN shown_in, DROP COLUMN changed_in;
ALTER TABLE conversation_members DROP COLUMN shown_in, DROP COLUMN changed_in;
ALTER TABLE conversations DROP COLUMN related_in, DROP COLUMN changed_in;
