//! Catching up: nothing is missed, whichever transactions are open meanwhile, and nothing reaches the wrong account.

mod client;
mod lineages;
mod model;
mod plans;
mod stamps;
mod telling;
mod waking;
