//! Axum's `Json`, `Query` and `Form`, with errors as this API writes them.

use super::HttpError;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpError> {
        let axum::Json(value) = axum::Json::from_request(request, state).await.map_err(HttpError::Body)?;
        Ok(Self(value))
    }
}

/// A query string.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let Query(value) = Query::from_request_parts(parts, state).await.map_err(HttpError::Query)?;
        Ok(Self(value))
    }
}

/// A form's body.
pub(crate) struct Filled<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Filled<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpError> {
        let axum::Form(value) = axum::Form::from_request(request, state).await.map_err(HttpError::Form)?;
        Ok(Self(value))
    }
}
