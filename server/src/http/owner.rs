//! The owner link: turns the token from the terminal into a cookie.

use super::HttpError;
use super::extract::Params;
use crate::OwnerKey;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::header;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Link {
    token: String,
}

/// `GET /owner?token=`
pub(crate) async fn enter(State(key): State<OwnerKey>, Params(link): Params<Link>) -> Result<Response, HttpError> {
    if !key.admits(&link.token) {
        return Err(HttpError::WrongToken);
    }
    let headers = [(header::SET_COOKIE, key.set_cookie()), (header::CACHE_CONTROL, "no-store".into())];
    Ok((headers, Redirect::to("/")).into_response())
}
