//! clicker-dataset
