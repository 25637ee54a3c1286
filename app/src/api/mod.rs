//! Server functions: the page's only way to ask the server, one thin call into the service each.

/// Who asks, decided by the server from the owner cookie and provided as context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Whether this browser opened the owner link that the server printed.
    pub owner: bool,
}
