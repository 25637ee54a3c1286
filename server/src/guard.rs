//! What every request has to pass: the name it calls the server by, the site it comes from, and the size of its body.

use crate::Hosts;
use crate::http::HttpError;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, Method, header};

/// Largest request body in bytes: a full batch of long votes.
pub(crate) const BODY_LIMIT: usize = 4 << 20;

/// Middleware: refuses what comes from another site or under another name.
pub(crate) async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Result<Response, HttpError> {
    let headers = request.headers();
    let host = request.uri().authority().map(http::uri::Authority::as_str).or_else(|| text(headers, &header::HOST));
    if hosts == Hosts::Loopback
        && let Some(host) = host
        && !is_loopback(host)
    {
        return Err(HttpError::ForeignHost { host: host.to_owned() });
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        same_origin(headers, host)?;
        let length = text(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > BODY_LIMIT as u64) {
            return Err(HttpError::TooLarge);
        }
    }
    Ok(next.run(request).await)
}

/// Browsers say where a request comes from; programs say nothing and carry no cookie that could be misused.
fn same_origin(headers: &HeaderMap, host: Option<&str>) -> Result<(), HttpError> {
    let refused = |origin: &str| Err(HttpError::CrossOrigin { origin: origin.to_owned() });
    if let Some(origin) = text(headers, &header::ORIGIN) {
        let site = origin.split_once("://").map(|(_, site)| site);
        if site.is_none() || site != host {
            return refused(origin);
        }
    }
    match text(headers, &HeaderName::from_static("sec-fetch-site")) {
        None | Some("same-origin" | "none") => Ok(()),
        Some(site) => refused(site),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_this_machines_own_names_are_loopback() {
        for host in ["localhost", "LOCALHOST:3000", "127.0.0.1:1", "127.8.9.1", "[::1]:3000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.org", "127.0.0.1.example.org", "localhost.example.org:3000", "10.0.0.1", "", "[::2]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
