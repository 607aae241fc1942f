//! Thousands of users, friendships and message histories, inserted by SQL.

use domain::conversation::Pair;
use domain::id::{ConversationId, UserId};
use uuid::Uuid;

use crate::support::{Database, pair};

/// The user with this number.
pub(crate) fn person(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

/// The conversation of the users with these numbers.
pub(crate) fn conversation(one: u128, other: u128) -> ConversationId {
    pair(person(one), person(other)).conversation_id()
}

/// Two friends by number and how many messages they sent in turn, beginning with the smaller number.
pub(crate) type History = (u128, u128, usize);

/// A PostgreSQL array of `column` of each history.
fn array<T: ToString>(histories: &[History], column: impl Fn(&History) -> T, of: &str) -> String {
    let items: Vec<String> = histories.iter().map(|history| column(history).to_string()).collect();
    format!("'{{{}}}'::{of}[]", items.join(","))
}

fn pair_of(history: &History) -> Pair {
    pair(person(history.0), person(history.1))
}

impl Database {
    /// Creates the users with the numbers 1 to `count`.
    pub(crate) fn populate(&self, count: usize) {
        self.sql(&format!(
            "INSERT INTO users (id, uid, name, password_hash)
             SELECT lpad(to_hex(n), 32, '0')::uuid, 'person_' || n, 'Person ' || n, 'no hash'
               FROM generate_series(1, {count}) n"
        ));
    }

    /// Creates friends with message histories, the most recently active first. All messages are unread.
    pub(crate) fn histories(&self, histories: &[History]) {
        let ids = array(histories, |history| pair_of(history).conversation_id(), "uuid");
        let lows = array(histories, |history| pair_of(history).lo(), "uuid");
        let highs = array(histories, |history| pair_of(history).hi(), "uuid");
        let counts = array(histories, |history| history.2, "bigint");
        self.sql(&format!(
            "CREATE TEMPORARY TABLE histories AS
             SELECT *, timestamptz '2026-01-01' - rank * interval '1 minute' AS last_at
               FROM unnest({ids}, {lows}, {highs}, {counts}) WITH ORDINALITY AS t (id, lo, hi, messages, rank);
             INSERT INTO conversations
                    (id, user_lo, user_hi, friends, befriended_at, last_seq, lo_sent, hi_sent, last_at)
             SELECT id, lo, hi, true, last_at - interval '1 year', messages, (messages + 1) / 2, messages / 2,
                    CASE WHEN messages > 0 THEN last_at END
               FROM histories;
             INSERT INTO conversation_members (conversation_id, user_id, peer_id)
             SELECT id, lo, hi FROM histories UNION ALL SELECT id, hi, lo FROM histories;
             INSERT INTO friendships (owner_id, friend_id, friendship_id, created_at)
             SELECT lo, hi, id, last_at FROM histories UNION ALL SELECT hi, lo, id, last_at FROM histories;
             INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
             SELECT id, seq, CASE seq % 2 WHEN 1 THEN lo ELSE hi END, (seq + 1) / 2, 'message ' || seq,
                    last_at - (messages - seq) * interval '1 millisecond'
               FROM histories, generate_series(1, messages) seq"
        ));
    }

    /// Creates pending requests between these numbers, the most recent last.
    pub(crate) fn requests(&self, asked: &[(u128, u128)]) {
        let histories: Vec<History> =
            asked.iter().map(|(sender, receiver)| (*sender, *receiver, 0)).collect();
        let ids = array(&histories, |history| pair_of(history).conversation_id(), "uuid");
        let lows = array(&histories, |history| pair_of(history).lo(), "uuid");
        let highs = array(&histories, |history| pair_of(history).hi(), "uuid");
        let senders = array(&histories, |history| person(history.0), "uuid");
        let receivers = array(&histories, |history| person(history.1), "uuid");
        self.sql(&format!(
            "INSERT INTO conversations (id, user_lo, user_hi) SELECT * FROM unnest({ids}, {lows}, {highs});
             INSERT INTO friendship_requests
                    (conversation_id, id, sender_id, receiver_id, verification_message, created_at, expires_at)
             SELECT id, id, sender, receiver, '', timestamptz '2026-01-01' + rank * interval '1 minute', '2126-01-01'
               FROM unnest({ids}, {senders}, {receivers}) WITH ORDINALITY AS t (id, sender, receiver, rank)"
        ));
    }

    /// Marks messages as deleted by one of the two members.
    pub(crate) fn delete_for(&self, who: u128, peer: u128, places: &str) {
        self.sql(&format!(
            "INSERT INTO message_deletions
             SELECT '{id}', '{member}', min(seq), max(seq)
               FROM (SELECT seq, seq - row_number() OVER (ORDER BY seq) AS run FROM generate_series({places}) seq) s
              GROUP BY run;
             UPDATE conversation_members SET deleted_seq = (SELECT max(seq) FROM generate_series({places}) seq)
              WHERE conversation_id = '{id}' AND user_id = '{member}'",
            id = conversation(who, peer),
            member = person(who),
        ));
        self.count_hidden(conversation(who, peer));
    }

    /// Marks messages of a conversation as recalled, by both members.
    pub(crate) fn recall(&self, one: u128, other: u128, places: &str) {
        self.sql(&format!(
            "UPDATE messages SET content = NULL, recalled_at = created_at
              WHERE conversation_id = '{id}' AND seq IN (SELECT generate_series({places}));
             UPDATE conversations SET recalled_seq = (SELECT max(seq) FROM generate_series({places}) seq)
              WHERE id = '{id}'",
            id = conversation(one, other),
        ));
        self.count_hidden(conversation(one, other));
    }

    /// Counts the unread messages that a deletion or a recall hides, as the adapters do one by one.
    fn count_hidden(&self, conversation: ConversationId) {
        self.sql(&format!(
            "UPDATE conversation_members m SET hidden_unread = (
                    SELECT count(*) FROM messages x
                     WHERE x.conversation_id = m.conversation_id AND x.sender_id = m.peer_id
                       AND x.seq > greatest(m.read_seq, m.cleared_seq)
                       AND (x.recalled_at IS NOT NULL OR x.seq <= (
                            SELECT d.last_seq FROM message_deletions d
                             WHERE d.conversation_id = m.conversation_id AND d.user_id = m.user_id
                               AND d.first_seq <= x.seq
                             ORDER BY d.first_seq DESC LIMIT 1)))
              WHERE conversation_id = '{conversation}'"
        ));
    }

    /// Updates the planner's statistics.
    pub(crate) fn analyze(&self) {
        self.sql("VACUUM ANALYZE");
    }
}
