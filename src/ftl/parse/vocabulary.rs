//! The directives: their names, their tags, and the names that people try instead.

/// The directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directive {
    Assign,
    Attempt,
    AutoEsc,
    Break,
    Call,
    Case,
    /// `<#-- … -->`
    Comment,
    /// `<#comment>`
    CommentBlock,
    Compress,
    Continue,
    Default,
    Else,
    ElseIf,
    Escape,
    Fallback,
    Flush,
    ForEach,
    Ftl,
    Function,
    Global,
    If,
    Import,
    Include,
    Items,
    List,
    Local,
    Lt,
    Macro,
    Nested,
    NoAutoEsc,
    NoEscape,
    NoParse,
    Nt,
    On,
    OutputFormat,
    Recover,
    Recurse,
    Return,
    Rt,
    Sep,
    Setting,
    Stop,
    Switch,
    T,
    Transform,
    /// `<@x>`
    UserCall,
    Visit,
}

/// How a directive's tag closes when it has no parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bare {
    /// It must have parameters.
    Never,
    /// `>`
    Plain,
    /// `>` or `/>`
    Slash,
}

/// A directive's spellings and tags.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) camel: &'static str,
    pub(crate) directive: Directive,
    pub(crate) parameters: bool,
    pub(crate) bare: Bare,
    pub(crate) end: bool,
}

const fn entry(
    name: &'static str,
    camel: &'static str,
    directive: Directive,
    parameters: bool,
    bare: Bare,
    end: bool,
) -> Entry {
    Entry { name, camel, directive, parameters, bare, end }
}

#[rustfmt::skip]
pub(crate) const ENTRIES: [Entry; 45] = [
    entry("assign", "", Directive::Assign, true, Bare::Never, true),
    entry("attempt", "", Directive::Attempt, false, Bare::Plain, true),
    entry("autoesc", "autoEsc", Directive::AutoEsc, false, Bare::Plain, true),
    entry("break", "", Directive::Break, false, Bare::Slash, false),
    entry("call", "", Directive::Call, true, Bare::Never, false),
    entry("case", "", Directive::Case, true, Bare::Never, false),
    entry("comment", "", Directive::CommentBlock, false, Bare::Plain, false),
    entry("compress", "", Directive::Compress, false, Bare::Plain, true),
    entry("continue", "", Directive::Continue, false, Bare::Slash, false),
    entry("default", "", Directive::Default, false, Bare::Plain, false),
    entry("else", "", Directive::Else, false, Bare::Slash, false),
    entry("elseif", "elseIf", Directive::ElseIf, true, Bare::Never, false),
    entry("escape", "", Directive::Escape, true, Bare::Never, true),
    entry("fallback", "", Directive::Fallback, false, Bare::Slash, false),
    entry("flush", "", Directive::Flush, false, Bare::Slash, false),
    entry("foreach", "forEach", Directive::ForEach, true, Bare::Never, true),
    entry("ftl", "", Directive::Ftl, true, Bare::Slash, false),
    entry("function", "", Directive::Function, true, Bare::Never, true),
    entry("global", "", Directive::Global, true, Bare::Never, true),
    entry("if", "", Directive::If, true, Bare::Never, true),
    entry("import", "", Directive::Import, true, Bare::Never, false),
    entry("include", "", Directive::Include, true, Bare::Never, false),
    entry("items", "", Directive::Items, true, Bare::Never, true),
    entry("list", "", Directive::List, true, Bare::Never, true),
    entry("local", "", Directive::Local, true, Bare::Never, true),
    entry("lt", "", Directive::Lt, false, Bare::Slash, false),
    entry("macro", "", Directive::Macro, true, Bare::Never, true),
    entry("nested", "", Directive::Nested, true, Bare::Slash, false),
    entry("noautoesc", "noAutoEsc", Directive::NoAutoEsc, false, Bare::Plain, true),
    entry("noescape", "noEscape", Directive::NoEscape, false, Bare::Plain, true),
    entry("noparse", "noParse", Directive::NoParse, false, Bare::Plain, false),
    entry("nt", "", Directive::Nt, false, Bare::Slash, false),
    entry("on", "", Directive::On, true, Bare::Never, false),
    entry("outputformat", "outputFormat", Directive::OutputFormat, true, Bare::Never, true),
    entry("recover", "", Directive::Recover, false, Bare::Plain, true),
    entry("recurse", "", Directive::Recurse, true, Bare::Slash, false),
    entry("return", "", Directive::Return, true, Bare::Slash, false),
    entry("rt", "", Directive::Rt, false, Bare::Slash, false),
    entry("sep", "", Directive::Sep, false, Bare::Plain, true),
    entry("setting", "", Directive::Setting, true, Bare::Never, false),
    entry("stop", "", Directive::Stop, true, Bare::Slash, false),
    entry("switch", "", Directive::Switch, true, Bare::Never, true),
    entry("t", "", Directive::T, false, Bare::Slash, false),
    entry("transform", "", Directive::Transform, true, Bare::Never, true),
    entry("visit", "", Directive::Visit, true, Bare::Never, false),
];

impl Directive {
    /// The name in a tag.
    pub(crate) fn name(self) -> &'static str {
        ENTRIES.iter().find(|entry| entry.directive == self).map_or("", |entry| entry.name)
    }
}

/// Names of other languages and of slips, and what FreeMarker has for them.
pub(crate) const MEANT: [(&str, &str); 24] = [
    ("atempt", "attempt"),
    ("catch", "recover"),
    ("each", "list"),
    ("elif", "elseif"),
    ("else_if", "elseif"),
    ("elsif", "elseif"),
    ("end", "the end tag of what is open, like `</#if>`"),
    ("endfor", "/list"),
    ("endif", "/if"),
    ("endlist", "/list"),
    ("for", "list"),
    ("head", "ftl"),
    ("item", "items"),
    ("iterate", "list"),
    ("let", "assign"),
    ("method", "function"),
    ("no_escape", "noescape"),
    ("separator", "sep"),
    ("set", "assign"),
    ("template", "ftl"),
    ("try", "attempt"),
    ("unless", "if"),
    ("var", "assign"),
    ("while", "list"),
];
