//! Who owns this server: the one who holds the token from its terminal, as a cookie (browsers) or a bearer token (programs).

use crate::http::HttpError;
use anyhow::Context;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use clicker_app::api::Caller;
use http::request::Parts;
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// The owner's token. Its `Debug` does not show it.
#[derive(Clone)]
pub struct OwnerKey {
    token: Arc<str>,
    cookie: Arc<str>,
}

impl OwnerKey {
    /// A key from its token.
    #[must_use]
    pub fn new(token: &str) -> Self {
        // Cookies do not know ports: two servers on one machine need two names.
        let cookie = format!("clicker_owner_{}", &hex::encode(Sha256::digest(token))[..8]);
        Self { token: token.into(), cookie: cookie.into() }
    }

    /// The key of a data directory: `owner.token`, made at the first start, readable by its owner only.
    ///
    /// # Errors
    /// A file that cannot be read, written, or holds something else.
    pub fn load(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join("owner.token");
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= 32 => Ok(Self::new(text.trim())),
            Ok(_) => anyhow::bail!("{} holds no token; delete it, and a new one is made", path.display()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let token = clicker_service::new_token()?;
                write_secret(&path, &token).with_context(|| format!("{} cannot be written", path.display()))?;
                Ok(Self::new(&token))
            }
            Err(e) => Err(e).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// The secret itself, for the owner link.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether a text is the token. Compares hashes, so that the time it takes tells nothing about the token.
    pub(crate) fn admits(&self, token: &str) -> bool {
        Sha256::digest(token) == Sha256::digest(self.token.as_bytes())
    }

    /// The `Set-Cookie` value that makes a browser the owner's.
    pub(crate) fn set_cookie(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000", self.cookie, self.token)
    }

    fn caller(&self, headers: &HeaderMap) -> Caller {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
        let mut cookies = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let cookie = cookies.find(|(name, _)| *name == &*self.cookie).map(|(_, value)| value);
        Caller { owner: bearer.or(cookie).is_some_and(|token| self.admits(token)) }
    }
}

impl std::fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnerKey")
    }
}

/// Middleware: tells handlers and pages who calls.
pub(crate) async fn identify(State(key): State<OwnerKey>, mut request: Request, next: Next) -> Response {
    let caller = key.caller(request.headers());
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// An argument of handlers that only the owner may call.
pub(crate) struct Owner;

impl<S: Sync> FromRequestParts<S> for Owner {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
        caller.owner.then_some(Self).ok_or(HttpError::OwnerOnly)
    }
}

fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
