//! clicker-service
