"""Colours for templates: directives, interpolations and the expressions in them."""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import RegexLexer, include
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text


class FtlLexer(RegexLexer):
    """FreeMarker's template language, as far as colours need it."""

    name = "FTL"
    aliases: ClassVar[list[str]] = ["ftl"]
    tokens: ClassVar = {
        "root": [
            (r"(?s)<#--.*?-->", Comment.Multiline),
            (r"</[#@][\w.]*>", Keyword),
            (r"<[#@][\w.]+", Keyword, "tag"),
            (r"[$#]\{", Keyword, "braces"),
            (r"[^<$#]+", Text),
            (r".", Text),
        ],
        "tag": [
            (r"/?>", Keyword, "#pop"),
            include("expression"),
        ],
        "braces": [(r"\}", Keyword, "#pop"), include("expression"), (r">", Operator)],
        "inner braces": [(r"\}", Punctuation, "#pop"), include("expression"), (r">", Operator)],
        "parentheses": [(r"\)", Punctuation, "#pop"), include("expression"), (r">", Operator)],
        "brackets": [(r"\]", Punctuation, "#pop"), include("expression"), (r">", Operator)],
        "expression": [
            (r"\s+", Text),
            (r"(?s)<#--.*?-->", Comment.Multiline),
            (r"""r"[^"]*"|r'[^']*'""", String),
            (r'(?s)"(?:\\.|[^"\\])*"', String),
            (r"(?s)'(?:\\.|[^'\\])*'", String),
            (r"\?\w+", Name.Builtin),
            (r"\d+(?:\.\d+)?", Number),
            (r"(?:as|in|using|gt|gte|lt|lte|and|or)\b", Operator.Word),
            (r"(?:true|false)\b", Keyword.Constant),
            (r"->|&&|\|\||[=!<]=|\.\.[<!*]?|[-+*/%=!?.,:;<&|@#$\\~^`]", Operator),
            (r"\{", Punctuation, "inner braces"),
            (r"\(", Punctuation, "parentheses"),
            (r"\[", Punctuation, "brackets"),
            (r"\w+", Name),
            (r"[)\]}]", Punctuation),
            (r"[^>]", Text),
        ],
    }
