//! Names of templates: relative and absolute paths, `*/` steps, variants by language.

use crate::ftl::settings::TemplateNameFormat;

/// The full name of what `path` means in the template `base`: relative to its folder, or from the
/// root with a leading slash.
pub(in crate::ftl) fn resolve(base: &str, path: &str) -> String {
    if path.find("://").is_some_and(|at| at > 0) || base.is_empty() {
        return path.to_owned();
    }
    if let Some(from_root) = path.strip_prefix('/') {
        return match base.find("://") {
            Some(at) if at > 0 => format!("{}/{from_root}", &base[..at + 2]),
            _ => from_root.to_owned(),
        };
    }
    let folder = base.rfind('/').map_or("", |at| &base[..=at]);
    format!("{folder}{path}")
}

/// The same name without `./` and `../` steps.
pub(in crate::ftl) fn normalize(name: &str, format: TemplateNameFormat) -> Result<String, String> {
    match format {
        TemplateNameFormat::Lenient => normalize_lenient(name),
        TemplateNameFormat::Strict => normalize_strict(name),
    }
}

fn normalize_strict(name: &str) -> Result<String, String> {
    check_characters(name)?;
    if name.contains('\\') {
        return Err(format!("the template name `{name}` has a backslash; write `/`"));
    }
    let scheme = scheme_end(name);
    let (scheme, path) = name.split_at(scheme);
    if path.contains(':') {
        return Err(format!("the template name `{name}` has a `:` that doesn't end a scheme"));
    }
    let mut steps: Vec<&str> = Vec::new();
    let all: Vec<&str> = path.split('/').collect();
    for (index, step) in all.iter().enumerate() {
        match *step {
            "" if index + 1 < all.len() => {}
            "." => {}
            ".." => {
                // A `*` step stays in front of what is left.
                let mut stars = false;
                while steps.last() == Some(&"*") {
                    steps.pop();
                    stars = true;
                }
                if steps.pop().is_none() {
                    return Err(format!("the template name `{name}` leaves the root folder"));
                }
                if stars {
                    steps.push("*");
                }
            }
            "*" if steps.last() == Some(&"*") => {}
            step => steps.push(step),
        }
    }
    if steps.first() == Some(&"*") {
        steps.remove(0);
    }
    Ok(format!("{scheme}{}", steps.join("/")))
}

/// Where the path begins behind `scheme:` or `scheme://`.
fn scheme_end(name: &str) -> usize {
    match name.find(':') {
        Some(colon) if !name[..colon].contains('/') => {
            colon + if name[colon..].starts_with("://") { 3 } else { 1 }
        }
        _ => 0,
    }
}

fn check_characters(name: &str) -> Result<(), String> {
    if name.contains('\0') {
        return Err("a template name can't contain a null character".to_owned());
    }
    Ok(())
}

fn normalize_lenient(name: &str) -> Result<String, String> {
    let outside = || format!("the template name `{name}` leaves the root folder");
    check_characters(name)?;
    let mut path = name.to_owned();
    while let Some(at) = path.find("/../") {
        if at == 0 {
            return Err(outside());
        }
        let folder = path[..at].rfind('/').map_or(0, |slash| slash + 1);
        path.replace_range(folder..at + "/../".len(), "");
    }
    if path.starts_with("../") {
        return Err(outside());
    }
    while let Some(at) = path.find("/./") {
        path.replace_range(at..at + "/.".len(), "");
    }
    let path = path.strip_prefix("./").unwrap_or(&path);
    let path = if path.len() > 1 { path.strip_prefix('/').unwrap_or(path) } else { path };
    Ok(path.to_owned())
}

/// The name from the root, with a leading slash.
pub(in crate::ftl) fn absolute(name: &str) -> String {
    if name.starts_with('/') || name.find("://").is_some_and(|at| at > 0) {
        return name.to_owned();
    }
    format!("/{name}")
}

/// The names to look for, in order: `a_en_US.ftl`, `a_en.ftl`, `a.ftl`; with a `*` step in the
/// folder before it, and in the folders around that one. Without a locale, variants by language
/// are left out.
pub(in crate::ftl) fn candidates(name: &str, locale: Option<&str>) -> Vec<String> {
    let Some(locale) = locale else { return acquired(name) };
    let dot = name.rfind('.').unwrap_or(name.len());
    let (prefix, suffix) = name.split_at(dot);
    let mut variants = Vec::new();
    let mut language = format!("_{}", locale_parts(locale).join("_"));
    loop {
        variants.push(format!("{prefix}{language}{suffix}"));
        match language.rfind('_') {
            Some(at) => language.truncate(at),
            None => break,
        }
    }
    variants.into_iter().flat_map(|variant| acquired(&variant)).collect()
}

/// Language, country and variant, as Java spells them.
pub(in crate::ftl) fn locale_parts(locale: &str) -> Vec<String> {
    let parts = locale.split(['_', '-', ',', ' ']).filter(|part| !part.is_empty());
    let spelled = parts.enumerate().map(|(index, part)| match index {
        0 => match part.to_ascii_lowercase().as_str() {
            "iw" => "he".to_owned(),
            "in" => "id".to_owned(),
            "ji" => "yi".to_owned(),
            language => language.to_owned(),
        },
        1 => part.to_ascii_uppercase(),
        _ => part.to_owned(),
    });
    spelled.collect()
}

fn acquired(name: &str) -> Vec<String> {
    let steps: Vec<&str> = name.split('/').filter(|step| !step.is_empty()).collect();
    let Some(star) = steps.iter().rposition(|step| *step == "*") else {
        return vec![name.to_owned()];
    };
    let mut folder: Vec<&str> = steps[..star].iter().copied().filter(|step| *step != "*").collect();
    let rest = steps[star + 1..].join("/");
    let mut names = Vec::new();
    loop {
        let path: Vec<&str> = folder.iter().copied().chain([&*rest]).collect();
        names.push(path.join("/"));
        if folder.pop().is_none() {
            return names;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ftl::names::{absolute, candidates, normalize, resolve};
    use crate::ftl::settings::TemplateNameFormat;

    #[test]
    fn relative_names_begin_in_the_folder_of_the_template() {
        assert_eq!(resolve("a/b.ftl", "c.ftl"), "a/c.ftl");
        assert_eq!(resolve("a/b.ftl", "/c.ftl"), "c.ftl");
        assert_eq!(resolve("b.ftl", "x/c.ftl"), "x/c.ftl");
        assert_eq!(absolute("a/c.ftl"), "/a/c.ftl");
    }

    #[test]
    fn steps_up_and_in_place_are_taken_out() {
        for format in [TemplateNameFormat::Lenient, TemplateNameFormat::Strict] {
            assert_eq!(normalize("a/b/../c/./d.ftl", format).as_deref(), Ok("a/c/d.ftl"));
            assert_eq!(normalize("./a.ftl", format).as_deref(), Ok("a.ftl"));
            assert!(normalize("../a.ftl", format).is_err());
            assert!(normalize("a/../../b.ftl", format).is_err());
        }
    }

    #[test]
    fn languages_and_acquisition_give_more_places_to_look() {
        assert_eq!(candidates("a.ftl", Some("en_US")), ["a_en_US.ftl", "a_en.ftl", "a.ftl"]);
        assert_eq!(candidates("a.ftl", None), ["a.ftl"]);
        let names = candidates("x/y/*/a.ftl", Some("en"));
        let plain: Vec<_> = names.iter().filter(|name| !name.contains('_')).collect();
        assert_eq!(plain, ["x/y/a.ftl", "x/a.ftl", "a.ftl"]);
    }
}
