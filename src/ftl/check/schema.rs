//! The fields of an exported Amplitude event, and what they hold.

use crate::text::slips;

/// What a field of the export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ftl::check) enum Holds {
    /// Text that people or programs choose: anything can be in it.
    AnyText,
    /// Text without quotes, backslashes and line breaks: codes, versions, names of places.
    PlainText,
    /// `2024-03-01 20:00:00.123456`
    Time,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// An object or a list.
    Other,
}

/// What the field of that name holds; `None` when the export has none of that name.
pub(in crate::ftl::check) fn field(name: &str) -> Option<Holds> {
    FIELDS.iter().find(|(known, _)| *known == name).map(|(_, holds)| *holds)
}

/// The field that was perhaps meant: spelled almost the same. Events of other origins have names of
/// their own, so no more than a slip counts.
pub(in crate::ftl::check) fn nearest(name: &str) -> Option<&'static str> {
    /// Shorter names are too close to each other.
    const SHORTEST: usize = 5;
    /// From here on two slips count.
    const LONG: usize = 12;
    if name.len() < SHORTEST {
        return None;
    }
    let tolerance = if name.len() < LONG { 1 } else { 2 };
    let close = |known: &str| singular(known) == singular(name) || slips(known, name) <= tolerance;
    FIELDS.iter().map(|(known, _)| *known).find(|known| known.len() >= SHORTEST && close(known))
}

/// The field whose name differs in nothing but case and underscores.
pub(in crate::ftl::check) fn same_letters(name: &str) -> Option<&'static str> {
    let letters = |text: &str| text.replace('_', "").to_lowercase();
    let wanted = letters(name);
    FIELDS.iter().map(|(known, _)| *known).find(|known| letters(known) == wanted)
}

fn singular(name: &str) -> String {
    match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => name.trim_end_matches('s').to_owned(),
    }
}

/// The keys of an exported line, and those that only streams have.
const FIELDS: [(&str, Holds); 60] = [
    ("$insert_id", Holds::AnyText),
    ("$insert_key", Holds::AnyText),
    ("$schema", Holds::Number),
    ("adid", Holds::PlainText),
    ("amplitude_attribution_ids", Holds::Other),
    ("amplitude_event_type", Holds::AnyText),
    ("amplitude_id", Holds::Number),
    ("app", Holds::Number),
    ("city", Holds::PlainText),
    ("client_event_time", Holds::Time),
    ("client_upload_time", Holds::Time),
    ("country", Holds::PlainText),
    ("data", Holds::Other),
    ("data_type", Holds::PlainText),
    ("derived_properties", Holds::Other),
    ("device_brand", Holds::AnyText),
    ("device_carrier", Holds::AnyText),
    ("device_family", Holds::AnyText),
    ("device_id", Holds::AnyText),
    ("device_manufacturer", Holds::AnyText),
    ("device_model", Holds::AnyText),
    ("device_type", Holds::AnyText),
    ("dma", Holds::PlainText),
    ("event_id", Holds::Number),
    ("event_properties", Holds::Other),
    ("event_time", Holds::Time),
    ("event_type", Holds::AnyText),
    ("global_user_properties", Holds::Other),
    ("group_properties", Holds::Other),
    ("groups", Holds::Other),
    ("idfa", Holds::PlainText),
    ("ip_address", Holds::PlainText),
    ("is_attribution_event", Holds::Boolean),
    ("language", Holds::PlainText),
    ("library", Holds::PlainText),
    ("location_lat", Holds::Number),
    ("location_lng", Holds::Number),
    ("lookup_properties", Holds::Other),
    ("os_name", Holds::PlainText),
    ("os_version", Holds::PlainText),
    ("partner_id", Holds::AnyText),
    ("paying", Holds::Boolean),
    ("plan", Holds::Other),
    ("platform", Holds::PlainText),
    ("processed_time", Holds::Time),
    ("region", Holds::PlainText),
    ("sample_rate", Holds::Number),
    ("server_received_time", Holds::Time),
    ("server_upload_time", Holds::Time),
    ("session_id", Holds::Number),
    ("source_id", Holds::AnyText),
    ("start_version", Holds::AnyText),
    ("user_creation_time", Holds::Time),
    ("user_id", Holds::AnyText),
    ("user_properties", Holds::Other),
    ("uuid", Holds::PlainText),
    ("version_name", Holds::AnyText),
    // Of batches of users.
    ("cohort_id", Holds::PlainText),
    ("in_cohort", Holds::Boolean),
    ("message_id", Holds::PlainText),
];

#[cfg(test)]
mod tests {
    use crate::ftl::check::schema::nearest;
    use crate::ftl::check::schema::same_letters;

    #[test]
    fn a_slip_finds_its_field_and_another_name_does_not() {
        assert_eq!(nearest("evnt_type"), Some("event_type"));
        assert_eq!(nearest("user_propertes"), Some("user_properties"));
        assert_eq!(nearest("user_property"), Some("user_properties"));
        assert_eq!(same_letters("userId"), Some("user_id"));
        for other in ["user_name", "event_name", "items", "type", "time", "device_name", "message"]
        {
            assert_eq!(nearest(other), None, "{other}");
        }
    }
}
