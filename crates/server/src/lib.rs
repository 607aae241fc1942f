//! The hongyan server.
