TRUNCATE search_blocks;
UPDATE search_progress SET indexed_seq = 0 WHERE indexed_seq > 0;
