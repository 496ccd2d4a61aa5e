//! What the generator picks from: texts, numbers, formats, locales, zones.

pub(crate) const TEXTS: &[&str] = &[
    "", "a", "x", "ab", "foo bar", "Foo Bar baz", "  padded \t ", "line one\nline two", "line one\r\nline two\r",
    "\n", "<b>&\"'</b>", "a & b", "{x} \\par", "${x}", "<#if x>y</#if>", "a,b,,c", "a b  c", "1", "12", "-3.50",
    "1e3", " 7 ", "NaN", "INF", "0x10", "true", "false", "yes", "no", "2024-02-29", "10:30:05",
    "2024-01-15T10:30:00Z", "2024-01-15T10:30:00.120+02:00", "http://example.com/a b?c=d&e=é#f", "Ünïcödé ß straße",
    "İstanbul ıI", "ǆ ǅ ﬁ", "ὈΔΥΣΣΕΎΣ Σ", "日本語 テキスト", "😀 smile", "e\u{301}",
    "\u{7f}\u{80}\u{9f}\u{a0}\u{2028}\u{feff}", "\u{1}\u{8}\u{b}\u{c}\u{1f}", "</script><!-- ]]>", "it's \"quoted\"",
    "back\\slash/es", "snake_case_name", "camelCaseName", "aaaa", "abcabcabc",
    "The quick brown fox jumps over the lazy dog.", "one. two! three? four; five", "file.tar.gz", "/a/./b/../c.ftl",
    "Ärger Zebra apple Öl éa", "%20+%", "null", "[1, 2]", "{\"a\": [1, null, true, \"x\"]}", "$1 \\1 $", "(a|b)*c+",
    "0", "I", "i",
];

pub(crate) const NEEDLES: &[&str] = &[
    "a", "b", "x", " ", ",", "o", "", "ab", "ba", "foo", "Foo", "e", ".", "\n", "abc", "1", "é",
    "😀", "ß", "i", "I", "/", "[...]", "-", "the", "one", "'", "\"", "<", "\\", "$", "(", "*", "++",
];

pub(crate) const REGEXES: &[&str] = &[
    "a", "[a-c]+", "(\\w+) (\\w+)", "\\s+", "\\d+", "(?i)FOO", "^", "$", ".", ".*", "a|b", "(a)(b)?", "\\bfoo\\b",
    "[^a-z]", "\\p{L}+", "(?<first>\\w)(\\w*)", "(a+)+", "x*", "(?=b)", "(?<=o).", "(.)\\1", "\\p{Lu}", "[\\w&&[^o]]",
    "a{2,3}", "a{2,}?", "\\Qa.b\\E", "[[:alpha:]]", "\\u0061", "(?s).+", "(?m)^l.*$", "\\R", "\\h", "[,;]", "(", "[",
    "*", "\\", "a++b", "(?>a|ab)c", "(?:a|b)+", "\\p{IsAlphabetic}", "\\p{javaUpperCase}", "[\\p{P}]", "\\D", "\\W+",
    "\\S+", "(?!a).", "(?<!a)b", "\\A", "\\z", "\\Z", "([a-z])([a-z])", "(\\d{4})-(\\d\\d)-(\\d\\d)", "(?x) a b # c",
    "\\x41", "\\t|\\n", "[a-z&&[^aeiou]]", "\\G.", "[\\d-x]", "\\.", "\\p{Punct}", "\\p{ASCII}", "\\P{L}", "\\cA",
    "\\07", "(?-i)a", "(?i:f)oo", "[😀-😂]", "\\X", "b?", "(|a)+",
];

pub(crate) const FLAGS: &[&str] = &[
    "r", "i", "m", "s", "c", "f", "ri", "rf", "rm", "rs", "im", "ric", "if", "", "x", "rfi", "rsmi",
];

pub(crate) const NUMBERS: &[&str] = &[
    "0", "1", "2", "3", "5", "7", "10", "12", "26", "27", "42", "100", "255", "256", "999", "1000", "1234", "12345",
    "1234567", "32767", "32768", "65536", "2147483647", "2147483648", "9007199254740993", "9223372036854775807",
    "9223372036854775808", "0.1", "0.5", "0.25", "0.125", "1.5", "2.5", "3.5", "1.50", "1.0", "2.675", "3.14159",
    "0.05", "0.005", "0.0005", "1234.5678", "99.995", "0.999", "1.005", "123456789.987654321", "0.000001",
    "0.0000001", "0.1234567890123456789", "100000000000000000000", "12.00", "1000000.5", "33.333333333", "127", "128",
    "365.25", "1705314600120", "1700000000", "86400000", "1e3x",
];

/// What JSON has and templates can't write.
pub(crate) const DATA_NUMBERS: &[&str] = &[
    "1e3", "1E-7", "1.5e10", "-0", "-0.0", "1e20", "123e-20", "1e-16", "1.0e0", "-1", "-2.5", "-1234.567", "0.30",
    "1e100", "5e-324", "-9223372036854775808", "12345678901234567890.123", "4.35", "1e16", "1.7976931348623157e308",
    "-7", "-0.5",
];

pub(crate) const NUMBER_FORMATS: &[&str] = &[
    "number", "computer", "c", "currency", "percent", "0", "0.#", "0.##", "#", "#.#", "#.##", "0.00", "00", "000.0",
    ",##0", ",##0.00", "#,##0.##", "#,###", "0.###", "0.00E0", "##0.#E0", "0.###E00", "#0.0#%", "0%", "0.0\u{2030}",
    "'#'0", "$#,##0.00;($#,##0.00)", "0.00 \u{a4}", "\u{a4}#,##0.00", "\u{a4}\u{a4} 0.0", "0.##;-", "#,####.0",
    "#,##,##0.0", "x0y", "'it''s' 0", "0.0;;roundingMode=halfUp", ",##0.##;; roundingMode=down",
    "0.###;; groupingSeparator=_ decimalSeparator=\",\"", ",000;; groupingSeparator=\" \"",
    "0.#E0;; exponentSeparator=*10^", "0;; minusSign=m", "0;; infinity=inf nan=nan", "#,##0;; zeroDigit=\\u0660",
    "0.00;; roundingMode=ceiling, multiplier=100", "0.0;; roundingMode=unnecessary", "\u{a4}0.00;; currencyCode=EUR",
    "\u{a4}0.00;; currencySymbol=Q", "0%;; percent=p", "0\u{2030};; perMill=m", "0;; multiplier=10",
    "0;; multipier=10", ";; roundingMode=up", "", "0.0.0", "@x", "#E0", "00.##E0", "0.0;neg 0.0", "'", "0'", ",", ".",
    "#,", "0.", ".0", ".##", "#.", "0,0", "0,00.0", "0#", "#0#", "0.#0", "-0", "+0;-0", "0;0", "0.0;; foo=1",
    "0.0;; roundingMode=x", "%0", "0.00%;(0.00%)", "\u{a4}0;; monetaryDecimalSeparator=x",
    "\u{a4}0.0;; monetaryDecimalSeparator=x",
];

pub(crate) const DATE_FORMATS: &[&str] = &[
    "short", "medium", "long", "full", "short_medium", "medium_short", "long_long", "full_full", "short_short", "",
    "iso", "iso m", "iso h", "iso s", "iso ms", "iso nz", "iso fz", "iso u", "iso fu", "iso ms_u", "iso ms nz", "xs",
    "xs ms", "xs nz", "xs u", "xs fz", "xs m_fu", "iso_m_u", "iso x", "yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd'T'HH:mm:ss.SSSZ", "dd/MM/yy", "MMM d, yyyy", "MMMM dd yyyy", "EEE, d MMM yyyy HH:mm:ss Z", "EEEE",
    "h:mm a", "hh:mm:ss aa", "K:mm a", "k:mm", "HH:mm", "HH:mm:ss.SSS", "G yyyy", "YYYY-'W'ww-u", "D", "DDD", "F",
    "w W", "z", "zzzz", "X", "XX", "XXX", "Z", "ZZZZ", "y", "yyy", "yyyyy", "M", "LLLL", "L", "LLL yyyy", "MMMMM",
    "E", "EEEEE", "a", "s.S", "S", "SSSSSS", "''yy''", "'o''clock' H", "d.M.yyyy", "yyyyMMdd", "HHmmss", "u", "Q",
    "b", "'open", "{", "yyyy/MM/dd|HH", "dd.MM.yyyy HH:mm:ss zzz", "d MMMM y", "yyyy-MM-dd'T'HH:mm:ssXXX", "@x",
];

pub(crate) const BOOLEAN_FORMATS: &[&str] = &[
    "c", "yes,no", "Y,N", "true,false", "1,0", ",", "x,", ",y", "ja,nein", "a,b,c", "oui, non", "only",
];

pub(crate) const LOCALES: &[&str] = &[
    "en_US", "en_GB", "de", "de_AT", "de_CH", "fr", "fr_CA", "es", "it", "hu", "hu_HU", "pl", "ru",
    "ja", "ja_JP", "zh_CN", "ko", "tr", "tr_TR", "ar", "ar_EG", "hi", "hi_IN", "he", "sv", "nb",
    "pt_BR", "pt_PT", "nl", "cs", "fi", "th", "en", "en_IN", "lt", "az", "el", "uk", "vi", "en_us", "iw", "no_NO",
];

pub(crate) const ZONES: &[&str] = &[
    "UTC", "GMT", "Europe/Rome", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles",
    "Asia/Tokyo", "Asia/Kolkata", "Australia/Lord_Howe", "GMT+02:00", "GMT-05:30", "GMT+1", "America/Sao_Paulo",
    "Asia/Kathmandu", "Pacific/Apia", "PST", "EST", "CET", "Europe/Dublin", "Asia/Istanbul", "Etc/GMT-3",
    "Europe/Moscow", "GMT+14:00",
];

pub(crate) const BAD_ZONES: &[&str] =
    &["Nowhere/Land", "GMT+99", "gmt", "utc", "UTC+2", "+02:00", "JVM default", "", "GMT+2:3"];

pub(crate) const CHARSETS: &[&str] = &[
    "UTF-8", "utf-8", "ISO-8859-1", "US-ASCII", "UTF-16", "UTF-16BE", "UTF-16LE", "latin1", "nonesuch",
];

pub(crate) const OUTPUT_FORMATS: &[&str] = &[
    "HTML", "XHTML", "XML", "RTF", "JSON", "JavaScript", "CSS", "plainText", "undefined", "XML{HTML}", "HTML{RTF}",
    "nonesuch",
];

pub(crate) const C_FORMATS: &[&str] =
    &["JavaScript or JSON", "JSON", "JavaScript", "Java", "XS", "legacy", "nope"];

pub(crate) const VERSIONS: &[&str] = &[
    "2.3.31", "2.3.31", "2.3.31", "2.3.31", "2.3.31", "2.3.31", "2.3.33", "2.3.32", "2.3.30", "2.3.29",
];

/// Texts with the formats that read them, empty for the setting's own.
pub(crate) const DATE_TEXTS: &[(&str, &str)] = &[
    ("2024-02-29", "iso"), ("20240229", "iso"), ("2024-01-15T10:30:00Z", "iso"), ("2024-01-15T10:30:00.120Z", "iso"),
    ("2024-06-15T10:30:00,5+02:00", "iso"), ("20240615T103000+0200", "iso"), ("2024-06-15T10:30", "iso"),
    ("2024-06-15T24:00:00Z", "iso"), ("10:30:05", "iso"), ("103005.25Z", "iso"), ("10:30", "xs"),
    ("10:30:05.1234-03:00", "xs"), ("-0044-03-15", "xs"), ("2024-01-15T10:30:00", "xs"), ("2024-01-15", "xs"),
    ("2024-01-15", "yyyy-MM-dd"), ("2024-1-5", "yyyy-MM-dd"), ("24-13-45", "yyyy-MM-dd"),
    ("2024-01-15 10:30:00", "yyyy-MM-dd HH:mm:ss"), ("2024-01-15 10:30:00 trailing", "yyyy-MM-dd HH:mm:ss"),
    ("15/01/24", "dd/MM/yy"), ("15/01/69", "dd/MM/yy"), ("Jan 15, 2024", "MMM d, yyyy"),
    ("january 15 2024", "MMMM d yyyy"), ("Mon, 15 Jan 2024 10:30:00 +0100", "EEE, d MMM yyyy HH:mm:ss Z"),
    ("Mon, 15 Jan 2024 10:30:00 PST", "EEE, d MMM yyyy HH:mm:ss z"), ("10:30 PM", "h:mm a"), ("12:05 AM", "hh:mm a"),
    ("20240115", "yyyyMMdd"), ("103005123", "HHmmssSSS"), ("1.250", "s.S"), ("2024 5 2", "YYYY w u"),
    ("2024 200", "yyyy D"), ("2024-01-15T10:30:00+01", "yyyy-MM-dd'T'HH:mm:ssX"),
    ("2024-01-15T10:30:00Z", "yyyy-MM-dd'T'HH:mm:ssXXX"), ("44 BC", "y G"), ("Jan 15, 2024", "medium"),
    ("Jan 15, 2024, 10:30:00 AM", "medium"), ("1/15/24", "short"), ("10:30:00 AM", "medium"), ("10:30 AM", "short"),
    ("January 15, 2024", "long"), ("Monday, January 15, 2024", "full"), ("1582-10-10", "yyyy-MM-dd"),
    ("1500-02-29", "yyyy-MM-dd"), ("2024-03-31 02:30:00", "yyyy-MM-dd HH:mm:ss"), ("nonsense", "yyyy"),
    ("2024-01-15T10:30:00.120+02:00", "iso"), ("9999-12-31T23:59:59.999Z", "iso"), ("0001-01-01", "iso"),
];

pub(crate) const EXPRESSIONS: &[&str] = &[
    "1 + 2", "s + 'x'", "n * 2", "[1, 2, 3]", "{'a': 1}", "'a' + 1", "b?c", "s?upper_case", "nope!'d'", "1 +", "t.",
    "s[0]", "l?size", "'${s}'", "-n", "3..1", "!b", "(1", "1 2", "", "x ->x", ".locale", "1 lt 2", "true && b", "h.a",
    "n?string('0.00')", "'a'?esc", "@x", "s == 's'", "r'\\n'", "/* */ 1", "<#-- c --> 1", "1 <#-- c --> + 2",
    "s?eval", "l[0]", ".data_model.s", ".vars.n",
];

pub(crate) const INNER_TEMPLATES: &[&str] = &[
    "plain", "${1 + 2}", "${s}", "<#if b>yes<#else>no</#if>", "<#assign q = 5>${q}",
    "<#list 1..3 as i>${i}<#sep>, </#list>", "${nope}", "<#if>", "a\n<#if true>\nb\n</#if>\nc", "${'<&>'}",
    "${.output_format}", "<#nested>", "[#if b]x[/#if]", "${", "<#macro im>im!</#macro><@im/>", "<#stop 'x'>",
    "${.template_name!'-'}", "<#ftl output_format='XML'>${'<'}", "[=n]", "#{n}", "<#return>", "<#break>",
    "${s?upper_case}", "${s?upperCase}",
];

pub(crate) const JSON_TEXTS: &[&str] = &[
    "1", "-1.50e2", "\"a\\u0041\\n\"", "true", "null", "[1, 2, [3, {}]]", "{\"a\": 1, \"b\": [null, \"x\"]}",
    "{\"a\": 1,}", "[1,]", "[", "{'a': 1}", "// c\n[1]", "/* c */ {\"k\": true}", "01", "1.", ".5", "+1", "NaN",
    "\"\t\"", "\"\\x\"", "", "  7  ", "tru", "{\"a\":1,\"a\":2}", "[1 2]", "{\"a\" 1}", "1 2",
    "123456789012345678901234567890", "1E400", "0.10", "-0", "\"\\ud83d\\ude00\"", "\"\\ud83d\"",
];

pub(crate) const TEXT_PIECES: &[&str] = &[
    "a", "b ", "text", " ", "  ", "\n", "\n\n", "\t", "x\n", "\n  y", " z \n", "\r\n", "<p>", "</p>", "<b", "&amp;",
    "$", "#", "{", "}", "<", ">", "[", "]", "]]", "$ {", "<!-- x -->", "é", "😀", "</", "\\", "\"", "'", "1", ".", ",",
    "w1 w2", "<br/>", "--", "=", "[#", "[=",
];
