//! Wire format of signals: one line of text with a version, within the 8,000 bytes of a PostgreSQL notification.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::conversation::{Directed, Pair};
use domain::id::UserId;
use domain::message::Seq;
use domain::realtime::MessageMark;
use uuid::Uuid;

use super::outbox::Outgoing;

/// The version of the format. Batches of another one are ignored.
const VERSION: &str = "2";

/// The longest line in bytes.
const LONGEST: usize = 8000;

/// What one instance tells the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignalBatch {
    /// The instance that sent it.
    pub(super) sender: Uuid,
    /// Whether clients wait for changes there.
    pub(super) is_listening: bool,
    /// Typing reports, changed accounts and stored messages.
    pub(super) contents: Outgoing,
}

impl SignalBatch {
    /// The line of text, at most 7,000 bytes for what an outbox hands out at once.
    pub(super) fn encode(&self) -> String {
        let reports = self.contents.typing.iter();
        let typing = reports.flat_map(|report| [report.user(), report.peer()]);
        let fields = [bytes(typing), bytes(self.contents.accounts.iter().copied())];
        let [typing, accounts] = fields.map(|field| BASE64.encode(field));
        let messages: Vec<u8> = self.contents.messages.iter().flat_map(mark_bytes).collect();
        let messages = BASE64.encode(messages);
        let (sender, listening) = (BASE64.encode(self.sender.as_bytes()), u8::from(self.is_listening));
        format!("{VERSION} {sender} {listening} {typing} {accounts} {messages}")
    }

    /// The batch of a line; `None` for one of another version, and for what is no batch.
    pub(super) fn decode(line: &str) -> Option<Self> {
        if line.len() > LONGEST {
            return None;
        }
        let fields: Vec<&str> = line.split(' ').collect();
        let [VERSION, sender, listening @ ("0" | "1"), typing, accounts, messages] = fields[..] else {
            return None;
        };
        let [sender] = ids(sender)?[..] else { return None };
        let typing = ids(typing)?;
        let reports = typing.chunks(2).map(|report| match report {
            [writer, reader] => Directed::new(UserId::from_uuid(*writer), UserId::from_uuid(*reader)),
            _ => None,
        });
        let typing = reports.collect::<Option<Vec<_>>>()?;
        let accounts = ids(accounts)?.into_iter().map(UserId::from_uuid).collect();
        let messages = BASE64.decode(messages).ok()?;
        let (marks, rest) = messages.as_chunks::<MARK>();
        let messages = marks.iter().map(mark).collect::<Option<Vec<_>>>().filter(|_| rest.is_empty())?;
        let contents = Outgoing { typing, accounts, messages };
        Some(Self { sender, is_listening: listening == "1", contents })
    }
}

/// The length of a message: the two ids, the position and the two stamps.
const MARK: usize = 16 + 16 + 8 + 8 + 8;

fn mark_bytes(mark: &MessageMark) -> Vec<u8> {
    let members = [mark.pair.lo(), mark.pair.hi()];
    let numbers = [mark.seq.get(), mark.stamp, mark.follows];
    [bytes(members.into_iter()), numbers.iter().flat_map(|number| number.to_be_bytes()).collect()].concat()
}

fn mark(bytes: &[u8; MARK]) -> Option<MessageMark> {
    let (members, numbers) = bytes.split_at(32);
    let [lo, hi] = members.as_chunks::<16>().0 else { return None };
    let [seq, stamp, follows] = numbers.as_chunks::<8>().0 else { return None };
    let [lo, hi] = [lo, hi].map(|id| UserId::from_uuid(Uuid::from_bytes(*id)));
    let [seq, stamp, follows] = [seq, stamp, follows].map(|number| i64::from_be_bytes(*number));
    Some(MessageMark { pair: Pair::new(lo, hi)?, seq: Seq::new(seq), stamp, follows })
}

fn bytes(accounts: impl Iterator<Item = UserId>) -> Vec<u8> {
    accounts.flat_map(|account| *account.as_uuid().as_bytes()).collect()
}

fn ids(field: &str) -> Option<Vec<Uuid>> {
    let bytes = BASE64.decode(field).ok()?;
    let (ids, rest) = bytes.as_chunks::<16>();
    rest.is_empty().then(|| ids.iter().map(|id| Uuid::from_bytes(*id)).collect())
}

#[cfg(test)]
mod tests {
    use domain::testing::user;

    use super::*;

    fn batch(typing: u128, accounts: u128, messages: u128) -> SignalBatch {
        let typing = (0..typing).map(|n| Directed::new(user(n + 2), user(1)).unwrap()).collect();
        let accounts = (0..accounts).map(user).collect();
        let message = |n: u128| MessageMark {
            pair: Pair::new(user(n), user(n + 1)).unwrap(),
            seq: Seq::new(i64::MAX),
            stamp: i64::try_from(n).unwrap(),
            follows: i64::try_from(n).unwrap() - 7,
        };
        let contents = Outgoing { typing, accounts, messages: (0..messages).map(message).collect() };
        SignalBatch { sender: Uuid::from_u128(u128::MAX), is_listening: typing_is_odd(&contents), contents }
    }

    fn typing_is_odd(contents: &Outgoing) -> bool {
        contents.typing.len() % 2 == 1
    }

    #[test]
    fn a_batch_is_read_as_it_was_written_and_fits_a_notification() {
        let full = [(160, 0, 0), (0, 320, 0), (0, 0, 80), (100, 40, 20)];
        for (typing, accounts, messages) in
            [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (3, 5, 7)].into_iter().chain(full)
        {
            let batch = batch(typing, accounts, messages);
            let line = batch.encode();
            assert!(line.len() <= 7000, "{typing}, {accounts}, {messages}: {}", line.len());
            assert_eq!(SignalBatch::decode(&line), Some(batch));
        }
    }

    #[test]
    fn what_is_no_batch_of_this_version_is_ignored() {
        let good = batch(1, 1, 1).encode();
        let of_other_version = good.replacen('2', "1", 1);
        let to_self = "2 AAAAAAAAAAAAAAAAAAAAAA 0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA  ";
        let of_none = format!("2 AAAAAAAAAAAAAAAAAAAAAA 0   {}", "A".repeat(75));
        let lines =
            ["", "2", "garbage", "2 2 3 4 5 6", "2  0   ", &of_other_version, &good[..60], to_self, &of_none];
        for line in lines {
            assert_eq!(SignalBatch::decode(line), None, "{line}");
        }
        assert_eq!(SignalBatch::decode(&format!("{good} more")), None);
        assert_eq!(SignalBatch::decode(&batch(0, 400, 0).encode()), None);
    }
}
