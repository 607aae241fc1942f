//! The enemy: one hostile account at one hostile address.

use anyhow::Context;
use serde_json::json;

use super::caller::{SiegeCaller, text};

/// An honest person that the enemy knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Victim {
    pub(super) uid: String,
    pub(super) id: String,
}

/// What the enemy has to work with.
pub(super) struct Enemy {
    /// The hostile account, at the hostile address.
    pub(super) caller: SiegeCaller,
    pub(super) id: String,
    /// A second account of the enemy, for conversations.
    pub(super) accomplice: String,
    pub(super) conversation: String,
    pub(super) victims: Vec<Victim>,
}

impl Enemy {
    /// Long texts in the enemy's conversation.
    const MESSAGES: u32 = 5000;

    /// Registers the enemy and its accomplice.
    pub(super) fn prepare(base: &str, victims: Vec<Victim>) -> anyhow::Result<Self> {
        let address = "198.51.100.66".to_owned();
        let mut accounts = Vec::new();
        for uid in ["enemy_account_1", "enemy_account_2"] {
            let mut caller = SiegeCaller::new(base, address.clone());
            let data = caller.register(uid).data().context("the enemy cannot register")?;
            caller.token = text(&data, "/token_class/token")?;
            accounts.push((caller, text(&data, "/user_info/user_id")?));
        }
        let [(caller, id), (other, accomplice)] =
            <[_; 2]>::try_from(accounts).map_err(|_| anyhow::anyhow!("two accounts"))?;
        caller.post("/api/auth/friendship_requests", &json!({"receiver_id": accomplice})).data()?;
        other.post("/api/auth/friendship_requests", &json!({"receiver_id": id})).data()?;
        let list = caller.get("/api/auth/conversations").data()?;
        let conversation = text(&list, "/0/conversation_id")?;
        Ok(Self { caller, id, accomplice, conversation, victims })
    }

    /// SQL that stores years of long messages at once.
    pub(super) fn long_history(&self) -> String {
        let Self { id, conversation, .. } = self;
        let count = Self::MESSAGES;
        format!(
            "INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
             SELECT '{conversation}', n, '{id}', n, repeat(md5(n::text), 150), now() FROM generate_series(1, {count}) n;
             UPDATE conversations SET last_seq = {count},
                    lo_sent = CASE WHEN user_lo = '{id}' THEN {count} ELSE 0 END,
                    hi_sent = CASE WHEN user_hi = '{id}' THEN {count} ELSE 0 END
              WHERE id = '{conversation}'"
        )
    }
}
