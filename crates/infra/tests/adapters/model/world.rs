//! The model: what two people have said and done, kept as plainly as possible.

/// A message as both sides have it.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) sender: usize,
    pub(super) text: String,
    pub(super) key: Option<u8>,
    pub(super) recalled: bool,
    pub(super) deleted_by: [bool; 2],
}

/// What one of the two sees.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) read: usize,
    pub(super) cleared: usize,
    pub(super) hidden: bool,
    pub(super) pinned: bool,
    /// What one calls the other.
    pub(super) remark: String,
    /// Messages of somebody else, who is a friend all along.
    pub(super) heard_from_another: usize,
}

/// The whole of it. Time is the number of the step that something happened in.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) said: Vec<Said>,
    pub(super) views: [View; 2],
    pub(super) friends: bool,
    pub(super) met: bool,
    pub(super) blocks: [bool; 2],
    pub(super) active_at: usize,
    pub(super) another_active_at: [usize; 2],
}

impl Model {
    /// What `who` can see, with its place, oldest first.
    pub(super) fn visible(&self, who: usize) -> Vec<(usize, &Said)> {
        let numbered = self.said.iter().enumerate().map(|(index, said)| (index + 1, said));
        numbered.filter(|(seq, said)| *seq > self.views[who].cleared && !said.deleted_by[who]).collect()
    }

    /// Contract, invariant 3: visible to me, sent by the other, behind the read position, not recalled.
    pub(super) fn unread(&self, who: usize) -> usize {
        let unread = self
            .visible(who)
            .into_iter()
            .filter(|(seq, said)| *seq > self.views[who].read && said.sender != who && !said.recalled);
        unread.count()
    }

    pub(super) fn is_listed(&self, who: usize) -> bool {
        let view = &self.views[who];
        self.met && (!view.hidden || self.said.len() > view.cleared)
    }
}
