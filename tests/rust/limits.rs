//! Hostile templates end in errors.
