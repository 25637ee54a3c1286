//! Pages as the server renders them. A program of its own with one test: Leptos keeps process-wide state about the runtime that
//! renders, as a server has one, and tests that each bring their own runtime can leave a page waiting for ever.

use axum::Router;
use axum::body::{Body, to_bytes};
use clicker_server::{AppState, Hosts, OwnerKey, router};
use clicker_service::{Service, ServiceConfig};
use http::{HeaderMap, Request, Response, StatusCode};
use leptos::config::LeptosOptions;
use std::path::Path;
use tempfile::TempDir;
use tower::ServiceExt;

struct Bench(Router);

impl Bench {
    async fn get(&self, path: &str) -> Response<Body> {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        self.0.clone().oneshot(request).await.expect("infallible")
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

// Several threads, because rendering a page blocks one while another drives it; several pages at once, again and again, because
// they must not wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_are_rendered_also_beside_each_other() {
    let dir = TempDir::new().expect("a folder");
    let pkg = dir.path().join("pkg");
    std::fs::create_dir_all(&pkg).expect("a site");
    std::fs::write(pkg.join("clicker.wasm"), b"plain wasm").expect("written");
    let service = Service::open(ServiceConfig::memory()).await.expect("opens");
    let options = LeptosOptions::builder()
        .output_name("clicker")
        .site_root(dir.path().to_string_lossy().into_owned())
        .site_pkg_dir("pkg")
        .build();
    let owner = OwnerKey::new("0123456789abcdef0123456789abcdef");
    let bench = Bench(router(AppState { service, options, owner, hosts: Hosts::Loopback }));
    for _ in 0..5 {
        tokio::join!(pages_are_isolated(&bench), a_linked_reward_is_text_in_the_lab(&bench));
    }
    a_page_of_other_sources_has_no_scripts_and_says_so(&bench, dir.path()).await;
}

async fn a_page_of_other_sources_has_no_scripts_and_says_so(bench: &Bench, site: &Path) {
    let hydrates = |html: &str| html.contains("/pkg/clicker.js");
    assert!(hydrates(&text(bench.get("/runs").await).await));
    std::fs::write(site.join("build.txt"), env!("CLICKER_PAGE_SOURCES")).expect("written");
    assert!(hydrates(&text(bench.get("/runs").await).await));
    std::fs::write(site.join("build.txt"), "0123456789abcdef").expect("written");
    let html = text(bench.get("/runs").await).await;
    assert!(
        !hydrates(&html) && html.contains("was built from other sources (0123456789abcdef) than this server"),
        "{html}"
    );
}

async fn pages_are_isolated(bench: &Bench) {
    let page = bench.get("/runs").await;
    assert_eq!(page.status(), StatusCode::OK);
    let headers = page.headers().clone();
    let policy = header(&headers, "content-security-policy").to_owned();
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce").to_owned();
    assert!(policy.contains("'wasm-unsafe-eval'") && policy.contains("worker-src 'self'"), "{policy}");
    let html = text(page).await;
    assert!(html.contains(&format!("nonce=\"{nonce}\"")), "scripts carry the nonce of the policy");
    let other = header(bench.get("/runs").await.headers(), "content-security-policy").to_owned();
    assert_ne!(policy, other, "a nonce is used once");
    assert_eq!(bench.get("/no/such/page").await.status(), StatusCode::NOT_FOUND);
    for path in ["/runs", "/healthz", "/api/runs", "/pkg/clicker.wasm", "/no/such/page"] {
        let response = bench.get(path).await;
        let headers = response.headers();
        assert_eq!(header(headers, "cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(header(headers, "cross-origin-embedder-policy"), "require-corp", "{path}");
        assert_eq!(header(headers, "cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(header(headers, "x-content-type-options"), "nosniff", "{path}");
        assert!(!header(headers, "content-security-policy").is_empty(), "{path}");
    }
}

async fn a_linked_reward_is_text_in_the_lab(bench: &Bench) {
    let linked = "%7B%22graders%22%3A%20%22%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%7D";
    let page = text(bench.get(&format!("/rewards?reward={linked}")).await).await;
    assert!(page.contains("id=\"lab-form\"") && page.contains("id=\"lab-start\""));
    assert!(!page.contains("<script>alert"), "a link's text must not become markup");
    assert!(page.contains("&lt;script&gt;alert(1)"), "and it is kept");
}
