//! What other layers and instances show to the sockets of this instance.

use std::sync::Arc;

use domain::conversation::Directed;
use domain::id::UserId;
use domain::realtime::{MessageAudience, StoredMessage, TypingAudience};

use super::hub::SocketHub;

impl TypingAudience for SocketHub {
    /// A report of another instance has the same limit here, so that one who writes on two of them is not shown twice.
    fn show(&self, report: Directed) {
        let (writer, reader, conversation) = (report.user(), report.peer(), report.pair.conversation_id());
        if self.is_connected(reader) && self.may_type(writer, conversation) {
            self.tell_typing(reader, conversation, writer);
        }
    }
}

impl MessageAudience for SocketHub {
    fn show_message(&self, member: UserId, message: &Arc<StoredMessage>) -> bool {
        self.hand(member, message)
    }
}
