//! Every error that a client can see, its status code and its stable name: here and nowhere else.

use super::envelope::Said;
use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use clicker_service::ServiceError;
use clicker_wire::ApiError;
use http::{Method, StatusCode, Uri, header};

/// Why a request was not answered as it wished.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// A use case refused or failed.
    Service(ServiceError),
    /// The body is not the JSON that was expected.
    Body(JsonRejection),
    /// The body is not the form that was expected.
    Form(FormRejection),
    /// The query string is not what was expected.
    Query(QueryRejection),
    /// The body is too large.
    TooLarge,
    /// Only the owner may do that.
    OwnerOnly,
    /// The owner link's token is wrong.
    WrongToken,
    /// The request comes from another site.
    CrossOrigin { origin: String },
    /// The server is called by a name that is not this machine's.
    ForeignHost { host: String },
    /// The range lies outside of the object.
    Range { size: u64 },
    /// There is no such route.
    NoRoute { path: String },
    /// There is such a route, but not for this method.
    WrongMethod { method: Method, path: String },
}

impl From<ServiceError> for HttpError {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl HttpError {
    /// Status code, stable name, message.
    fn parts(&self) -> (StatusCode, &'static str, String) {
        use StatusCode as S;
        match self {
            Self::Service(error) => {
                let (status, code) = service(error);
                if status.is_server_error() {
                    tracing::error!("{error}");
                }
                // What fails inside is the operator's to read, not the visitor's: it may name paths.
                let message = match error {
                    ServiceError::Store(_) => "the server could not do this; its log says why".into(),
                    error => error.to_string(),
                };
                (status, code, message)
            }
            Self::Body(JsonRejection::BytesRejection(_)) | Self::TooLarge => {
                let message = format!("the body is too large; expected at most {} bytes", crate::guard::BODY_LIMIT);
                (S::PAYLOAD_TOO_LARGE, "too_large", message)
            }
            Self::Body(rejection) => {
                (rejection.status(), "invalid_json", format!("{} (expected application/json)", rejection.body_text()))
            }
            Self::Form(rejection) => (rejection.status(), "invalid_form", rejection.body_text()),
            Self::Query(rejection) => (S::BAD_REQUEST, "invalid_query", rejection.body_text()),
            Self::OwnerOnly => {
                let message = "only the owner of this server may do that; open the owner link that `clicker serve` printed, \
                               or send its token as `Authorization: Bearer`";
                (S::FORBIDDEN, "owner_only", message.into())
            }
            Self::WrongToken => {
                let message = "this is not this server's owner link; the right one is in the terminal of `clicker serve`, \
                               and its token in the file owner.token of the data directory";
                (S::FORBIDDEN, "wrong_token", message.into())
            }
            Self::CrossOrigin { origin } => (
                S::FORBIDDEN,
                "cross_origin",
                format!("requests that change something must come from this site, not from `{origin}`"),
            ),
            Self::ForeignHost { host } => {
                let message =
                    format!("this server answers on this machine only, not as `{host}`; --allow-remote changes that");
                (S::MISDIRECTED_REQUEST, "foreign_host", message)
            }
            Self::Range { size } => {
                (S::RANGE_NOT_SATISFIABLE, "range", format!("the range lies outside of the object's {size} bytes"))
            }
            Self::NoRoute { path } => (S::NOT_FOUND, "no_route", format!("there is nothing at {path}")),
            Self::WrongMethod { method, path } => {
                (S::METHOD_NOT_ALLOWED, "wrong_method", format!("{path} does not take {method}"))
            }
        }
    }

    /// Which part of the request is wrong, where that is known.
    fn param(&self) -> Option<String> {
        match self {
            Self::Service(ServiceError::Grader(problem)) => Some(problem.at().to_owned()),
            Self::Service(ServiceError::Invalid { field, .. }) => Some(field.clone()),
            _ => None,
        }
    }

    /// The body as JSON.
    pub(crate) fn body(&self) -> ApiError {
        let (_, code, message) = self.parts();
        ApiError { code: code.into(), message }
    }
}

fn service(error: &ServiceError) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match error {
        ServiceError::NotFound { .. } => (S::NOT_FOUND, "not_found"),
        ServiceError::NoBuiltin => (S::NOT_FOUND, "no_builtin"),
        ServiceError::Invalid { .. } | ServiceError::Recipe { .. } => (S::UNPROCESSABLE_ENTITY, "invalid"),
        ServiceError::Explain { .. } => (S::UNPROCESSABLE_ENTITY, "cannot_explain"),
        ServiceError::ReviewConflict { .. } => (S::CONFLICT, "review_conflict"),
        ServiceError::QueueFull { .. } => (S::TOO_MANY_REQUESTS, "queue_full"),
        ServiceError::Grader(_) => (S::BAD_REQUEST, "invalid_grader"),
        ServiceError::FeedbackConflict { .. } => (S::CONFLICT, "feedback_conflict"),
        ServiceError::RunState { .. } => (S::CONFLICT, "run_state"),
        ServiceError::ShuttingDown => (S::SERVICE_UNAVAILABLE, "shutting_down"),
        ServiceError::DataDirInUse { .. } => (S::SERVICE_UNAVAILABLE, "data_dir_in_use"),
        ServiceError::Model { .. } => (S::INTERNAL_SERVER_ERROR, "model"),
        ServiceError::Randomness { .. }
        | ServiceError::Grading { .. }
        | ServiceError::Export(_)
        | ServiceError::Store(_) => (S::INTERNAL_SERVER_ERROR, "internal"),
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        let said = Said { code, message: message.clone(), param: self.param() };
        let mut response = (status, Json(ApiError { code: code.into(), message })).into_response();
        response.extensions_mut().insert(said);
        if let Self::Range { size } = self
            && let Ok(value) = format!("bytes */{size}").parse()
        {
            response.headers_mut().insert(header::CONTENT_RANGE, value);
        }
        response
    }
}

/// Nothing is there.
pub(crate) async fn no_route(uri: Uri) -> HttpError {
    HttpError::NoRoute { path: uri.path().to_owned() }
}

/// Something is there, but not for this method.
pub(crate) async fn wrong_method(method: Method, uri: Uri) -> HttpError {
    HttpError::WrongMethod { method, path: uri.path().to_owned() }
}
