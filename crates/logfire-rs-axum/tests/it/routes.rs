//! Where the route comes from, and what the path is.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::{get, post};
use logfire_rs_axum::{RequestSpan, current_request, instrument_with};
use opentelemetry::KeyValue;
use tower::Layer as _;

use crate::Spans;

#[tokio::test]
async fn nesting_gives_the_whole_template_and_the_whole_path() {
    let spans = Spans::new();
    let items = Router::new().route("/items/{id}", get(|| async {}).post(|| async {}));
    let app = Router::new().nest("/api", Router::new().nest("/{tenant}", items));
    let app = instrument_with(app, spans.options());
    for (request, expected) in [
        (
            "GET /api/acme/items/1",
            "GET /api/{tenant}/items/{id} | route /api/{tenant}/items/{id} | path /api/acme/items/1 | 200 | -",
        ),
        (
            "PUT /api/acme/items/1",
            "PUT /api/{tenant}/items/{id} | route /api/{tenant}/items/{id} | path /api/acme/items/1 | 405 | -",
        ),
        ("GET /api/acme/nothing", "GET | route - | path /api/acme/nothing | 404 | -"),
        ("GET /", "GET | route - | path / | 404 | -"),
    ] {
        assert_eq!(spans.of(&app, request).await, expected);
    }
}

#[tokio::test]
async fn a_layer_inside_a_nested_router_keeps_the_path_of_the_client() {
    let spans = Spans::new();
    let inner = instrument_with(Router::new().route("/x/{id}", get(|| async {})), spans.options());
    let app = Router::new().nest("/inner", inner);
    assert_eq!(
        spans.of(&app, "GET /inner/x/5").await,
        "GET /inner/x/{id} | route /inner/x/{id} | path /inner/x/5 | 200 | -"
    );
}

#[tokio::test]
async fn an_inner_layer_tells_the_outer_one_the_route_and_records_nothing() {
    let spans = Spans::new();
    let inner =
        instrument_with(Router::new().route("/things/{id}", get(|| async {})), spans.options());
    // Neither the outer router nor a layer around it can know the route.
    let app = instrument_with(Router::new().nest_service("/svc", inner), spans.options());
    assert_eq!(
        spans.of(&app, "GET /svc/things/5").await,
        "GET /svc/things/{id} | route /svc/things/{id} | path /svc/things/5 | 200 | -"
    );
    let twice = Router::new().route("/a/{b}", get(|| async {}));
    let twice = instrument_with(instrument_with(twice, spans.options()), spans.options());
    assert_eq!(
        spans.of(&twice, "GET /a/1").await,
        "GET /a/{b} | route /a/{b} | path /a/1 | 200 | -"
    );
}

#[tokio::test]
async fn a_layer_around_the_whole_router_gets_the_route_from_an_inner_one() {
    let spans = Spans::new();
    let router = Router::new().route("/u/{id}", get(|| async {}));
    let around = |router: Router| {
        let service = logfire_rs_axum::layer(spans.options()).layer(router);
        Router::new().fallback_service(service)
    };
    assert_eq!(
        spans.of(&around(router.clone()), "GET /u/1").await,
        "GET | route - | path /u/1 | 200 | -"
    );
    let inner = instrument_with(router, spans.options());
    assert_eq!(
        spans.of(&around(inner), "GET /u/1").await,
        "GET /u/{id} | route /u/{id} | path /u/1 | 200 | -"
    );
}

#[tokio::test]
async fn empty_and_fallback_only_routers_are_recorded() {
    let spans = Spans::new();
    let empty = instrument_with(Router::new(), spans.options());
    assert_eq!(spans.of(&empty, "GET /x").await, "GET | route - | path /x | 404 | -");
    let fallback = Router::new().fallback(|| async { "anything" });
    let fallback = instrument_with(fallback, spans.options());
    assert_eq!(spans.of(&fallback, "GET /x").await, "GET | route - | path /x | 200 | -");
}

#[tokio::test]
async fn what_is_added_after_instrument_is_not_recorded() {
    let spans = Spans::new();
    let app = instrument_with(Router::new().route("/before", get(|| async {})), spans.options());
    let app = app.route("/after", get(|| async {})).fallback(|| async { "fallback" });
    assert_eq!(
        spans.of(&app, "GET /before").await,
        "GET /before | route /before | path /before | 200 | -"
    );
    assert_eq!(spans.of(&app, "GET /after").await, "");
    assert_eq!(spans.of(&app, "GET /nowhere").await, "");
}

#[tokio::test]
async fn routers_with_state_and_handlers_with_the_span() {
    #[derive(Clone)]
    struct Name(&'static str);
    async fn handler(State(name): State<Name>, span: RequestSpan) -> String {
        span.set_name(name.0);
        assert_eq!(span.method(), "POST");
        assert_eq!(span.route().as_deref(), Some("/h/{x}"));
        assert_eq!(span.path(), "/h/1");
        assert_eq!(span.span_context(), current_request().unwrap().span_context());
        name.0.to_owned()
    }
    let spans = Spans::new();
    let app: Router<Name> = Router::new().route("/h/{x}", post(handler));
    let app: Router = instrument_with(app, spans.options()).with_state(Name("named"));
    assert_eq!(spans.of(&app, "POST /h/1").await, "named | route /h/{x} | path /h/1 | 200 | -");
}

#[tokio::test]
async fn the_extractor_never_rejects() {
    async fn optional(span: RequestSpan, maybe: Option<RequestSpan>) -> String {
        span.set_attribute(KeyValue::new("nobody", "cares"));
        format!("{}", maybe.is_some())
    }
    let spans = Spans::new();
    let app = Router::new().route("/", get(optional));
    assert_eq!(spans.of(&app, "GET /").await, "");
    let excluded = instrument_with(app, spans.options().excluded_urls(["/"]));
    assert_eq!(spans.of(&excluded, "GET /").await, "");
}

#[tokio::test]
async fn a_router_called_inside_a_handler_is_another_request() {
    let spans = Spans::new();
    let inner = instrument_with(Router::new().route("/in", get(|| async {})), spans.options());
    let call = move || async move {
        let request = Request::get("/in").body(Body::empty()).unwrap();
        drop(tower::ServiceExt::oneshot(inner, request).await);
        assert_eq!(current_request().unwrap().path(), "/out");
    };
    let app = instrument_with(Router::new().route("/out", get(call)), spans.options());
    assert_eq!(
        spans.of(&app, "GET /out").await,
        "GET /in | route /in | path /in | 200 | -\nGET /out | route /out | path /out | 200 | -"
    );
}

#[tokio::test]
async fn on_request_sees_the_extensions() {
    let spans = Spans::new();
    let layer = logfire_rs_axum::layer(spans.options()).on_request(|span, extensions| {
        let matched = extensions.get::<axum::extract::MatchedPath>().unwrap();
        span.set_name(format!("matched {}", matched.as_str()));
    });
    let app = Router::new().route("/m/{x}", get(|| async {})).layer(layer);
    assert_eq!(
        spans.of(&app, "GET /m/1").await,
        "matched /m/{x} | route /m/{x} | path /m/1 | 200 | -"
    );
}
