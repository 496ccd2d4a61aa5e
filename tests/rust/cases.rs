//! Templates in Markdown with their outputs.
