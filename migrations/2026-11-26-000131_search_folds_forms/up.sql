-- The folding of texts has changed (NFKC, variation selectors): blocks that were folded by the earlier rule would hide messages.
-- The indexer writes them again; until then, searches read the messages themselves.
TRUNCATE search_blocks;
UPDATE search_progress SET indexed_seq = 0 WHERE indexed_seq > 0;
