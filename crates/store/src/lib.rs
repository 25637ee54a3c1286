//! clicker-store
