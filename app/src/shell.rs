//! The document around the page, and the page's frame: header, routes, footer.

use crate::browser::engine::Engine;
use crate::browser::votes::Votes;
use crate::components::frame::{Footer, Header};
use crate::components::note::Problem;
use crate::components::tip::{Tip, TipBox};
use crate::erased::Erase;
use crate::pages::{BenchPage, FeedbackPage, LabPage, NotFound, PlaygroundPage, RunPage, RunsPage, TruthPage};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

/// Sets the stored theme before the first paint, so that a dark page never flashes white.
const THEME: &str = "try{const t=localStorage.getItem('clicker.theme');\
if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch{}";

/// The whole HTML document. With a `misfit`, which says why the built page is not of this server's sources, that sentence stands in the place of
/// the scripts that would take the page up.
pub fn shell(options: LeptosOptions, misfit: Option<String>) -> impl IntoView {
    let css = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    match misfit {
        None => document(css, view! { <HydrationScripts options /> }, view! { <App /> }).into_any(),
        Some(text) => {
            let body = view! {
                <Problem text=format!("This page does not work: {text}.") />
                <App />
            };
            document(css, (), body).into_any()
        }
    }
}

fn document(css: String, scripts: impl IntoView, body: impl IntoView) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta
                    name="description"
                    content="A playground for reinforcement fine-tuning: sample, reward, train and compare in one tab."
                />
                <link rel="icon" href="/icons/clicker.svg" type="image/svg+xml" />
                <link rel="manifest" href="/manifest.webmanifest" />
                <link
                    rel="preload"
                    href="/fonts/inter-latin-wght-normal.woff2"
                    r#as="font"
                    r#type="font/woff2"
                    crossorigin="anonymous"
                />
                <link rel="stylesheet" href=css />
                <script nonce=use_nonce() inner_html=THEME></script>
                {scripts}
                <MetaTags />
            </head>
            <body>{body}</body>
        </html>
    }
}

/// The frame and its routes.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Engine::provide();
    Tip::provide();
    let votes = Votes::provide();
    Effect::new(move |_| votes.start());
    view! {
        <Router>
            <Header />
            <main id="main" tabindex="-1">
                <ErrorBoundary fallback=|errors| view! { <Broken errors /> }>
                    <Routes fallback=NotFound>
                        <Route path=path!("/") view=PlaygroundPage ssr=SsrMode::Async />
                        <Route path=path!("/rewards") view=LabPage ssr=SsrMode::Async />
                        <Route path=path!("/runs") view=RunsPage ssr=SsrMode::Async />
                        <Route path=path!("/runs/:id") view=RunPage ssr=SsrMode::Async />
                        <Route path=path!("/feedback") view=FeedbackPage ssr=SsrMode::Async />
                        <Route path=path!("/truth") view=TruthPage ssr=SsrMode::Async />
                        <Route path=path!("/truth/*page") view=TruthPage ssr=SsrMode::Async />
                        <Route path=path!("/bench") view=BenchPage ssr=SsrMode::Async />
                    </Routes>
                </ErrorBoundary>
            </main>
            <Footer />
            <TipBox />
        </Router>
    }
    .erased()
}

/// What is shown in place of a part that failed to render.
#[component]
fn Broken(errors: ArcRwSignal<Errors>) -> impl IntoView {
    let texts = move || {
        let each = errors.get().into_iter().map(|(_, error)| view! { <Problem text=error.to_string() /> });
        each.collect_view()
    };
    view! {
        <div class="page">
            <h1>"Something went wrong"</h1>
            {texts}
            <p>"Reload the page. If it stays, the server's log has the details."</p>
        </div>
    }
    .erased()
}
