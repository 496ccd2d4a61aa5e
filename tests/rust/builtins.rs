//! The table of built-ins: complete, documented, and never the end of the process.

use std::collections::BTreeSet;

use webhook_stream::ftl::Blame;
use webhook_stream::ftl::Fault;
use webhook_stream::ftl::OutputFormat;
use webhook_stream::ftl::Settings;
use webhook_stream::ftl::TemplateErrorKind;
use webhook_stream::ftl::ast::Output;
use webhook_stream::ftl::builtins;
use webhook_stream::ftl::builtins::Applied;
use webhook_stream::ftl::builtins::Function;
use webhook_stream::ftl::builtins::Host;
use webhook_stream::ftl::builtins::Outcome;
use webhook_stream::ftl::builtins::Patterns;
use webhook_stream::ftl::builtins::walk;
use webhook_stream::ftl::format::Formats;
use webhook_stream::ftl::format::Formatting;
use webhook_stream::ftl::model::Callable;
use webhook_stream::ftl::model::Cursor;
use webhook_stream::ftl::model::Date;
use webhook_stream::ftl::model::DateKind;
use webhook_stream::ftl::model::Hash;
use webhook_stream::ftl::model::Model;
use webhook_stream::ftl::model::Text;
use webhook_stream::ftl::statics;
use webhook_stream::value::Document;

/// FreeMarker 2.3.34 has these, under two spellings each.
const NAMES: &str = "
    abs absolute_template_name ancestors api blank_to_null boolean byte c c_lower_case c_upper_case
    cap_first capitalize ceiling children chop_linebreak chunk cn contains counter date
    date_if_unknown datetime datetime_if_unknown default double drop_while empty_to_null ends_with
    ensure_ends_with ensure_starts_with esc eval eval_json exists filter first float floor groups
    has_api has_content has_next html if_exists index index_of int interpret is_boolean
    is_collection is_collection_ex is_date is_date_like is_date_only is_datetime is_directive
    is_enumerable is_even_item is_first is_hash is_hash_ex is_indexable is_infinite is_last is_macro
    is_markup_output is_method is_nan is_node is_number is_odd_item is_sequence is_string is_time
    is_transform is_unknown_date_like iso iso_h iso_h_nz iso_local iso_local_h iso_local_h_nz
    iso_local_m iso_local_m_nz iso_local_ms iso_local_ms_nz iso_local_nz iso_m iso_m_nz iso_ms
    iso_ms_nz iso_nz iso_utc iso_utc_fz iso_utc_h iso_utc_h_nz iso_utc_m iso_utc_m_nz iso_utc_ms
    iso_utc_ms_nz iso_utc_nz item_cycle item_parity item_parity_cap j_string join js_string
    json_string keep_after keep_after_last keep_before keep_before_last keys last last_index_of
    left_pad length long lower_abc lower_case map markup_string matches max min namespace new
    next_sibling no_esc node_name node_namespace node_type number number_to_date number_to_datetime
    number_to_time parent previous_sibling remove_beginning remove_ending replace reverse right_pad
    root round rtf seq_contains seq_index_of seq_last_index_of sequence short size sort sort_by split
    starts_with string substring switch take_while then time time_if_unknown trim trim_to_null
    truncate truncate_c truncate_c_m truncate_m truncate_w truncate_w_m uncap_first upper_abc
    upper_case url url_path values web_safe with_args with_args_last word_list xhtml xml";

#[test]
fn the_table_has_every_name_of_freemarker_once() {
    let expected: BTreeSet<&str> = NAMES.split_whitespace().collect();
    let names: Vec<&str> = builtins::all().map(|line| line.name).collect();
    let found: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(expected, found);
    assert_eq!(names.len(), found.len(), "a name stands twice");
}

#[test]
fn every_built_in_is_found_in_both_spellings_and_says_what_it_is() {
    for line in builtins::all() {
        for name in [line.name.to_owned(), builtins::camel_case(line.name)] {
            assert_eq!(builtins::find(&name).map(|found| found.name), Some(line.name), "{name}");
        }
        let help = line.help;
        assert!(!help.is_empty() && !help.ends_with('.') && !help.contains('\n'), "{help}");
    }
    assert!(builtins::find("upperCase").is_some() && builtins::find("isoUtcMsNZ").is_some());
    assert!(builtins::find("UPPER_CASE").is_none() && builtins::find("").is_none());
}

#[test]
fn a_misspelt_name_gets_a_suggestion_in_its_own_spelling() {
    assert_eq!(builtins::nearest("uper_case").as_deref(), Some("upper_case"));
    assert_eq!(builtins::nearest("jsonSting").as_deref(), Some("jsonString"));
    assert_eq!(builtins::nearest("frobnicate"), None);
}

#[test]
fn a_text_with_nothing_to_escape_is_not_copied() {
    let mut desk = Desk::default();
    let text = "https://example.com/a?b=c d é 漢 😀";
    for name in ["json_string", "js_string", "j_string", "html", "xml", "rtf", "trim"] {
        let target = Model::Text(Text::Borrowed(text));
        let Ok(Model::Text(Text::Borrowed(same))) = apply(&mut desk, name, target, None) else {
            panic!("`?{name}` copied");
        };
        // `'` and `&` are not in the text, so nothing was to be done.
        assert!(std::ptr::eq(same, text), "{name}");
    }
}

#[test]
fn parts_of_the_data_are_not_copied() {
    let mut desk = Desk::default();
    let target = || Model::Text(Text::Borrowed("a,b,c"));
    let comma = || vec![Model::text(",")];
    for name in ["keep_before", "keep_after", "remove_beginning"] {
        let part = apply(&mut desk, name, target(), Some(comma()));
        assert!(matches!(part, Ok(Model::Text(Text::Borrowed(_)))), "{name}");
    }
    let parts = apply(&mut desk, "split", target(), Some(comma())).unwrap();
    let items = walk_all(&mut desk, &parts);
    assert!(items.iter().all(|item| matches!(item, Model::Text(Text::Borrowed(_)))));
}

#[test]
fn a_fault_says_what_was_expected_where_and_what_to_do() {
    let cases = [
        (
            r#""abc""#,
            "substring",
            r"[1, 9]",
            TemplateErrorKind::BadArgument,
            Blame::Argument(1),
            "expected an index from 0 to 3",
            "truncate",
        ),
        (
            r#""abc""#,
            "contains",
            "[1]",
            TemplateErrorKind::WrongType,
            Blame::Argument(0),
            "expected a string as argument 1 of `?contains`, found a number",
            "?c",
        ),
        (
            r#""abc""#,
            "left_pad",
            r#"["5"]"#,
            TemplateErrorKind::WrongType,
            Blame::Argument(0),
            "expected a number",
            "?number",
        ),
        (
            r#""abc""#,
            "left_pad",
            "[5000000]",
            TemplateErrorKind::Limit,
            Blame::Argument(0),
            "1000000 characters",
            "",
        ),
        (
            "[1]",
            "contains",
            r#"["a"]"#,
            TemplateErrorKind::WrongType,
            Blame::Target,
            "found a sequence",
            "?seq_contains",
        ),
        (
            r#"{"a": 1}"#,
            "join",
            r#"[","]"#,
            TemplateErrorKind::WrongType,
            Blame::Target,
            "expected a sequence left of `?join`, found a hash",
            "?values",
        ),
        (
            r#"["a", []]"#,
            "join",
            r#"[","]"#,
            TemplateErrorKind::WrongType,
            Blame::Target,
            "item [1]: expected a string",
            "",
        ),
        (
            r#"[{"a": 1}, {}]"#,
            "sort_by",
            r#"["a"]"#,
            TemplateErrorKind::MissingValue,
            Blame::Target,
            "item [1]: expected a value under `a`",
            "?filter",
        ),
        (
            "[1]",
            "map",
            "[1]",
            TemplateErrorKind::WrongType,
            Blame::Argument(0),
            "expected a function or lambda",
            "->",
        ),
        (
            r#""a""#,
            "matches",
            r#"["("]"#,
            TemplateErrorKind::BadArgument,
            Blame::Argument(0),
            "at character 2: expected `)`",
            "raw string",
        ),
        (
            r#""aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab!""#,
            "matches",
            r#"["((a|aa)+)\\1!"]"#,
            TemplateErrorKind::Limit,
            Blame::Whole,
            "1000000 steps",
            "a++",
        ),
        (
            r#""é""#,
            "url",
            r#"["EBCDIC"]"#,
            TemplateErrorKind::BadArgument,
            Blame::Argument(0),
            "found `EBCDIC`",
            "",
        ),
        (
            r#""[1,]""#,
            "eval_json",
            "",
            TemplateErrorKind::BadFormat,
            Blame::Target,
            "line 1 column 4: expected a value, found `]`",
            "",
        ),
        (
            "null",
            "is_string",
            "",
            TemplateErrorKind::MissingValue,
            Blame::Target,
            "expected a value",
            "??",
        ),
    ];
    for (target, name, arguments, kind, blame, message, hint) in cases {
        let (target, arguments) = (document(target), document(arguments));
        let arguments =
            arguments.root().as_list().map(|list| list.iter().map(Model::from_node).collect());
        let target = Model::from_node(target.root());
        let fault = apply(&mut Desk::default(), name, target, arguments).expect_err(name);
        assert_eq!((fault.kind(), fault.blame()), (kind, blame), "{name}: {}", fault.message());
        assert!(fault.message().contains(message), "{name}: {}", fault.message());
        assert!(fault.hint().unwrap_or_default().contains(hint), "{name}: {:?}", fault.hint());
    }
}

#[test]
fn no_built_in_panics_whatever_it_is_given() {
    let data = document(
        r#"[null, true, 0, -1, 3.5, 1e300, 4294967297, "", "a b", "😀é", "((", "[1,{\"a\":null}]",
            [], [1, "a", null], ["b", "a"], {}, {"a": {"b": 1}}, [{"a": 2}, {"a": 1}]]"#,
    );
    let mut values: Vec<Model<'_>> =
        data.root().as_list().unwrap().iter().map(Model::from_node).collect();
    values.extend(
        [i64::MIN, -62_167_219_200_001, 0, i64::MAX]
            .map(|millis| Model::Date(Date { millis, kind: DateKind::DateTime })),
    );
    values.push(Model::Callable(Callable::Static("toJson")));
    let mut desk = Desk::default();
    for line in builtins::all() {
        for target in &values {
            let _ = apply(&mut desk, line.name, target.clone(), None);
            for first in &values {
                let _ = apply(&mut desk, line.name, target.clone(), Some(vec![first.clone()]));
                for second in [&values[0], &values[2], &values[8], &values[9]] {
                    let arguments = vec![first.clone(), second.clone()];
                    let _ = apply(&mut desk, line.name, target.clone(), Some(arguments));
                }
            }
        }
    }
}

#[test]
fn ftl_utils_writes_any_value_as_json() {
    let data = document(r#"{"a":[1,2.50,null,"x\"é"],"b":{"c":true}}"#);
    let root = Model::from_node(data.root());
    let mut desk = Desk::default();
    let json = |desk: &mut Desk, value: Model<'_>| match statics::call(desk, "toJson", &[value]) {
        Ok(Model::Text(text)) => text.to_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(json(&mut desk, root.clone()), r#"{"a":[1,2.5,null,"x\"é"],"b":{"c":true}}"#);
    let made = Model::list(vec![Model::text("a"), Model::Missing, Model::Boolean(true)]);
    assert_eq!(json(&mut desk, made), r#"["a",null,true]"#);
    let moment = Model::Date(Date { millis: 1_705_314_600_120, kind: DateKind::DateTime });
    assert_eq!(json(&mut desk, moment), r#""2024-01-15T10:30:00.12Z""#);
    let found = apply(&mut desk, "matches", Model::text("ab"), Some(vec![Model::text(".")]));
    assert_eq!(json(&mut desk, found.unwrap()), r#"["a","b"]"#);
    assert!(statics::call(&mut desk, "toJson", &[]).is_err());
    let function = Model::Callable(Callable::Static("toJson"));
    assert!(statics::call(&mut desk, "toJson", &[function]).is_err());
}

/// A host without a template: it knows data, and calls nothing but built-ins.
struct Desk {
    settings: Settings,
    formats: Formats,
    patterns: Patterns,
    output: Output,
}

impl Default for Desk {
    fn default() -> Self {
        let output =
            Output { format: OutputFormat::Undefined, auto_escape: false, never_escapes: false };
        let (formats, patterns) = (Formats::default(), Patterns::default());
        Self { settings: Settings::freemarker(), formats, patterns, output }
    }
}

impl<'r> Host<'r> for Desk {
    fn formatting(&mut self) -> Formatting<'_> {
        Formatting { settings: &self.settings, formats: &mut self.formats }
    }

    fn output(&self) -> &Output {
        &self.output
    }

    fn now_millis(&self) -> i64 {
        0
    }

    fn patterns(&mut self) -> &mut Patterns {
        &mut self.patterns
    }

    fn call(&mut self, callee: &Model<'r>, arguments: Vec<Model<'r>>) -> Outcome<'r> {
        match callee {
            Model::Callable(Callable::Static(name)) => statics::call(self, name, &arguments),
            _ => Err(Fault::new(TemplateErrorKind::WrongType, "nothing to call")),
        }
    }

    fn next(&mut self, cursor: &mut Cursor<'r>) -> Result<Option<Model<'r>>, Fault> {
        walk::advance(self, cursor)
    }

    fn spend(&mut self, _: usize) -> Result<(), Fault> {
        Ok(())
    }

    fn get(&mut self, hash: &Hash<'r>, key: &str) -> Outcome<'r> {
        Ok(match hash {
            Hash::Json(object) => object.get(key).map_or(Model::Missing, Model::from_node),
            Hash::Made(map) => map.get(key).cloned().unwrap_or(Model::Missing),
            _ => Model::Missing,
        })
    }

    fn pairs(&mut self, hash: &Hash<'r>) -> Result<Vec<(Text<'r>, Model<'r>)>, Fault> {
        Ok(match hash {
            Hash::Json(object) => object
                .iter()
                .map(|(key, node)| (Text::Borrowed(key), Model::from_node(node)))
                .collect(),
            Hash::Made(map) => {
                map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
            }
            _ => Vec::new(),
        })
    }
}

/// Applies a built-in as the evaluator does.
fn apply<'r>(
    desk: &mut Desk,
    name: &str,
    target: Model<'r>,
    arguments: Option<Vec<Model<'r>>>,
) -> Outcome<'r> {
    let line = builtins::find(name).unwrap();
    match (line.function, &arguments) {
        (Function::Value(function), None) => function(desk, target),
        (Function::Method(function), Some(arguments)) => {
            let (least, most) = line.arguments.unwrap();
            if (least..=most).contains(&arguments.len()) {
                return function(desk, target, arguments);
            }
            Ok(Model::Missing)
        }
        (Function::Flexible(function), None) => function(desk, target, Applied::Bare),
        (Function::Flexible(function), Some(arguments)) => {
            function(desk, target, Applied::Call(arguments))
        }
        _ => Ok(Model::Missing),
    }
}

fn walk_all<'r>(desk: &mut Desk, model: &Model<'r>) -> Vec<Model<'r>> {
    let Model::Sequence(sequence) = model else { return Vec::new() };
    walk::items(desk, sequence).unwrap().to_vec()
}

fn document(text: &str) -> Document<'_> {
    Document::parse(if text.is_empty() { "null" } else { text }).unwrap()
}
