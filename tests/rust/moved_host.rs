//! No text of an event decides which host a request goes to.

use webhook_stream::pipeline::Sync;
use webhook_stream::pipeline::SyncOptions;

const SAYS: &str = "expected a host that is written out";

#[test]
fn a_url_whose_host_comes_from_events_is_refused() {
    for url in [
        "http://${input.host}/",
        "http://a.example${input.host}/",
        "http://a.example:${input.port}/",
        "http://${input.user}@a.example/",
        "http://a.example<#if input.host??>.evil.example</#if>/",
    ] {
        let error = Sync::new(SyncOptions::new("demo", url)).unwrap_err();
        assert!(error.to_string().contains(SAYS), "{url}: {error}");
    }
}

#[test]
fn a_host_that_moves_only_when_it_is_rendered_gets_no_request() {
    // In square brackets it looks like a host that is written out.
    let url = "[#ftl]http://a.example[#if input.host??]${input.host}[/#if]/${input.n}";
    let sync = Sync::new(SyncOptions::new("demo", url)).unwrap();
    for host in [".evil.example", "@evil.example", ":81", "\\@evil.example", "x"] {
        let event = serde_json::json!({ "n": 1, "host": host }).to_string();
        let preview = sync.preview(&event, 0, 0);
        assert_eq!(preview.outcome, "discarded", "{host}");
        assert!(preview.error.unwrap().contains(SAYS), "{host}");
    }
}

#[test]
fn paths_and_queries_may_come_from_events() {
    let url = "http://a.example/${input.n}?to=${input.host?url}";
    let sync = Sync::new(SyncOptions::new("demo", url)).unwrap();
    let preview = sync.preview(r#"{"n": 1, "host": "//evil.example"}"#, 0, 0);
    assert_eq!(preview.url.unwrap(), "http://a.example/1?to=%2F%2Fevil.example");
}
