//! clicker-rewards
