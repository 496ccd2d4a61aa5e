"""What notebooks show: complete, escaped, and about what the user must know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import webhook_stream as ws
from webhook_stream import _html
from webhook_stream._html import ftl, json_text, svg
from webhook_stream._html.page import MAX_ROWS, MAX_TEXT
from webhook_stream._shown import Status
from webhook_stream.testing import Receiver, VirtualClock

ROOT = Path(__file__).parents[2]
EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>\x00\u202e"
# The name of a sync may hold no control characters.
HOSTILE = EVIL.replace("\x00", "").replace("\u202e", "")
INLINE = {"span", "code"}
VOID = {"br", "col", "line", "rect", "polygon", "polyline"}


class Page(HTMLParser):
    """The elements and the text of a piece of HTML; elements must be closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append(tag)
        self.words.append(" " if tag not in INLINE else "")
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that it was the innermost one."""
        self.words.append(" " if tag not in INLINE else "")
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text that is seen."""
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        """The words, with single blanks between them."""
        return " ".join("".join(self.words).split())


def shown(thing: Any) -> Page:
    """Return what a notebook shows of a thing."""
    return Page(thing._repr_html_())


def is_harmless(page: Page) -> bool:
    """Return whether nothing of a page runs, loads or turns the writing around."""
    names = {name for name, _ in page.attributes}
    urls = [value for _, value in page.attributes if value and "url(" in value]
    return (
        not {"script", "img", "iframe", "a", "link"} & set(page.elements)
        and not [name for name in names if name.startswith("on") or name in ("src", "href")]
        and not urls
        and "\x00" not in page.text
        and "\u202e" not in page.text
    )


@pytest.fixture
def sync(receiver: Receiver) -> ws.Sync:
    return ws.Sync(
        "crm",
        receiver.url,
        template=ws.Template('{"mail": "${input.user.mail}"}', name="crm.ftl"),
        filter=ws.Filter('input.event_type == "Order"'),
    )


def test_a_template_shows_its_lines_its_fields_and_what_a_check_finds() -> None:
    page = shown(ws.Template('{\n  "mail": "${input.user.mail}"\n}', name="crm.ftl"))
    assert page.text.startswith("Template crm.ftl 3 lines")
    assert "reads user.mail" in page.text
    assert "1 warning" in page.text
    assert "hint: print it with `${input.user.mail?json_string}`" in page.text
    assert ("class", "mark-wait") in page.attributes
    assert "no findings" in shown(ws.Template("{}")).text


def test_a_filter_shows_its_expression_and_amplitudes_json_in_words() -> None:
    assert 'input.event_type == "Order"' in shown(ws.Filter('input.event_type == "Order"')).text
    flt = ws.Filter.from_json(
        {
            "event_type": "click event",
            "filters": [
                {
                    "subprop_type": "user",
                    "subprop_key": "gp:plan",
                    "subprop_op": "is",
                    "subprop_value": ["pro", "team"],
                }
            ],
        }
    )
    assert 'user_properties.plan is "pro" or "team"' in shown(flt).text
    assert '"subprop_key": "gp:plan"' in shown(flt).text


def test_a_filter_tells_its_name_text_and_spelling() -> None:
    flt = ws.Filter("input.user_id??", name="known")
    assert (flt.name, flt.source, flt.is_json) == ("known", "input.user_id??", False)
    assert ws.Filter.from_json({"event_type": "x", "filters": []}).is_json


def test_an_explanation_shows_what_decided_and_the_values_it_saw() -> None:
    flt = ws.Filter('input.event_type == "Order" && input.user.plan == "pro"')
    text = shown(flt.explain({"event_type": "Order", "user": {"plan": "free"}})).text
    assert text.startswith("does not match decided by input.user.plan")
    assert 'saw input.user.plan = "free"' in text
    assert 'yes input.event_type == "Order"' in text
    assert shown(flt.explain({"event_type": "Order", "user": {"plan": "pro"}})).text.startswith(
        "matches"
    )
    assert "can't be told" in shown(ws.Filter("input.a.b == 1").explain({})).text


def test_findings_are_a_list_that_shows_itself() -> None:
    found = ws.Template('{"name": "${input.user_id}"}', name="user.ftl").check()
    assert isinstance(found, list)
    assert "user.ftl:1:13" in str(found)
    assert "unescaped_text" in shown(found).text
    assert "unescaped_text" in shown(found[0]).text
    assert str(ws.Template("{}").check()) == "no findings"


def test_a_preview_has_event_payload_and_error_side_by_side(sync: ws.Sync) -> None:
    rows = sync.preview(
        [
            {"event_type": "Order", "user": {"mail": "ada@example.com"}, "city": "London"},
            {"event_type": "Order", "user": {"name": "Bob"}},
            {"event_type": "Login"},
        ]
    )
    page = shown(rows)
    assert "1 send" in page.text
    assert '"mail": "ada@example.com"' in page.text
    # What the template reads stands out; the whole event is there to unfold.
    assert '"city": "London"' in page.text
    assert "missing or null: user.mail" in page.text
    assert "`input.user.mail` is missing" in page.text
    assert "^^^^^^^^^^^^^^^" in page.text
    assert 'saw input.event_type = "Login"' in page.text
    assert "error" not in shown(sync.preview([{"event_type": "Login"}])).text
    assert "no events" in shown(sync.preview([])).text


def test_a_payload_that_is_no_json_is_shown_with_its_error(receiver: Receiver) -> None:
    sync = ws.Sync("raw", receiver.url, template=ws.Template("{ ${input.a} }", name="a.ftl"))
    text = shown(sync.preview([{"a": "b"}])).text
    assert "{ b }" in text
    assert "a.ftl:1:" in text


def test_a_report_shows_counts_plots_errors_and_notes() -> None:
    with Receiver([503, 503, 503, 200]) as receiver:
        clock = VirtualClock()
        retry = ws.RetryPolicy(schedule=[60], jitter=0)
        sync = ws.Sync("demo", receiver.url, retry=retry, clock=clock, concurrency=1)
        report = sync.run([{"n": n} for n in range(3)], wait="settled", progress=False)
    figures = report.to_dict()
    assert figures["by_attempt"] == [
        {"attempt": 1, "made": 3, "delivered": 2},
        {"attempt": 2, "made": 1, "delivered": 1},
    ]
    bars = figures["latency_histogram"]
    assert sum(bar["count"] for bar in bars) == report.delivered == 3
    assert bars[-1]["from_seconds"] <= 60.5 < 61 < bars[-1]["up_to_seconds"] + 10
    page = shown(report)
    assert page.elements.count("svg") == 2
    assert "attempt 1: 2 delivered, 1 failed" in page.text
    assert "status_503" in page.text
    assert "3 delivered" in page.text
    assert is_harmless(page)


def test_a_report_of_nothing_has_no_plots(receiver: Receiver) -> None:
    page = shown(ws.Sync("demo", receiver.url).run([], progress=False))
    assert "svg" not in page.elements
    assert "0 accepted" in page.text


def test_dead_letters_show_without_being_used_up(receiver: Receiver) -> None:
    template = ws.Template('{"mail": "${input.mail}"}', name="crm.ftl")
    sync = ws.Sync("crm", receiver.url, template=template)
    assert "no dead letters" in shown(sync.dead_letters()).text
    sync.run([{"n": n} for n in range(50)], progress=False)
    letters = sync.dead_letters()
    first = shown(letters)
    assert "50 given up" in first.text
    assert "40 more dead letters" in first.text
    assert "`input.mail` is missing" in first.text
    assert len(list(letters)) == 50
    assert list(letters) == []
    assert shown(letters).text == first.text
    assert "dead letters" in shown(sync.dead_letters(reason="render")).text
    assert next(sync.dead_letters())["reason"] == "render"


def test_dead_letters_show_their_attempts_and_answers() -> None:
    with Receiver([404]) as receiver:
        sync = ws.Sync("demo", receiver.url, retry=ws.RetryPolicy(schedule=[0.1], jitter=0))
        sync.run([{"n": 1}], wait="settled", progress=False)
    page = shown(sync.dead_letters())
    assert "status 404" in page.text
    assert "2. " in page.text
    assert '"n": 1' in page.text


def test_a_status_a_policy_and_a_forecast_show_themselves(sync: ws.Sync) -> None:
    assert sync.status()["pending"] == 0
    assert "0 dead letters" in shown(sync.status()).text
    policy = shown(ws.RetryPolicy())
    assert "10 attempts over 4:00:00, at most 30 requests" in policy.text
    assert "attempt 10: 3:36 h to 4:00 h" in policy.text
    quick = ws.Sync("demo", "https://example.com", retry=ws.RetryPolicy(schedule=[1]))
    forecast = quick.simulate(rate=2, outage_seconds=20)
    page = shown(forecast)
    assert "expired" in page.text
    assert "svg" in page.elements
    assert "assumptions" in page.text


def test_any_table_shows_its_first_rows() -> None:
    table = ws.Table({"name": f"n{n}", "count": n, "more": {"a": n}} for n in range(MAX_ROWS + 5))
    page = shown(table)
    assert "5 more rows" in page.text
    assert "name count more" in page.text
    assert shown(ws.Table()).text == "no rows"


def test_a_status_shows_no_password() -> None:
    status = Status(
        ws.Sync("demo", "https://example.com").status() | {"store": "postgresql://u:geheim@db/x"}
    )
    assert "store postgresql://***@db/x" in shown(status).text
    assert "geheim" not in status._repr_html_()


def everything_evil(receiver: Receiver) -> Iterator[Any]:
    """Yield everything that can be shown, made of hostile texts."""
    event = {"event_type": EVIL, EVIL: EVIL, "user": {"mail": EVIL, EVIL: [EVIL]}}
    source = f'{{"x": "${{input.user.mail}}", "y": "${{input[r"<b>"]!}}"}} <#-- {EVIL} --> {EVIL}'
    template = ws.Template(source, name=EVIL)
    yield template
    yield template.check([event])
    flt = ws.Filter('input.event_type != "<b>"', name=EVIL)
    yield flt
    yield flt.explain(event)
    json_filter = ws.Filter.from_json({"event_type": EVIL, "filters": []})
    yield json_filter
    yield json_filter.explain(event)
    retry = ws.RetryPolicy(schedule=[0.05])
    sync = ws.Sync(HOSTILE, receiver.url, template=template, filter=flt, retry=retry)
    yield sync.preview([event, {"event_type": "<b>"}, {"event_type": EVIL}])
    yield sync.run([event, {"event_type": EVIL}, "<b>"], wait="settled", progress=False)
    yield sync.dead_letters()
    yield sync.status()
    yield ws.Table([{EVIL: EVIL}])


def test_everything_is_escaped() -> None:
    with Receiver([404]) as receiver:
        for thing in everything_evil(receiver):
            assert is_harmless(shown(thing)), thing
    with pytest.raises(ws.TemplateError) as raised:
        ws.Template("${" + EVIL, name=EVIL)
    assert is_harmless(Page(_html.broken_template("${" + EVIL, raised.value)))
    figures = ws.Sync(HOSTILE, "https://example.com").run([], progress=False).to_dict()
    assert is_harmless(Page(_html.running(EVIL, figures, EVIL, (EVIL,))))


def test_what_is_read_of_an_event_stands_out_and_what_is_not_there_is_named() -> None:
    event = {"a": {"b c": 1, "d": [1], "x": None}, "e": 2}
    reads = ['a["b c"]', "a.d[0].z", "a.x", "n.m", 'a["no such"]', "e.f", '["\\u{202e}"]']
    text = Page(json_text.event(event, reads)).text
    assert text.startswith('{ "a": { "b c": 1, "d": [ 1 ], "x": null }, "e": 2 }')
    assert 'missing or null: a.x, n.m, a["no such"], e.f the whole event' in text


def test_long_and_deep_values_are_cut() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    assert "[…]" in Page(json_text.value(deep)).text
    long = json_text.value({str(n): "x" * 1000 for n in range(1000)})
    assert len(long) < 3 * MAX_TEXT
    assert "and more" in long
    assert len(json_text.value("x" * 10_000_000)) < 2 * MAX_TEXT


def sources() -> list[str]:
    """Return every template of the cases and examples, and broken ones."""
    found = []
    for page in sorted((ROOT / "tests/cases/ftl").glob("*.md")):
        found += re.findall(r"^```ftl.*?\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    found += [path.read_text("utf-8") for path in (ROOT / "examples").glob("*.ftl")]
    assert len(found) > 100
    return found


def test_coloring_a_template_loses_no_character() -> None:
    for source in sources():
        assert "".join(text for _, text in ftl.template(source)) == source
        for end in range(0, len(source), max(len(source) // 7, 1)):
            cut = source[:end]
            assert "".join(text for _, text in ftl.template(cut)) == cut
            assert "".join(text for _, text in ftl.expression(cut)) == cut


def test_tags_fields_and_texts_have_colors() -> None:
    source = '<#if (input.a > 1) && x == "}>">${input.b.c?upper_case}</#if><#-- ${no} -->[#x]'
    pieces = [piece for piece in ftl.template(source) if piece[1]]
    assert ("read", "input.a") in pieces
    assert ("read", "input.b.c") in pieces
    assert ("key", "?upper_case") in pieces
    assert ("ok", '"}>"') in pieces
    assert ("word", "</#if") in pieces
    assert ("quiet", "<#-- ${no} -->") in pieces


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0"),
        (0.00002, "20 µs"),
        (0.0123, "12.3 ms"),
        (0.9999, "1 s"),
        (59.96, "60 s"),
        (3599.6, "1:00 h"),
        (14400, "4:00 h"),
        (150, "2:30 min"),
    ],
)
def test_durations_read_as_a_person_says_them(seconds: float, words: str) -> None:
    assert svg.duration(seconds) == words
