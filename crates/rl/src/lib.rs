//! clicker-rl
