//! The face of the template room: compile, render, explain.

use webhook_stream::ftl::Data;
use webhook_stream::ftl::RenderOptions;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::Template;
use webhook_stream::value::Document;

/// The requirement's own template.
const BRAZE: &str = r#"{ <#if input.user_id??>"external_id" : "${input.user_id}",</#if> "name" : "${input.event_type}", "time" : "${input.event_time}", "properties" : { "email" : "${input.user_properties.email!}" } }"#;

fn render(template: &str, event: &str) -> String {
    let template = Template::compile("test.ftl", template, &Settings::amplitude(), None).unwrap();
    let event = Document::parse(event).unwrap();
    template.render(Data::event(event.root()), RenderOptions::default()).unwrap()
}

#[test]
fn the_requirements_template_gives_its_payload() {
    let event = r#"{"user_id":"datamonster@gmail.com","event_type":"watch_tutorial",
        "event_time":"2021-12-01 17:31:10.412","user_properties":{"email":"datamonster@gmail.com"}}"#;
    assert_eq!(
        render(BRAZE, event),
        r#"{ "external_id" : "datamonster@gmail.com", "name" : "watch_tutorial", "time" : "2021-12-01 17:31:10.412", "properties" : { "email" : "datamonster@gmail.com" } }"#
    );
    let event = r#"{"event_type":"x","event_time":"t","user_properties":{}}"#;
    assert_eq!(
        render(BRAZE, event),
        r#"{  "name" : "x", "time" : "t", "properties" : { "email" : "" } }"#
    );
}
