//! The bridge to the Leptos app: what its server half finds in context, and the built files beside it.

use crate::AppState;
use crate::headers::{SCRIPT_POLICY, page_policy};
use crate::site;
use axum::Router;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use clicker_app::api::Caller;
use clicker_app::{App, shell};
use clicker_service::Service;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{LeptosRoutes, ResponseOptions};
use std::path::Path;
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Pages, server functions, and the built files behind them.
pub(crate) fn pages(state: &AppState) -> Router<AppState> {
    let context = context(state.service.clone());
    let (routes, _) = leptos_axum::generate_route_list_with_exclusions_and_ssg_and_context(App, None, context.clone());
    let document = {
        let options = state.options.clone();
        // Looked at for every page: a page may be built while the server runs.
        move || shell(options.clone(), site::misfit(Path::new(&*options.site_root)))
    };
    let missing = get(leptos_axum::render_app_async_with_context(context.clone(), document.clone()));
    let missing: MethodRouter = missing.layer(axum::middleware::map_response(not_found));
    let root = Path::new(&*state.options.site_root);
    let pkg = ServiceBuilder::new()
        // The names of built files stay the same, so a browser has to ask whether they have changed.
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
        .layer(SetResponseHeaderLayer::overriding(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(SCRIPT_POLICY),
        ))
        .service(files(&root.join(&*state.options.site_pkg_dir)));
    Router::new()
        .leptos_routes_with_context(state, routes, context, document)
        .nest_service(&format!("/{}", state.options.site_pkg_dir), pkg)
        .fallback_service(files(root).fallback(missing))
}

/// What pages and server functions find in context; also gives each page the policy with its nonce.
fn context(service: Service) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        provide_context(service.clone());
        let caller = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Caller>().copied());
        provide_context(caller.unwrap_or_default());
        if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>())
            && let Ok(policy) = HeaderValue::from_str(&page_policy(&nonce))
        {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
            response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

fn files(folder: &Path) -> ServeDir {
    ServeDir::new(folder).append_index_html_on_directories(false).precompressed_br().precompressed_gzip()
}

async fn not_found(mut response: Response) -> Response {
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}
