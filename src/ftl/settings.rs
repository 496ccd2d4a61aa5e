//! Everything that changes what a template gives: locale, time zone, formats, syntax, limits.
//!
//! The names are FreeMarker's. [`Settings::amplitude`] is what webhook templates expect,
//! [`Settings::freemarker`] what FreeMarker does when nobody configures it. `<#setting>` changes a
//! copy while a template runs.

use std::fmt;

use crate::ftl::coverage::Recorder;
use crate::text::did_you_mean;
use crate::value::Document;

/// The settings of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The language and country of formats, case and order: `en_US`.
    pub locale: String,
    /// A time zone by its Java name: `UTC`, `Europe/Rome`, `GMT+02:00`.
    pub time_zone: String,
    /// How `${number}` prints: `number`, `computer` (`c`), `percent`, `currency`, or a pattern.
    pub number_format: String,
    /// How `${boolean}` prints: `yes,no`, or `c`; the default `true,false` refuses to.
    pub boolean_format: String,
    /// How dates without a time print: a style, a pattern, `iso …`, `xs …`; empty: the locale's.
    pub date_format: String,
    /// How times print.
    pub time_format: String,
    /// How dates with a time print.
    pub datetime_format: String,
    /// Number formats of one's own: `@price`, and what that stands for.
    pub custom_number_formats: CustomFormats,
    /// Date formats of one's own.
    pub custom_date_formats: CustomFormats,
    /// How `?c` prints: `JavaScript or JSON`, `JSON`, `JavaScript`, `Java`, `XS`, `legacy`; or
    /// `default`, which is the first of them, and `legacy` before version 2.3.32.
    pub c_format: String,
    /// The charset of `?url`.
    pub url_escaping_charset: Option<String>,
    /// The charset of the output: what `?url` uses when there is no other.
    pub output_encoding: Option<String>,
    /// FreeMarker 1 behaviour: missing values print as nothing.
    pub classic_compatible: bool,
    /// The version whose fixes are in effect, as `major × 1,000,000 + minor × 1,000 + micro`.
    pub incompatible_improvements: u32,
    /// The output format of templates that don't name one.
    pub output_format: OutputFormat,
    /// When values are escaped.
    pub auto_escaping: AutoEscaping,
    /// `<#if>` or `[#if]`.
    pub tag_syntax: TagSyntax,
    /// `${x}` or `[=x]`.
    pub interpolation_syntax: InterpolationSyntax,
    /// `upper_case` or `upperCase`.
    pub naming_convention: NamingConvention,
    /// Whether lines that hold nothing but tags vanish.
    pub whitespace_stripping: bool,
    /// Whether directives need their `#`.
    pub strict_syntax: bool,
    /// Whether `.ftlh` and `.ftlx` mean HTML and XML.
    pub recognize_standard_file_extensions: Option<bool>,
    /// Templates imported into every template: variable and template name.
    pub auto_import: Vec<(String, String)>,
    /// Templates included at the start of every template.
    pub auto_include: Vec<String>,
    /// Whether `<#import>` waits until its namespace is used.
    pub lazy_imports: bool,
    /// The same for `auto_import`; `None`: as `lazy_imports`.
    pub lazy_auto_imports: Option<bool>,
    /// Whether a loop variable that is missing shows an outer variable of its name.
    pub fallback_on_null_loop_variable: bool,
    /// Whether `footer_de.ftl` is taken in place of `footer.ftl` when the locale is German.
    pub localized_lookup: bool,
    /// What names of templates may look like.
    pub template_name_format: TemplateNameFormat,
    /// Columns of a tab in error positions.
    pub tab_size: u32,
    /// What an error inside a template does.
    pub template_exception_handler: ExceptionHandler,
    /// What `?truncate` puts where it cuts.
    pub truncate_algorithm: TruncateAlgorithm,
    /// Whether `statics['…FtlUtils']` is there.
    pub statics: bool,
    /// What a template may use up.
    pub limits: Limits,
    /// What counts which parts of the template run; nothing counts without.
    pub recorder: Option<Recorder>,
}

/// Names, and the formats they stand for.
pub(in crate::ftl) type CustomFormats = Vec<(String, String)>;

/// What a template may use up; reaching a limit ends it with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of output.
    pub max_output_bytes: usize,
    /// Nodes, expressions and items evaluated.
    pub max_steps: u64,
    /// Calls inside calls, and includes inside includes.
    pub max_call_depth: usize,
    /// Expressions and directives inside each other.
    pub max_nesting: usize,
    /// Back-tracking steps of one regular expression search.
    pub max_regex_steps: usize,
    /// Items of a range that is made into a list, and characters a padding may add.
    pub max_items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_output_bytes: 16 << 20,
            max_steps: 10_000_000,
            max_call_depth: 200,
            max_nesting: 200,
            max_regex_steps: 1_000_000,
            max_items: 1_000_000,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::amplitude()
    }
}

impl Settings {
    /// What webhook templates expect: numbers and booleans as JSON spells them, UTC, `en_US`, and
    /// `FtlUtils` under `statics`.
    pub fn amplitude() -> Self {
        Self {
            number_format: "computer".into(),
            boolean_format: "c".into(),
            statics: true,
            ..Self::freemarker()
        }
    }

    /// What FreeMarker 2.3.34 does when nobody configures it, with `incompatible_improvements`
    /// 2.3.34, locale `en_US` and UTC.
    pub fn freemarker() -> Self {
        Self {
            locale: "en_US".into(),
            time_zone: "UTC".into(),
            number_format: "number".into(),
            boolean_format: "true,false".into(),
            date_format: String::new(),
            time_format: String::new(),
            datetime_format: String::new(),
            custom_number_formats: Vec::new(),
            custom_date_formats: Vec::new(),
            c_format: "default".into(),
            url_escaping_charset: None,
            output_encoding: None,
            classic_compatible: false,
            incompatible_improvements: version(2, 3, 34),
            output_format: OutputFormat::Undefined,
            auto_escaping: AutoEscaping::EnableIfDefault,
            tag_syntax: TagSyntax::AngleBracket,
            interpolation_syntax: InterpolationSyntax::Legacy,
            naming_convention: NamingConvention::AutoDetect,
            whitespace_stripping: true,
            strict_syntax: true,
            recognize_standard_file_extensions: None,
            auto_import: Vec::new(),
            auto_include: Vec::new(),
            lazy_imports: false,
            lazy_auto_imports: None,
            fallback_on_null_loop_variable: true,
            localized_lookup: true,
            template_name_format: TemplateNameFormat::Lenient,
            tab_size: 8,
            template_exception_handler: ExceptionHandler::Rethrow,
            truncate_algorithm: TruncateAlgorithm::Ascii,
            statics: false,
            limits: Limits::default(),
            recorder: Recorder::current(),
        }
    }

    /// Whether the fixes of version 2.3.`micro` are in effect.
    pub fn improves_since(&self, micro: u32) -> bool {
        self.incompatible_improvements >= version(2, 3, micro)
    }

    /// Whether `@name` can be a format.
    pub(in crate::ftl) fn has_custom_formats(&self) -> bool {
        !self.custom_number_formats.is_empty() || !self.custom_date_formats.is_empty()
    }

    /// Sets one by FreeMarker's name for it (either spelling) and a value as text.
    ///
    /// # Errors
    /// For an unknown name, and a value that the setting doesn't have.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        let wrong = |expected: &str| SettingError {
            message: format!("setting `{name}`: expected {expected}, found `{value}`"),
            hint: None,
        };
        let boolean = || match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "t" => Ok(true),
            "false" | "no" | "n" | "f" => Ok(false),
            _ => Err(wrong("`true` or `false`")),
        };
        let formats = || {
            parse_formats(value).ok_or_else(|| {
                wrong(r#"names of letters and digits with their formats: `{"price": "0.00"}`"#)
            })
        };
        let count = || value.parse::<usize>().map_err(|_| wrong("a whole number"));
        match snake_case(name).as_str() {
            // What FreeMarker finds where it runs; here it is always the same.
            "locale" if value.eq_ignore_ascii_case("JVM default") => {
                "en_US".clone_into(&mut self.locale);
            }
            "locale" => value.clone_into(&mut self.locale),
            "time_zone" => value.clone_into(&mut self.time_zone),
            "number_format" => value.clone_into(&mut self.number_format),
            "boolean_format" => {
                if value != "c" && value.split_once(',').is_none() {
                    return Err(wrong("`c`, or the words for true and false with a comma between"));
                }
                value.clone_into(&mut self.boolean_format);
            }
            "date_format" => value.clone_into(&mut self.date_format),
            "time_format" => value.clone_into(&mut self.time_format),
            "datetime_format" => value.clone_into(&mut self.datetime_format),
            "custom_number_formats" => self.custom_number_formats = formats()?,
            "custom_date_formats" => self.custom_date_formats = formats()?,
            "c_format" => {
                const FORMATS: [&str; 6] =
                    ["JavaScript or JSON", "JSON", "JavaScript", "Java", "XS", "legacy"];
                let known = FORMATS.contains(&value) || value == "default";
                let shown = FORMATS.map(|format| format!("`{format}`")).join(", ");
                if !known {
                    return Err(wrong(&format!("one of {shown}")));
                }
                value.clone_into(&mut self.c_format);
            }
            "url_escaping_charset" => self.url_escaping_charset = Some(value.to_owned()),
            "output_encoding" => self.output_encoding = Some(value.to_owned()),
            // FreeMarker counts how compatible it is; 2 differs from 1 for Java objects only.
            "classic_compatible" => match value {
                "0" => self.classic_compatible = false,
                "1" | "2" => self.classic_compatible = true,
                _ => self.classic_compatible = boolean()?,
            },
            "incompatible_improvements" => {
                self.incompatible_improvements =
                    parse_version(value).ok_or_else(|| wrong("a version from 2.3.0 to 2.3.34"))?;
            }
            "output_format" => {
                self.output_format = OutputFormat::parse(value)
                    .ok_or_else(|| wrong("the name of an output format"))?;
            }
            "auto_escaping_policy" | "auto_escaping" => {
                self.auto_escaping = match snake_case(value).as_str() {
                    "enable_if_default" => AutoEscaping::EnableIfDefault,
                    "enable_if_supported" => AutoEscaping::EnableIfSupported,
                    "force" => AutoEscaping::Force,
                    "disable" => AutoEscaping::Disable,
                    _ => {
                        return Err(wrong(
                            "`enable_if_default`, `enable_if_supported`, `force` or `disable`",
                        ));
                    }
                };
            }
            "tag_syntax" => {
                self.tag_syntax = match snake_case(value).as_str() {
                    "auto_detect" => TagSyntax::AutoDetect,
                    "angle_bracket" => TagSyntax::AngleBracket,
                    "square_bracket" => TagSyntax::SquareBracket,
                    _ => return Err(wrong("`auto_detect`, `angle_bracket` or `square_bracket`")),
                };
            }
            "interpolation_syntax" => {
                self.interpolation_syntax = match snake_case(value).as_str() {
                    "legacy" => InterpolationSyntax::Legacy,
                    "dollar" => InterpolationSyntax::Dollar,
                    "square_bracket" => InterpolationSyntax::SquareBracket,
                    _ => return Err(wrong("`legacy`, `dollar` or `square_bracket`")),
                };
            }
            "naming_convention" => {
                self.naming_convention = match snake_case(value).as_str() {
                    "auto_detect" => NamingConvention::AutoDetect,
                    "legacy" => NamingConvention::Legacy,
                    "camel_case" => NamingConvention::CamelCase,
                    _ => return Err(wrong("`auto_detect`, `legacy` or `camel_case`")),
                };
            }
            "whitespace_stripping" => self.whitespace_stripping = boolean()?,
            "strict_syntax" => self.strict_syntax = boolean()?,
            "recognize_standard_file_extensions" => {
                self.recognize_standard_file_extensions = match value {
                    "default" => None,
                    _ => Some(boolean()?),
                };
            }
            "auto_import" => {
                self.auto_import =
                    parse_imports(value).ok_or_else(|| wrong("`template as name, …`"))?;
            }
            "auto_include" => {
                let names = value.split(',').map(|name| unquoted(name).to_owned());
                self.auto_include = names.filter(|name| !name.is_empty()).collect();
            }
            "lazy_imports" => self.lazy_imports = boolean()?,
            "lazy_auto_imports" => {
                self.lazy_auto_imports = if value == "null" { None } else { Some(boolean()?) };
            }
            "fallback_on_null_loop_variable" => self.fallback_on_null_loop_variable = boolean()?,
            "localized_lookup" => self.localized_lookup = boolean()?,
            // Of dates from databases, which JSON doesn't have: known, and without effect.
            "sql_date_and_time_time_zone" => {}
            "template_name_format" => {
                self.template_name_format = match value.to_ascii_lowercase().as_str() {
                    "default_2_3_0" | "default" => TemplateNameFormat::Lenient,
                    "default_2_4_0" => TemplateNameFormat::Strict,
                    _ => return Err(wrong("`default_2_3_0` or `default_2_4_0`")),
                };
            }
            "tab_size" => {
                let size = value.parse().ok().filter(|size| (1..=256).contains(size));
                self.tab_size = size.ok_or_else(|| wrong("a number from 1 to 256"))?;
            }
            "template_exception_handler" => {
                self.template_exception_handler = match snake_case(value).as_str() {
                    "rethrow" => ExceptionHandler::Rethrow,
                    "default" | "debug" => ExceptionHandler::Debug,
                    "html_debug" => ExceptionHandler::HtmlDebug,
                    "ignore" => ExceptionHandler::Ignore,
                    _ => return Err(wrong("`rethrow`, `debug`, `html_debug` or `ignore`")),
                };
            }
            "truncate_builtin_algorithm" => {
                self.truncate_algorithm = match value {
                    "ascii" => TruncateAlgorithm::Ascii,
                    "unicode" => TruncateAlgorithm::Unicode,
                    _ => return Err(wrong("`ascii` or `unicode`")),
                };
            }
            // Known, and without effect: there are no Java objects, nothing is logged, and a
            // template gives its text as a whole.
            "api_builtin_enabled"
            | "auto_flush"
            | "log_template_exceptions"
            | "show_error_tips"
            | "wrap_unchecked_exceptions" => {
                boolean()?;
            }
            "arithmetic_engine" => match value {
                "bigdecimal" => {}
                _ => return Err(wrong("`bigdecimal` (numbers are always exact decimals)")),
            },
            "attempt_exception_reporter" => match snake_case(value).as_str() {
                "log_error" | "log_warn" => {}
                _ => return Err(wrong("`log_error` or `log_warn`")),
            },
            "new_builtin_class_resolver" => match snake_case(value).as_str() {
                "unrestricted" | "safer" | "allows_nothing" => {}
                _ => return Err(wrong("`unrestricted`, `safer` or `allows_nothing`")),
            },
            "statics" => self.statics = boolean()?,
            "max_output_bytes" => self.limits.max_output_bytes = count()?,
            "max_steps" => self.limits.max_steps = count()? as u64,
            "max_call_depth" => {
                self.limits.max_call_depth = count()?.min(Limits::default().max_call_depth);
            }
            "max_nesting" => self.limits.max_nesting = count()?.min(Limits::default().max_nesting),
            "max_regex_steps" => self.limits.max_regex_steps = count()?,
            "max_items" => self.limits.max_items = count()?,
            unknown => {
                if let Some((_, reason)) = NOT_AVAILABLE.iter().find(|(name, _)| *name == unknown) {
                    return Err(SettingError {
                        message: format!("setting `{name}` is not available here: {reason}"),
                        hint: None,
                    });
                }
                return Err(SettingError {
                    message: format!("unknown setting `{name}`"),
                    hint: did_you_mean(unknown, NAMES)
                        .map(|near| format!("did you mean `{near}`?")),
                });
            }
        }
        Ok(())
    }
}

/// The names that [`Settings::set`] knows.
pub const NAMES: [&str; 48] = [
    "locale",
    "time_zone",
    "number_format",
    "boolean_format",
    "date_format",
    "time_format",
    "datetime_format",
    "custom_number_formats",
    "custom_date_formats",
    "c_format",
    "url_escaping_charset",
    "output_encoding",
    "classic_compatible",
    "incompatible_improvements",
    "output_format",
    "auto_escaping_policy",
    "tag_syntax",
    "interpolation_syntax",
    "naming_convention",
    "whitespace_stripping",
    "strict_syntax",
    "recognize_standard_file_extensions",
    "auto_import",
    "auto_include",
    "lazy_imports",
    "lazy_auto_imports",
    "fallback_on_null_loop_variable",
    "localized_lookup",
    "sql_date_and_time_time_zone",
    "template_name_format",
    "tab_size",
    "template_exception_handler",
    "truncate_builtin_algorithm",
    "api_builtin_enabled",
    "arithmetic_engine",
    "attempt_exception_reporter",
    "auto_flush",
    "log_template_exceptions",
    "new_builtin_class_resolver",
    "show_error_tips",
    "wrap_unchecked_exceptions",
    "statics",
    "max_output_bytes",
    "max_steps",
    "max_call_depth",
    "max_nesting",
    "max_regex_steps",
    "max_items",
];

/// FreeMarker's settings that can't be had outside Java, and why.
const NOT_AVAILABLE: [(&str, &str); 8] = [
    ("cache_storage", LOADED_ONCE),
    ("default_encoding", "templates are Unicode text already"),
    ("object_wrapper", NO_JAVA_OBJECTS),
    ("registered_custom_output_formats", "they are Java classes"),
    ("template_configurations", LOADED_ONCE),
    ("template_loader", LOADED_ONCE),
    ("template_lookup_strategy", LOADED_ONCE),
    ("template_update_delay", LOADED_ONCE),
];

const NO_JAVA_OBJECTS: &str = "there are no Java objects here";
const LOADED_ONCE: &str = "templates are passed by name and compiled once";

/// A setting can't be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for SettingError {}

/// FreeMarker's names of the output formats; `XML{HTML}` combines two of them.
pub(in crate::ftl) const OUTPUT_FORMATS: [&str; 9] =
    ["HTML", "XHTML", "XML", "RTF", "plainText", "JSON", "JavaScript", "CSS", "undefined"];

/// What the output is, which decides how values are escaped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// Nobody said.
    Undefined,
    /// `HTML`
    Html,
    /// `XHTML`
    Xhtml,
    /// `XML`
    Xml,
    /// `RTF`
    Rtf,
    /// `plainText`
    PlainText,
    /// `JSON`: no escaping.
    Json,
    /// `JavaScript`: no escaping.
    JavaScript,
    /// `CSS`: no escaping.
    Css,
    /// `XML{HTML}`: the inner format's markup, escaped for the outer one.
    Combined(Box<Combination>),
}

/// Two formats in one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Combination {
    /// The format around.
    pub outer: OutputFormat,
    /// The format inside.
    pub inner: OutputFormat,
    /// Whether it was named as a whole, `XML{HTML}`, and not as `{HTML}` inside of XML.
    pub is_named: bool,
}

impl OutputFormat {
    /// A format by FreeMarker's name for it. `A{B}` combines two markup formats.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some((outer, inner)) = name.strip_suffix('}').and_then(|name| name.split_once('{')) {
            let (outer, inner) = (Self::parse(outer)?, Self::parse(inner)?);
            return (outer.is_markup() && inner.is_markup())
                .then(|| Self::Combined(Box::new(Combination { outer, inner, is_named: true })));
        }
        Some(match name {
            "undefined" => Self::Undefined,
            "HTML" => Self::Html,
            "XHTML" => Self::Xhtml,
            "XML" => Self::Xml,
            "RTF" => Self::Rtf,
            "plainText" => Self::PlainText,
            "JSON" => Self::Json,
            "JavaScript" => Self::JavaScript,
            "CSS" => Self::Css,
            _ => return None,
        })
    }

    /// FreeMarker's name for it.
    pub fn name(&self) -> String {
        match self {
            Self::Undefined => "undefined".into(),
            Self::Html => "HTML".into(),
            Self::Xhtml => "XHTML".into(),
            Self::Xml => "XML".into(),
            Self::Rtf => "RTF".into(),
            Self::PlainText => "plainText".into(),
            Self::Json => "JSON".into(),
            Self::JavaScript => "JavaScript".into(),
            Self::Css => "CSS".into(),
            Self::Combined(both) => format!("{}{{{}}}", both.outer.name(), both.inner.name()),
        }
    }

    /// What `.output_format` gives: FreeMarker forgets the name of a format that was named as
    /// `XML{HTML}`.
    pub fn remembered_name(&self) -> Option<String> {
        match self {
            Self::Combined(both) if both.is_named => None,
            Self::Combined(both) => {
                let part = |format: &Self| format.remembered_name().unwrap_or("null".into());
                Some(format!("{}{{{}}}", part(&both.outer), part(&both.inner)))
            }
            other => Some(other.name()),
        }
    }

    /// Whether values can be escaped for it.
    pub fn is_markup(&self) -> bool {
        matches!(self, Self::Html | Self::Xhtml | Self::Xml | Self::Rtf | Self::Combined(..))
    }

    /// Whether values are escaped when nobody asks for it.
    pub fn escapes_by_default(&self) -> bool {
        self.is_markup()
    }
}

/// When values are escaped (`auto_escaping_policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoEscaping {
    /// Where the output format does so by default.
    EnableIfDefault,
    /// Where the output format can.
    EnableIfSupported,
    /// Always; a format that can't is an error.
    Force,
    /// Never.
    Disable,
}

impl AutoEscaping {
    /// Whether values are escaped in an output format.
    pub(in crate::ftl) fn escapes(self, format: &OutputFormat) -> bool {
        format.is_markup()
            && match self {
                Self::EnableIfDefault => format.escapes_by_default(),
                Self::EnableIfSupported | Self::Force => true,
                Self::Disable => false,
            }
    }
}

/// How tags are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagSyntax {
    /// As the first tag does it.
    AutoDetect,
    /// `<#if>`
    AngleBracket,
    /// `[#if]`
    SquareBracket,
}

/// How interpolations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterpolationSyntax {
    /// `${x}` and `#{x}`
    Legacy,
    /// `${x}`
    Dollar,
    /// `[=x]`
    SquareBracket,
}

/// How names of two words are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamingConvention {
    /// As the first such name does it.
    AutoDetect,
    /// `upper_case`
    Legacy,
    /// `upperCase`
    CamelCase,
}

/// What names of templates may look like (`template_name_format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateNameFormat {
    /// `default_2_3_0`: nearly anything.
    Lenient,
    /// `default_2_4_0`: no backslashes, and colons only behind a scheme; steps are worked out fully.
    Strict,
}

/// What `?truncate` puts where it cuts, when nobody says (`truncate_builtin_algorithm`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TruncateAlgorithm {
    /// `[...]`
    Ascii,
    /// `[…]`
    Unicode,
}

/// What an error inside a template does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceptionHandler {
    /// It ends the rendering.
    Rethrow,
    /// The same, its message printed first.
    Debug,
    /// The same, as HTML.
    HtmlDebug,
    /// The failed part prints nothing, and the rendering goes on.
    Ignore,
}

/// `upperCase` → `upper_case`.
pub(in crate::ftl) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// A version as a number that can be compared.
pub(in crate::ftl) const fn version(major: u32, minor: u32, micro: u32) -> u32 {
    major * 1_000_000 + minor * 1_000 + micro
}

/// `2.3.34`; what stands behind a hyphen (`2.3.34-rc1`) is not looked at, and zeros may be left out.
fn parse_version(text: &str) -> Option<u32> {
    let text = text.split_once('-').map_or(text, |(numbers, _)| numbers);
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    let micro = parts.next().unwrap_or(Some(0))?;
    let version = (parts.next().is_none() && minor < 1000 && micro < 1000)
        .then(|| version(major, minor, micro))?;
    (self::version(2, 3, 0)..=self::version(2, 3, 34)).contains(&version).then_some(version)
}

/// A name in a list of names, which may stand in quotes.
fn unquoted(name: &str) -> &str {
    name.trim().trim_matches(['"', '\''])
}

/// Reads `{"price": "0.00", …}`. `None` for other JSON, and for names that FreeMarker refuses.
fn parse_formats(json: &str) -> Option<CustomFormats> {
    let is_name = |name: &str| {
        name.starts_with(char::is_alphabetic) && name.chars().all(char::is_alphanumeric)
    };
    let document = Document::parse(json).ok()?;
    let pairs = document.root().as_object()?.iter();
    pairs
        .map(|(name, format)| {
            let format = format.as_text()?.to_owned();
            is_name(name).then(|| (name.to_string(), format))
        })
        .collect()
}

fn parse_imports(text: &str) -> Option<Vec<(String, String)>> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (template, name) = part.split_once(" as ")?;
            Some((name.trim().to_owned(), unquoted(template).to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::ftl::settings::NAMES;
    use crate::ftl::settings::OutputFormat;
    use crate::ftl::settings::Settings;

    #[test]
    fn every_listed_name_is_known_and_unknown_ones_get_a_suggestion() {
        for name in NAMES {
            let error = Settings::amplitude().set(name, "\u{1}").err();
            assert!(error.is_none_or(|error| !error.message.contains("unknown")), "{name}");
        }
        let error = Settings::amplitude().set("numberFormatt", "0").err();
        let hint = error.and_then(|error| error.hint);
        assert_eq!(hint.as_deref(), Some("did you mean `number_format`?"));
    }

    #[test]
    fn output_formats_combine() {
        let format = OutputFormat::parse("XML{HTML}");
        assert_eq!(format.map(|format| format.name()).as_deref(), Some("XML{HTML}"));
        assert_eq!(OutputFormat::parse("XML{JSON}"), None);
    }
}
