//! People, friendships and histories by the thousand, made by SQL alone.

use domain::conversation::Pair;
use domain::id::{ConversationId, UserId};
use uuid::Uuid;

use crate::support::{Ground, pair};

/// The person with this number.
pub(crate) fn person(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

/// The conversation of the two people with these numbers.
pub(crate) fn conversation(one: u128, other: u128) -> ConversationId {
    pair(person(one), person(other)).conversation_id()
}

/// Two friends, by their numbers, and how many messages they have sent in turn, the one with the smaller number first.
pub(crate) type Talk = (u128, u128, usize);

/// A PostgreSQL array of what `column` makes of each talk.
fn array<T: ToString>(talks: &[Talk], column: impl Fn(&Talk) -> T, of: &str) -> String {
    let items: Vec<String> = talks.iter().map(|talk| column(talk).to_string()).collect();
    format!("'{{{}}}'::{of}[]", items.join(","))
}

fn pair_of(talk: &Talk) -> Pair {
    pair(person(talk.0), person(talk.1))
}

impl Ground {
    /// Makes the people with the numbers 1 to `count`.
    pub(crate) fn populate(&self, count: usize) {
        self.sql(&format!(
            "INSERT INTO users (id, uid, name, password_hash)
             SELECT lpad(to_hex(n), 32, '0')::uuid, 'person_' || n, 'Person ' || n, 'no hash'
               FROM generate_series(1, {count}) n"
        ));
    }

    /// Makes friends who have talked, the first of them most lately. Nobody has read anything.
    pub(crate) fn talks(&self, talks: &[Talk]) {
        let ids = array(talks, |talk| pair_of(talk).conversation_id(), "uuid");
        let los = array(talks, |talk| pair_of(talk).lo(), "uuid");
        let his = array(talks, |talk| pair_of(talk).hi(), "uuid");
        let counts = array(talks, |talk| talk.2, "bigint");
        self.sql(&format!(
            "CREATE TEMPORARY TABLE talks AS
             SELECT *, timestamptz '2026-01-01' - rank * interval '1 minute' AS last_at
               FROM unnest({ids}, {los}, {his}, {counts}) WITH ORDINALITY AS t (id, lo, hi, messages, rank);
             INSERT INTO conversations
                    (id, user_lo, user_hi, friends, befriended_at, last_seq, lo_sent, hi_sent, last_at)
             SELECT id, lo, hi, true, last_at - interval '1 year', messages, (messages + 1) / 2, messages / 2,
                    CASE WHEN messages > 0 THEN last_at END
               FROM talks;
             INSERT INTO conversation_members (conversation_id, user_id, peer_id)
             SELECT id, lo, hi FROM talks UNION ALL SELECT id, hi, lo FROM talks;
             INSERT INTO friendships (owner_id, friend_id, friendship_id, created_at)
             SELECT lo, hi, id, last_at FROM talks UNION ALL SELECT hi, lo, id, last_at FROM talks;
             INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
             SELECT id, seq, CASE seq % 2 WHEN 1 THEN lo ELSE hi END, (seq + 1) / 2, 'message ' || seq,
                    last_at - (messages - seq) * interval '1 millisecond'
               FROM talks, generate_series(1, messages) seq"
        ));
    }

    /// Lets people ask others, by their numbers, to become friends, the last of them most lately.
    pub(crate) fn requests(&self, asked: &[(u128, u128)]) {
        let talks: Vec<Talk> = asked.iter().map(|(sender, receiver)| (*sender, *receiver, 0)).collect();
        let ids = array(&talks, |talk| pair_of(talk).conversation_id(), "uuid");
        let los = array(&talks, |talk| pair_of(talk).lo(), "uuid");
        let his = array(&talks, |talk| pair_of(talk).hi(), "uuid");
        let senders = array(&talks, |talk| person(talk.0), "uuid");
        let receivers = array(&talks, |talk| person(talk.1), "uuid");
        self.sql(&format!(
            "INSERT INTO conversations (id, user_lo, user_hi) SELECT * FROM unnest({ids}, {los}, {his});
             INSERT INTO friendship_requests
                    (conversation_id, id, sender_id, receiver_id, verification_message, created_at, expires_at)
             SELECT id, id, sender, receiver, '', timestamptz '2026-01-01' + rank * interval '1 minute', '2126-01-01'
               FROM unnest({ids}, {senders}, {receivers}) WITH ORDINALITY AS t (id, sender, receiver, rank)"
        ));
    }

    /// Lets one of two people, by their numbers, have deleted messages of their conversation.
    pub(crate) fn delete_for(&self, who: u128, peer: u128, places: &str) {
        self.sql(&format!(
            "INSERT INTO message_deletions SELECT '{id}', '{member}', seq FROM generate_series({places}) seq;
             UPDATE conversation_members SET deleted_seq = (SELECT max(seq) FROM generate_series({places}) seq)
              WHERE conversation_id = '{id}' AND user_id = '{member}'",
            id = conversation(who, peer),
            member = person(who),
        ));
    }

    /// Lets both of two people, by their numbers, have recalled messages of their conversation.
    pub(crate) fn recall(&self, one: u128, other: u128, places: &str) {
        self.sql(&format!(
            "UPDATE messages SET content = NULL, recalled_at = created_at
              WHERE conversation_id = '{id}' AND seq IN (SELECT generate_series({places}));
             UPDATE conversations SET recalled_seq = (SELECT max(seq) FROM generate_series({places}) seq)
              WHERE id = '{id}'",
            id = conversation(one, other),
        ));
    }

    /// Lets the planner know what there is.
    pub(crate) fn analyze(&self) {
        self.sql("VACUUM ANALYZE");
    }
}
