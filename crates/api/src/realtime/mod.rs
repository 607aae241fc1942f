//! The socket: WebSocket connections over which every change reaches every device.
//!
//! A socket reads what has changed since the point that it has shown, and sends it, whatever wakes it. So nothing waits for a slow
//! reader but changes in the database, and no wake-up that is lost loses a change. Stored messages are handed to it: it sends those
//! that follow what it has sent, and reads otherwise.
//!
//! | file | content |
//! |---|---|
//! | `handshake` | the endpoint: who may open a socket |
//! | `socket` | the life of a socket: authentication, heartbeats, limits, the end |
//! | `identity` | who a socket belongs to |
//! | `live` | what changes in its life, and when something is due |
//! | `catch_up` | what a client has missed, page by page |
//! | `delivery` | changes as frames |
//! | `audience` | what others show to the sockets of this instance |
//! | `asyncapi` | the document that describes the frames |
//! | `client_frame`, `server_frame` | the frames of both directions |
//! | `incoming` | the messages of a client |
//! | `outlet` | writing to a client that may not read |
//! | `farewell` | why a socket ends, and its close code |
//! | `hub` | the sockets of this instance, by account |
//! | `observer` | what metrics know of deliveries |

pub(crate) mod asyncapi;
mod audience;
mod catch_up;
mod client_frame;
mod delivery;
mod farewell;
pub(crate) mod handshake;
mod hub;
mod identity;
mod incoming;
mod live;
mod observer;
mod outlet;
mod server_frame;
mod socket;

pub use farewell::Farewell;
pub use hub::{SocketHub, SocketLimits};
pub use observer::{DeliveryObserver, SyncSource};
