//! All that is answered, as a table.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};

use super::{
    Http, calls,
    gate::{self, Asked, Needs},
    live, page, past,
    problem::{Kind, Problem},
};
use crate::service::Boxed;

/// What is answered at a path.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// With `{name}` for the name of a method.
    pub(crate) path: &'static str,
    /// What a caller has to be allowed.
    pub(crate) needs: Needs,
    handler: fn(Asked) -> Boxed<Result<Response, Problem>>,
}

macro_rules! route {
    ($method:literal $path:literal, $needs:ident, $handler:path) => {
        Route {
            method: $method,
            path: $path,
            needs: Needs::$needs,
            handler: |asked| Box::pin($handler(asked)),
        }
    };
}

/// Everything that is answered. The description in `openapi`, and the matrix of credentials in the tests, have a row for each.
pub(crate) static ROUTES: [Route; 13] = [
    route!("POST" "/commands/{name}", Command, calls::command),
    route!("GET" "/queries/{name}", Query, calls::query),
    route!("POST" "/queries/{name}", Query, calls::query),
    route!("GET" "/watch/{name}", Query, live::watch),
    route!("GET" "/events", Events, live::events),
    route!("GET" "/history", History, past::history),
    route!("GET" "/diff", History, past::diff),
    route!("GET" "/openapi.json", Describe, page::openapi),
    route!("GET" "/metrics", Metrics, page::metrics),
    route!("GET" "/", Nothing, page::root),
    route!("GET" "/docs", Nothing, page::docs),
    route!("GET" "/healthz", Nothing, page::healthz),
    route!("GET" "/readyz", Nothing, page::readyz),
];

/// The method and the path of each of them.
pub(crate) const PATHS: [(&str, &str); ROUTES.len()] = {
    let mut paths = [("", ""); ROUTES.len()];
    let mut number = 0;
    while number < paths.len() {
        paths[number] = (ROUTES[number].method, ROUTES[number].path);
        number += 1;
    }
    paths
};

pub(super) fn router(http: &Arc<Http>) -> Router {
    let mut router = Router::new();
    for route in &ROUTES {
        let filter = match route.method {
            "GET" => MethodFilter::GET,
            _ => MethodFilter::POST,
        };
        let http = Arc::clone(http);
        let answer = move |request: Request| {
            let http = Arc::clone(&http);
            async move {
                match gate::pass(&http, route.needs, request).await {
                    Ok(asked) => (route.handler)(asked).await.unwrap_or_else(Problem::into_response),
                    Err(problem) => problem.into_response(),
                }
            }
        };
        router = router.route(route.path, on(filter, answer));
    }
    let with_origins = Arc::clone(http);
    router
        .method_not_allowed_fallback(async |request: Request| {
            let (method, path) = (request.method(), request.uri().path());
            Problem::new(Kind::WrongMethod, format!("`{path}` is not answered to {method}")).into_response()
        })
        .fallback(async |request: Request| {
            let path = request.uri().path();
            Problem::new(Kind::NotFound, format!("there is nothing at `{path}`; `/docs` says what there is"))
                .into_response()
        })
        .layer(axum::middleware::from_fn(move |request, next| {
            gate::origins(Arc::clone(&with_origins), request, next)
        }))
}
