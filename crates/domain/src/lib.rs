//! Hongyan's rules.
