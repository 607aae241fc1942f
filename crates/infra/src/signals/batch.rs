//! Wire format of signals: one line of text with a version, within the 8,000 bytes of a PostgreSQL notification.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::conversation::Directed;
use domain::id::UserId;
use uuid::Uuid;

use super::outbox::Outgoing;

/// The version of the format. Batches of another one are ignored.
const VERSION: &str = "1";

/// The longest line in bytes.
const LONGEST: usize = 8000;

/// What one instance tells the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignalBatch {
    /// The instance that sent it.
    pub(super) sender: Uuid,
    /// Whether clients wait for changes there.
    pub(super) is_listening: bool,
    /// Typing reports and changed accounts.
    pub(super) contents: Outgoing,
}

impl SignalBatch {
    /// The line of text, at most 7,000 bytes for what an outbox hands out at once.
    pub(super) fn encode(&self) -> String {
        let reports = self.contents.typing.iter();
        let typing = reports.flat_map(|report| [report.user(), report.peer()]);
        let fields = [bytes(typing), bytes(self.contents.accounts.iter().copied())];
        let [typing, accounts] = fields.map(|field| BASE64.encode(field));
        let (sender, listening) = (BASE64.encode(self.sender.as_bytes()), u8::from(self.is_listening));
        format!("{VERSION} {sender} {listening} {typing} {accounts}")
    }

    /// The batch of a line; `None` for one of another version, and for what is no batch.
    pub(super) fn decode(line: &str) -> Option<Self> {
        if line.len() > LONGEST {
            return None;
        }
        let fields: Vec<&str> = line.split(' ').collect();
        let [VERSION, sender, listening @ ("0" | "1"), typing, accounts] = fields[..] else { return None };
        let [sender] = ids(sender)?[..] else { return None };
        let typing = ids(typing)?;
        let reports = typing.chunks(2).map(|report| match report {
            [writer, reader] => Directed::new(UserId::from_uuid(*writer), UserId::from_uuid(*reader)),
            _ => None,
        });
        let typing = reports.collect::<Option<Vec<_>>>()?;
        let accounts = ids(accounts)?.into_iter().map(UserId::from_uuid).collect();
        Some(Self { sender, is_listening: listening == "1", contents: Outgoing { typing, accounts } })
    }
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

    fn batch(typing: u128, accounts: u128) -> SignalBatch {
        let typing = (0..typing).map(|n| Directed::new(user(n + 2), user(1)).unwrap()).collect();
        let accounts = (0..accounts).map(user).collect();
        let contents = Outgoing { typing, accounts };
        SignalBatch { sender: Uuid::from_u128(u128::MAX), is_listening: typing_is_odd(&contents), contents }
    }

    fn typing_is_odd(contents: &Outgoing) -> bool {
        contents.typing.len() % 2 == 1
    }

    #[test]
    fn a_batch_is_read_as_it_was_written_and_fits_a_notification() {
        for (typing, accounts) in [(0, 0), (1, 0), (0, 1), (3, 5), (160, 0), (0, 320), (100, 120)] {
            let batch = batch(typing, accounts);
            let line = batch.encode();
            assert!(line.len() <= 7000, "{typing}, {accounts}: {}", line.len());
            assert_eq!(SignalBatch::decode(&line), Some(batch));
        }
    }

    #[test]
    fn what_is_no_batch_of_this_version_is_ignored() {
        let good = batch(1, 1).encode();
        let of_other_version = good.replacen('1', "2", 1);
        let to_self = "1 AAAAAAAAAAAAAAAAAAAAAA 0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ";
        for line in ["", "1", "garbage", "1 2 3 4 5", "1  0  ", &of_other_version, &good[..60], to_self] {
            assert_eq!(SignalBatch::decode(line), None, "{line}");
        }
        assert_eq!(SignalBatch::decode(&format!("{good} more")), None);
        assert_eq!(SignalBatch::decode(&batch(0, 400).encode()), None);
    }
}
