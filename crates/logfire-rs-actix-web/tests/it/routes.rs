//! The pattern of the resource that answered is the route.

use actix_web::dev::{AppService, HttpServiceFactory, ResourceDef, ServiceRequest, fn_service};
use actix_web::guard::{Get, Guard, Post};
use actix_web::http::StatusCode;
use actix_web::middleware::{NormalizePath, TrailingSlash};
use actix_web::test::{TestRequest, call_and_read_body, init_service};
use actix_web::{App, Error, HttpResponse, web};
use logfire_rs_actix_web::{HttpServerOptions, current_request, instrument_with, middleware};

use crate::Spans;

async fn ok() -> &'static str {
    "ok"
}

#[actix_web::test]
async fn resources_with_one_path_and_different_guards() {
    let spans = Spans::new();
    let app = App::new()
        .service(web::resource("/things/{a}").guard(Get()).to(ok))
        .service(web::resource("/things/{b}").guard(Post()).to(ok));
    let app = init_service(instrument_with(app, spans.options())).await;
    assert_eq!(
        spans.of(&app, "GET /things/1").await,
        "GET /things/{a} | route /things/{a} | path /things/1 | 200 | -"
    );
    assert_eq!(
        spans.of(&app, "POST /things/1").await,
        "POST /things/{b} | route /things/{b} | path /things/1 | 200 | -"
    );
    // No resource has taken it.
    assert_eq!(
        spans.of(&app, "DELETE /things/1").await,
        "DELETE | route - | path /things/1 | 404 | -"
    );
}

/// actix-web tells the first of them, whichever has matched; a wrong route is worse than none.
#[actix_web::test]
async fn a_resource_with_several_patterns() {
    let spans = Spans::new();
    let files = web::scope("/files").service(web::resource(["", "/{path:.*}"]).to(ok));
    let app =
        App::new().service(web::resource(["/", "/index.html", "/page/{n}"]).to(ok)).service(files);
    let app = init_service(instrument_with(app, spans.options())).await;
    for (path, route) in [
        ("/", "/"),
        ("/index.html", "-"),
        ("/page/1", "-"),
        ("/files", "/files"),
        ("/files/a", "-"),
    ] {
        let name = if route == "-" { "GET".to_owned() } else { format!("GET {route}") };
        assert_eq!(
            spans.of(&app, &format!("GET {path}")).await,
            format!("{name} | route {route} | path {path} | 200 | -")
        );
    }
}

/// A service on a prefix, as the one of actix-files is.
struct Files(&'static str);

impl HttpServiceFactory for Files {
    fn register(self, config: &mut AppService) {
        let prefix = match config.is_root() {
            true => ResourceDef::root_prefix(self.0),
            false => ResourceDef::prefix(self.0),
        };
        let guards: Vec<Box<dyn Guard>> = vec![Box::new(Get())];
        let service = fn_service(async |request: ServiceRequest| {
            let status = match request.path().ends_with("missing") {
                true => StatusCode::NOT_FOUND,
                false => StatusCode::OK,
            };
            Ok::<_, Error>(request.into_response(HttpResponse::new(status)))
        });
        config.register_service(prefix, Some(guards), service, None);
    }
}

#[actix_web::test]
async fn services_on_a_prefix() {
    let spans = Spans::new();
    let app = App::new()
        .service(Files("/static"))
        .service(Files("/probes"))
        .service(web::scope("/of/{tenant}").service(Files("/static")))
        .service(Files(""));
    let options = spans.options().exclude_routes(["/probes"]);
    let app = init_service(instrument_with(app, options)).await;
    for (request, route, status) in [
        ("GET /static", "/static", 200),
        ("GET /static/app.js", "/static", 200),
        ("GET /static/js/app.js", "/static", 200),
        // The handler's own 404 keeps its route, and that of a guard has none.
        ("GET /static/missing", "/static", 404),
        ("POST /static/app.js", "-", 404),
        ("GET /of/acme/static/app.js", "/of/{tenant}/static", 200),
        ("GET /of/acme/static/missing", "/of/{tenant}/static", 404),
        ("POST /of/acme/static/app.js", "-", 404),
        ("GET /of/acme/other", "-", 404),
        // What is served at the root has no prefix to tell.
        ("GET /", "-", 200),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        let name = if route == "-" { method.to_owned() } else { format!("{method} {route}") };
        assert_eq!(
            spans.of(&app, request).await,
            format!("{name} | route {route} | path {path} | {status} | -")
        );
    }
    assert_eq!(spans.of(&app, "GET /probes").await, "");
    assert_eq!(spans.of(&app, "GET /probes/live").await, "");
}

/// Which route is likely is remembered by path; more paths than are remembered, twice.
#[actix_web::test]
async fn the_likely_route_is_that_of_the_path_each_time() {
    async fn likely() -> HttpResponse {
        let route = current_request().and_then(|it| it.route());
        HttpResponse::Ok().body(route.unwrap_or_default())
    }
    let spans = Spans::new();
    let app = App::new()
        .route("/users/{id}", web::get().to(likely))
        .route("/things/{id}/parts", web::get().to(likely))
        .default_service(web::to(likely));
    let app = init_service(instrument_with(app, spans.options())).await;
    let long = "x".repeat(300);
    for id in (0..300).chain(0..300).map(|it| it.to_string()).chain([long]) {
        for (path, route) in [
            (format!("/users/{id}"), "/users/{id}"),
            (format!("/things/{id}/parts"), "/things/{id}/parts"),
            (format!("/{id}"), ""),
        ] {
            let request = TestRequest::with_uri(&path).to_request();
            let body = call_and_read_body(&app, request).await;
            assert_eq!(body, route, "{path}");
        }
    }
}

#[actix_web::test]
async fn scopes_and_what_is_not_found() {
    let spans = Spans::new();
    let inner = web::scope("/{tenant}")
        .service(web::resource("/items/{id}").route(web::get().to(ok)).route(web::put().to(gone)));
    let app = App::new()
        .service(web::scope("/api").service(inner).default_service(web::to(gone)))
        .route("/", web::get().to(ok))
        .default_service(web::to(gone));
    let app = init_service(instrument_with(app, spans.options())).await;
    for (request, expected) in [
        ("GET /", "GET / | route / | path / | 200 | -"),
        (
            "GET /api/acme/items/1?x=y",
            "GET /api/{tenant}/items/{id} | route /api/{tenant}/items/{id} | \
             path /api/acme/items/1 | 200 | -",
        ),
        // The handler's own 404 keeps its route.
        (
            "PUT /api/acme/items/1",
            "PUT /api/{tenant}/items/{id} | route /api/{tenant}/items/{id} | \
             path /api/acme/items/1 | 404 | -",
        ),
        (
            "DELETE /api/acme/items/1",
            "DELETE /api/{tenant}/items/{id} | route /api/{tenant}/items/{id} | \
             path /api/acme/items/1 | 405 | -",
        ),
        ("GET /api/acme/zzz", "GET | route - | path /api/acme/zzz | 404 | -"),
        ("GET /api/acme", "GET | route - | path /api/acme | 404 | -"),
        ("GET /nowhere", "GET | route - | path /nowhere | 404 | -"),
        ("POST /", "POST | route - | path / | 404 | -"),
    ] {
        assert_eq!(spans.of(&app, request).await, expected);
    }
}

async fn gone() -> HttpResponse {
    HttpResponse::NotFound().finish()
}

#[actix_web::test]
async fn middleware_of_a_scope_and_of_a_resource() {
    let spans = Spans::new();
    let items = web::resource("/items/{id}").wrap(middleware(spans.options())).to(ok);
    let app = App::new()
        .service(web::scope("/a").wrap(middleware(spans.options())).route("/x/{id}", web::to(ok)))
        .service(web::scope("/b").service(items))
        .route("/c", web::to(ok));
    let app = init_service(app).await;
    assert_eq!(
        spans.of(&app, "GET /a/x/1").await,
        "GET /a/x/{id} | route /a/x/{id} | path /a/x/1 | 200 | -"
    );
    assert_eq!(spans.of(&app, "GET /a/y").await, "GET | route - | path /a/y | 404 | -");
    assert_eq!(
        spans.of(&app, "GET /b/items/1").await,
        "GET /b/items/{id} | route /b/items/{id} | path /b/items/1 | 200 | -"
    );
    assert_eq!(spans.of(&app, "GET /c").await, "");
}

#[actix_web::test]
async fn the_path_is_the_one_that_was_sent() {
    let spans = Spans::new();
    let app =
        App::new().route("/users/{id}", web::to(ok)).wrap(NormalizePath::new(TrailingSlash::Trim));
    let app = init_service(instrument_with(app, spans.options())).await;
    assert_eq!(
        spans.of(&app, "GET /users//1/").await,
        "GET /users/{id} | route /users/{id} | path /users//1/ | 200 | -"
    );
}

#[actix_web::test]
async fn the_application_has_the_last_word() {
    let spans = Spans::new();
    let handler = || async {
        let request = current_request().unwrap();
        assert_eq!(request.route().unwrap(), "/{tail:.*}");
        request.set_route("/files/*");
        "ok"
    };
    let app = App::new().route("/{tail:.*}", web::to(handler));
    let app = init_service(instrument_with(app, spans.options())).await;
    assert_eq!(
        spans.of(&app, "GET /a/b").await,
        "GET /files/* | route /files/* | path /a/b | 200 | -"
    );
}

#[actix_web::test]
async fn excluded_by_route_and_hooks() {
    let spans = Spans::new();
    let options = spans.options().exclude_routes(["/health/{probe}"]).request_hook(|span, it| {
        assert_eq!(span.route().as_deref(), it.route);
    });
    let app = App::new()
        .route("/health/{probe}", web::to(|| async { current_request().is_some().to_string() }))
        .service(web::resource("/named").name("the name").to(ok));
    let middleware = middleware(options).on_request(|span, request| {
        span.set_name(format!("resource {}", request.match_name().unwrap()));
    });
    let app = init_service(app.wrap(middleware)).await;
    assert_eq!(spans.of(&app, "GET /health/live").await, "");
    assert_eq!(
        spans.of(&app, "GET /named").await,
        "resource the name | route /named | path /named | 200 | -"
    );
}

#[actix_web::test]
async fn services_that_are_added_later() {
    let spans = Spans::new();
    let app = instrument_with(App::new(), spans.options()).route("/late", web::to(ok));
    let app = init_service(app).await;
    assert_eq!(spans.of(&app, "GET /late").await, "GET /late | route /late | path /late | 200 | -");
}

#[actix_web::test]
async fn nothing_is_recorded_without_an_sdk() {
    let options = HttpServerOptions::default().env_lookup(|_| None);
    let app = App::new().route(
        "/",
        web::to(|span: logfire_rs_actix_web::RequestSpan| async move {
            span.is_recording().to_string()
        }),
    );
    let app = init_service(instrument_with(app, options)).await;
    let request = TestRequest::get().uri("/").to_request();
    let body = call_and_read_body(&app, request).await;
    assert_eq!(body, "false");
}
