DROP TABLE retired_uids;
