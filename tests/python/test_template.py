"""Templates from Python."""

from __future__ import annotations

import datetime
import decimal
import json
import pickle
import uuid
from pathlib import Path

import pytest

import webhook_stream as ws

REQUIREMENT = Path(__file__).parents[2] / "examples" / "braze.ftl"


def test_the_requirements_template_gives_the_requirements_payload() -> None:
    event = {
        "user_id": "datamonster@gmail.com",
        "event_type": "watch_tutorial",
        "event_time": "2022-10-24 20:07:32.123",
        "user_properties": {"email": "datamonster@gmail.com"},
    }
    assert ws.Template.from_file(REQUIREMENT).payload(event) == {
        "external_id": "datamonster@gmail.com",
        "name": "watch_tutorial",
        "time": "2022-10-24 20:07:32.123",
        "properties": {"email": "datamonster@gmail.com"},
    }


def test_an_event_without_user_has_no_external_id() -> None:
    event: dict[str, object] = {
        "user_id": None,
        "event_type": "x",
        "event_time": "t",
        "user_properties": {},
    }
    payload = ws.Template.from_file(REQUIREMENT).payload(event)
    assert payload == {"name": "x", "time": "t", "properties": {"email": ""}}


@pytest.mark.parametrize("event", ['{"n": 1}', b'{"n": 1}', {"n": 1}])
def test_an_event_may_be_a_dict_or_json_text(event: object) -> None:
    assert ws.Template("${input.n}").render(event) == "1"


def test_the_keys_of_data_are_variables() -> None:
    assert ws.Template("${user} ${n + 1}").render_data({"user": "Ada", "n": 3}) == "Ada 4"


def test_python_values_keep_their_meaning() -> None:
    values = {
        "decimal": decimal.Decimal("0.1000000000000000000001"),
        "big": 2**70,
        "when": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        "day": datetime.date(2026, 1, 2),
        "id": uuid.UUID(int=1),
        "pair": (1, 2),
        "yes": True,
    }
    source = (
        "${input.decimal?c} ${input.big?c} ${input.when} ${input.day} ${input.id} "
        "${input.pair[1]} ${input.yes?c}"
    )
    assert ws.Template(source).render(values) == (
        "0.1000000000000000000001 1180591620717411303424 2026-01-02T03:04:05+00:00 2026-01-02 "
        "00000000-0000-0000-0000-000000000001 2 true"
    )


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": {"b": float("nan")}}, "NaN at `a.b`"),
        ({"a": [object()]}, "`object` at `a[0]`"),
        ({1: 2}, "`int`"),
        ("{", "EOF"),
    ],
)
def test_what_json_does_not_have_is_named_with_its_path(value: object, found: str) -> None:
    with pytest.raises(ws.EventError, match=r"expected|EOF") as raised:
        ws.Template("x").render(value)
    assert found in str(raised.value)


def test_a_syntax_error_draws_the_line() -> None:
    with pytest.raises(ws.TemplateError) as raised:
        ws.Template("Hi\n${name!", name="case.ftl")
    error = raised.value
    assert (error.kind, error.name, error.line) == ("syntax", "case.ftl", 2)
    assert "2 | ${name!" in str(error)
    assert "^" in str(error)


def test_a_missing_value_says_which_and_what_to_do() -> None:
    with pytest.raises(ws.TemplateError) as raised:
        ws.Template("${input.nope}").render({"nape": 1})
    assert raised.value.kind == "missing_value"
    assert raised.value.hint


def test_the_famous_trap_explains_itself() -> None:
    source = "<#if (input.platform)!'' == 'iOS'>x</#if>"
    with pytest.raises(ws.TemplateError) as raised:
        ws.Template(source).render({"platform": "iOS"})
    assert raised.value.kind == "wrong_type"
    assert raised.value.hint is not None
    assert "(" in raised.value.hint


def test_a_payload_that_is_no_json_points_at_the_template() -> None:
    template = ws.Template('{\n"a": "${input.a}"\n}', name="bad.ftl")
    with pytest.raises(ws.TemplateError) as raised:
        template.payload({"a": 'say "hi"'})
    assert (raised.value.kind, raised.value.line) == ("not_json", 2)


def test_settings_change_the_output() -> None:
    event = {"n": 1234567.5}
    assert ws.Template("${input.n}").render(event) == "1234567.5"
    freemarker = ws.Settings.freemarker()
    assert ws.Template("${input.n}", settings=freemarker).render(event) == "1,234,567.5"
    with pytest.raises(ws.ConfigError, match="did you mean"):
        ws.Settings.freemarker(number_formatt="0")


def test_formats_have_names_of_their_own() -> None:
    settings = ws.Settings.amplitude(
        custom_number_formats={"price": "0.00"}, custom_date_formats={"day": "dd.MM.yyyy"}
    )
    template = ws.Template(
        '${input.n?string.@price} ${input.d?date.iso?string("@day")}', settings=settings
    )
    assert template.render({"n": 1.5, "d": "2024-03-05"}) == "1.50 05.03.2024"
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - our own bytes
    with pytest.raises(ws.ConfigError, match="names of letters and digits"):
        ws.Settings.amplitude(custom_number_formats={"my price": "0.00"})
    with pytest.raises(ws.ConfigError, match="names of letters and digits"):
        ws.Settings.amplitude(custom_number_formats={"price": 2})


def test_templates_include_each_other() -> None:
    template = ws.Template('<#include "b.ftl">', templates={"b.ftl": "b ${input.n}"})
    assert template.render({"n": 1}) == "b 1"


def test_templates_and_settings_pickle() -> None:
    template = ws.Template(
        '<#include "b">${input.n}',
        name="a.ftl",
        settings=ws.Settings.freemarker(number_format="0.00"),
        templates={"b": "b "},
    )
    again = pickle.loads(pickle.dumps(template))  # noqa: S301 - our own bytes
    assert again.render({"n": 1}) == "b 1.00"
    assert again.name == "a.ftl"


def test_errors_pickle_as_they_are() -> None:
    with pytest.raises(ws.TemplateError) as raised:
        ws.Template("${", name="x")
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 - our own bytes
    assert (str(again), again.kind, again.line) == (str(raised.value), "syntax", 1)


def test_the_fields_it_reads_are_known() -> None:
    assert ws.Template.from_file(REQUIREMENT).fields() == [
        "event_time",
        "event_type",
        "user_id",
        "user_properties.email",
    ]


def test_rendering_keeps_unicode() -> None:
    text = "ü 東京 😀 \u2028"
    assert ws.Template("${input.t}").render({"t": text}) == text
    assert (
        json.loads(ws.Template('"${input.t?json_string}"').render({"t": text + '"\n'}))
        == text + '"\n'
    )
