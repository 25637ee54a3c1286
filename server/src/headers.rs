//! Security headers. Every response is isolated from other sites (which also makes shared memory available to the page),
//! and every document and worker may only run what this server sent.

use axum::Router;
use http::{HeaderName, HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;

/// Nothing is told to other sites. To this one it is, because a form without it would say that it comes from `null`, which the guard
/// refuses.
const REFERRER: &str = "same-origin";

const EVERYWHERE: [(HeaderName, &str); 6] = [
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, REFERRER),
    // For what is no page: data, errors, files. Pages and scripts bring their own.
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// A worker is governed by the policy of its own script, not by the page's. The engine compiles wasm, and on the bench page it
/// fetches a model from an address that the person has typed; the page itself can reach no other site.
pub(crate) const SCRIPT_POLICY: &str =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' http: https:; frame-ancestors 'none'";

/// The policy of a page. Inline scripts need this response's nonce. Styles come from files; style *attributes* are
/// allowed, because the server renders the widths and shades of charts and tokens with them, and they can run nothing.
pub(crate) fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
         style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// Add the headers that every response has, where a handler has not set them itself.
pub(crate) fn secured(mut router: Router) -> Router {
    for (name, value) in EVERYWHERE {
        router = router.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    router
}
