//! clicker-train
