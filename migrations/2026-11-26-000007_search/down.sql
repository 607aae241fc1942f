DROP TABLE search_blocks;
DROP TABLE search_progress;
