//! The socket: WebSocket connections over which every change reaches every device.
//!
//! A socket is pulled, not pushed to: whatever wakes it, it reads what has changed since the point that it has shown, and sends it. So
//! nothing waits for a slow reader but changes in the database, and no wake-up that is lost loses a change.
//!
//! | file | content |
//! |---|---|
//! | `handshake` | the endpoint: who may open a socket |
//! | `socket` | the life of a socket: authentication, heartbeats, limits, the end |
//! | `delivery` | changes as frames |
//! | `asyncapi` | the document that describes the frames |
//! | `client_frame`, `server_frame` | the frames of both directions |
//! | `incoming` | the messages of a client |
//! | `outlet` | writing to a client that may not read |
//! | `farewell` | why a socket ends, and its close code |
//! | `hub` | the sockets of this instance, by account |
//! | `observer` | what metrics know of deliveries |

pub(crate) mod asyncapi;
mod client_frame;
mod delivery;
mod farewell;
pub(crate) mod handshake;
mod hub;
mod incoming;
mod observer;
mod outlet;
mod server_frame;
mod socket;

pub use farewell::Farewell;
pub use hub::{SocketHub, SocketLimits};
pub use observer::{DeliveryObserver, SyncSource};
