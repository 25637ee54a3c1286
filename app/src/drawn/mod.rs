//! The pages of the truthfulness lab, below `/truth`: the server draws them as text, and no browser loads code for them.
//!
//! A page is an async function from what was asked to [`Drawn`]. Values are escaped by `Markup`; links carry `rel="external"`, because
//! each of these pages is a visit to the server; forms post to routes of `server/src/http`, which answer with a redirection.

mod compare;
mod evals;
mod explain;
mod fields;
mod figures;
mod inspect;
pub(crate) mod report;
mod review;
mod start;

use crate::state::lab::markup::Markup;
use clicker_service::Service;

/// What a visitor asks for.
pub(crate) struct Asked {
    /// The path, `/truth` and what follows.
    pub(crate) path: String,
    /// Keys and values behind the question mark, in their order.
    pub(crate) query: Vec<(String, String)>,
    /// Whether the visitor is the owner of this server.
    pub(crate) owner: bool,
}

impl Asked {
    /// The value of a key; empty text counts as none.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// A page.
pub(crate) struct Drawn {
    /// What is within the page's frame.
    pub(crate) markup: String,
    /// Whether there is no such page or thing.
    pub(crate) missing: bool,
}

impl Drawn {
    /// A page that exists.
    pub(crate) fn page(markup: Markup) -> Self {
        Self { markup: markup.done(), missing: false }
    }

    /// A page that says that something is not there.
    pub(crate) fn missing(what: &str, hint: &str) -> Self {
        let mut m = Markup::new();
        head(&mut m, what, hint);
        m.raw("<p><a href=\"/truth\" rel=\"external\">To the truth lab</a></p>");
        Self { markup: m.done(), missing: true }
    }
}

/// Every page on one screen.
pub(crate) async fn draw(service: &Service, asked: &Asked) -> Drawn {
    let parts: Vec<&str> = asked.path.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    match parts.as_slice() {
        [] => start::draw(),
        ["evals"] => evals::draw(service, asked).await,
        ["compare"] => compare::list(service, asked).await,
        ["compare", "runs"] => compare::runs(service, asked).await,
        ["compare", id] => compare::one(service, id).await,
        ["explain"] => explain::draw(service, asked).await,
        ["inspect"] => inspect::draw(service, asked).await,
        ["review"] => review::draw(service, asked).await,
        _ => Drawn::missing("Nothing is here", "The address may have been mistyped, or what it named was removed."),
    }
}

/// Title and lead of a page.
pub(crate) fn head(m: &mut Markup, title: &str, lead: &str) {
    m.put("<header class=\"page-head\"><h1>{}</h1><p class=\"lead\">{}</p></header>", &[title, lead]);
}
