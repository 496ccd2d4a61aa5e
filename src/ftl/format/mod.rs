//! Numbers and dates to text and back, as Java's formats do it.

use crate::ftl::settings::Settings;

/// Formats compiled so far, by their text, locale and time zone.
#[derive(Debug, Default)]
pub struct Formats {}

/// The settings in effect and the formats compiled for them.
#[derive(Debug)]
pub struct Formatting<'h> {
    /// As `<#setting>` left them.
    pub settings: &'h Settings,
    /// Compiled so far, by their text.
    pub formats: &'h mut Formats,
}
