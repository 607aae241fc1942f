//! Fan-out to the sockets of this instance: typing reports, stored messages and the ends of sessions.

use std::collections::HashSet;
use std::sync::Arc;

use domain::auth::EndAudience;
use domain::conversation::Directed;
use domain::id::{SessionId, UserId};
use domain::realtime::{HandOver, MessageAudience, StoredMessage, TypingAudience};

use super::hub::{HubNote, SocketHub};

impl TypingAudience for SocketHub {
    /// A report of another instance has the same limit here, so that one who writes on two of them is not shown twice.
    fn show(&self, report: Directed) {
        let (writer, reader, conversation) = (report.user(), report.peer(), report.pair.conversation_id());
        if self.is_connected(reader) && self.may_type(writer, conversation) {
            self.tell_typing(reader, conversation, writer);
        }
    }
}

impl EndAudience for SocketHub {
    fn ended(&self, sessions: &[SessionId]) {
        let sessions: HashSet<&SessionId> = sessions.iter().collect();
        let registry = self.registry.lock();
        let members = registry.accounts.values().flatten();
        // However long a slow client or the database holds them up.
        for member in members.filter(|member| sessions.contains(&member.session)) {
            member.ended.notify_one();
        }
    }
}

impl MessageAudience for SocketHub {
    fn show_message(&self, member: UserId, message: &Arc<StoredMessage>) -> HandOver {
        let registry = self.registry.lock();
        let mut reached = HandOver { takers: 0, is_complete: true };
        for socket in registry.accounts.get(&member).into_iter().flatten() {
            match socket.notes.try_send(HubNote::Stored(Arc::clone(message))) {
                Ok(()) => reached.takers += 1,
                Err(_) => reached.is_complete = false,
            }
        }
        reached
    }
}
