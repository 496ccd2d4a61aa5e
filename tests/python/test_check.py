"""`Template.check`: findings as Python sees them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import webhook_stream as ws

CARELESS = ws.Template('{"name": "${input.user_id}", "price": ${input.price!}}', name="careless.ftl")


def test_a_finding_has_its_place_a_message_and_a_hint() -> None:
    first, second = CARELESS.check()
    assert (first.rule, first.level) == ("unescaped_text", "warning")
    assert (first.name, first.line, first.column) == ("careless.ftl", 1, 13)
    assert first.hint == "print it with `${input.user_id?json_string}`"
    assert "careless.ftl:1:13: warning:" in str(first)
    assert "^^^^^^^^^^^^^" in str(first)
    assert second.rule == "empty_value"
    assert first != second
    assert len({first, second, first}) == 2


def test_a_finding_is_a_dict_for_programs_and_survives_pickling() -> None:
    finding = CARELESS.check()[0]
    assert finding.to_dict() == {
        "rule": "unescaped_text",
        "level": "warning",
        "message": finding.message,
        "hint": finding.hint,
        "name": "careless.ftl",
        "line": 1,
        "column": 13,
    }
    again = pickle.loads(pickle.dumps(finding))  # noqa: S301
    assert again == finding
    assert str(again) == str(finding)


def test_sample_events_say_what_is_missing(tmp_path: Path) -> None:
    events = [{"user_id": "ada", "price": 1}, {"user_id": "bob", "price": None}]
    rules = {finding.rule for finding in CARELESS.check(events)}
    assert rules == {"unescaped_text", "empty_value", "missing_field", "failing_events"}
    path = tmp_path / "events.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    assert CARELESS.check(path) == CARELESS.check(events) == CARELESS.check(str(path))
    assert CARELESS.check(map(json.dumps, events)) == CARELESS.check(events)


def test_a_good_template_has_no_findings() -> None:
    template = ws.Template('{"name": "${(input.user_id!)?json_string}"}')
    assert template.check() == []
    assert [finding.level for finding in template.check([{}])] == ["note"]


def test_variables_are_only_unknown_in_templates_of_events() -> None:
    assert ws.Template("Hello ${user}").check() == []
    (finding,) = ws.Template("Hello ${user} ${input.user_id}").check()
    assert finding.rule == "unknown_name"
