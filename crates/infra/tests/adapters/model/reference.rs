//! The reference model: what two users have sent and done, in the plainest possible form.

/// A message, common to both users.
#[derive(Debug, Clone)]
pub(super) struct ModelMessage {
    pub(super) sender: usize,
    pub(super) text: String,
    pub(super) key: Option<u8>,
    pub(super) recalled: bool,
    pub(super) deleted_by: [bool; 2],
}

/// The state of one user.
#[derive(Debug, Clone, Default)]
pub(super) struct MemberState {
    pub(super) read: usize,
    pub(super) cleared: usize,
    pub(super) hidden: bool,
    pub(super) pinned: bool,
    /// The remark about the other user.
    pub(super) remark: String,
    /// Number of messages from the third user, who is always a friend.
    pub(super) received_from_third_user: usize,
}

/// The whole state. Times are step numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) messages: Vec<ModelMessage>,
    pub(super) views: [MemberState; 2],
    pub(super) friends: bool,
    pub(super) met: bool,
    pub(super) blocks: [bool; 2],
    pub(super) active_at: usize,
    pub(super) third_user_active_at: [usize; 2],
}

impl Model {
    /// The messages that `who` can see with their `seq`, oldest first.
    pub(super) fn visible(&self, who: usize) -> Vec<(usize, &ModelMessage)> {
        let numbered = self.messages.iter().enumerate().map(|(index, message)| (index + 1, message));
        numbered.filter(|(seq, message)| *seq > self.views[who].cleared && !message.deleted_by[who]).collect()
    }

    /// Contract, invariant 3: visible to the user, sent by the other, after the read position, not recalled.
    pub(super) fn unread(&self, who: usize) -> usize {
        let unread = self.visible(who).into_iter().filter(|(seq, message)| {
            *seq > self.views[who].read && message.sender != who && !message.recalled
        });
        unread.count()
    }

    pub(super) fn is_listed(&self, who: usize) -> bool {
        let view = &self.views[who];
        self.met && (!view.hidden || self.messages.len() > view.cleared)
    }
}
