//! Skip scan over deleted messages: a page of a history is read from the gaps between the ranges that its member deleted.
//!
//! Problem: a page that passes over deleted messages one by one costs more with each deletion. Deletions are stored as ranges
//! that never touch, and `seq` has no gaps. So the number of visible messages between two ranges follows from their ends, and a
//! page of n messages needs at most n ranges, each found by its key.

/// SQL query: the gaps between the ranges that the member `m` deleted, from the newest before `r.before` on, cut to `r.most`
/// messages in all. A gap's messages are those with `seq` greater than `after` and less than `before`. `OFFSET 0` keeps the planner
/// from looking each end up twice.
pub(super) const GAPS_BEFORE: &str = "
    SELECT greatest(g.bottom, g.top - 1 - r.most + g.taken) AS after, g.top AS before
      FROM (SELECT e.top, e.bottom,
                   coalesce(sum(greatest(e.top - e.bottom - 1, 0)) OVER (
                       ORDER BY e.top DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint AS taken
              FROM (SELECT t.top, greatest(m.cleared_seq, (
                           SELECT d.last_seq FROM message_deletions d
                            WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id
                              AND d.first_seq < t.top
                            ORDER BY d.first_seq DESC LIMIT 1)) AS bottom
                      FROM (SELECT least(r.before, c.last_seq + 1) AS top
                            UNION ALL
                            (SELECT d.first_seq FROM message_deletions d
                              WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id
                                AND d.first_seq < r.before AND d.first_seq > m.cleared_seq
                              ORDER BY d.first_seq DESC LIMIT r.most)) t
                   OFFSET 0) e) g
     WHERE g.taken < r.most";

/// SQL query: as [`GAPS_BEFORE`], from the oldest after `r.after` on.
pub(super) const GAPS_AFTER: &str = "
    SELECT g.bottom AS after, least(g.top, g.bottom + 1 + r.most - g.taken) AS before
      FROM (SELECT e.top, e.bottom,
                   coalesce(sum(greatest(e.top - e.bottom - 1, 0)) OVER (
                       ORDER BY e.bottom ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint AS taken
              FROM (SELECT t.bottom, coalesce((
                           SELECT d.first_seq FROM message_deletions d
                            WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id
                              AND d.last_seq > t.bottom
                            ORDER BY d.last_seq LIMIT 1), c.last_seq + 1) AS top
                      FROM (SELECT least(greatest(r.after, m.cleared_seq), c.last_seq) AS bottom
                            UNION ALL
                            (SELECT d.last_seq FROM message_deletions d
                              WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id
                                AND d.last_seq > greatest(r.after, m.cleared_seq)
                              ORDER BY d.last_seq LIMIT r.most)) t
                   OFFSET 0) e) g
     WHERE g.taken < r.most";
