//! The masking of URLs: no secret survives, every other byte does, and masking twice changes nothing.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use logfire_rs_core::{FilterUrl, UrlRedaction};
use logfire_rs_fuzz::{SECRET, SECRET_KEYS, assert_no_secret, assert_only_values_replaced, input};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    url: &'a str,
    before: &'a str,
    key: u8,
    after: &'a str,
    own_key: &'a str,
    all_values: bool,
}

fuzz_target!(|data: &[u8]| {
    let Some(input) = input::<Input<'_>>(data) else { return };
    let default = UrlRedaction::default();
    let options = [
        default.clone(),
        UrlRedaction::default().add_keys([input.own_key]),
        UrlRedaction::default().all_values(input.all_values),
    ];
    for redaction in options {
        let masked = redaction.url(input.url);
        assert_eq!(redaction.url(&masked), masked, "masking twice");
        let [before, after] = [input.url, &*masked].map(FilterUrl::parse);
        assert_eq!(
            (before.scheme(), before.host(), before.port(), before.path()),
            (after.scheme(), after.host(), after.port(), after.path()),
        );
        let queries = [before, after].map(|it| it.query().unwrap_or_default());
        assert_only_values_replaced(queries[0], queries[1]);
        assert_eq!(before.query().is_some(), after.query().is_some());
    }
    let dropped = UrlRedaction::default().drop_query(true);
    assert_eq!(FilterUrl::parse(&dropped.url(input.url)).query().unwrap_or_default(), "");

    // A filter that changes nothing changes nothing that it sees.
    let url = FilterUrl::parse(input.url);
    let again = url.with_query_pairs(url.query_pairs());
    assert!(FilterUrl::parse(&again).query_pairs().eq(url.query_pairs()), "{again}");
    assert_eq!(FilterUrl::parse(&again).path(), url.path());

    let key = SECRET_KEYS[usize::from(input.key) % SECRET_KEYS.len()];
    let query = format!("{}&{key}={SECRET}&{}", input.before, input.after);
    let masked = default.query(&query).expect("a query");
    assert_no_secret(&masked);
    assert_only_values_replaced(&query, &masked);

    let user = input.own_key.replace(['/', '?', '#'], "");
    let before = input.before.replace('#', "");
    let path = input.url.replace(['?', '#'], "");
    let url =
        format!("https://{user}:{SECRET}@host/{path}?{before}&{key}={SECRET}&{}", input.after);
    assert_no_secret(&default.url(&url));
});
