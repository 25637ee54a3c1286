//! clicker-lm
