"""Filters from Python."""

from __future__ import annotations

import pickle

import pytest

import webhook_stream as ws

AMPLITUDE = {
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
CLICK = {"event_type": "click event", "user_id": "u", "user_properties": {"plan": "pro"}}


def test_an_expression_decides() -> None:
    flt = ws.Filter('input.event_type == "click event" && input.user_id??')
    assert flt.matches(CLICK)
    assert not flt.matches({"event_type": "click event"})


def test_amplitudes_json_decides() -> None:
    flt = ws.Filter.from_json(AMPLITUDE)
    assert flt.matches(CLICK)
    assert not flt.matches({**CLICK, "user_properties": {"plan": "free"}})
    assert ws.Filter.from_json([AMPLITUDE, {"event_type": "x"}]).matches({"event_type": "x"})


def test_an_explanation_names_the_clause_and_what_it_saw() -> None:
    explanation = ws.Filter.from_json(AMPLITUDE).explain(
        {**CLICK, "user_properties": {"plan": "free"}}
    )
    assert not explanation.matched
    assert "free" in str(explanation)
    explanation = ws.Filter('input.event_type == "a" && input.user_id??').explain(
        {"event_type": "b"}
    )
    assert not explanation.matched
    assert '"b"' in str(explanation)


def test_an_unknown_operator_gets_a_suggestion() -> None:
    wrong = {"event_type": "x", "filters": [{**AMPLITUDE["filters"][0], "subprop_op": "contians"}]}  # type: ignore[dict-item]
    with pytest.raises(ws.FilterError, match="contains"):
        ws.Filter.from_json(wrong)


def test_an_expression_that_does_not_parse_is_an_error() -> None:
    with pytest.raises(ws.FilterError):
        ws.Filter("input.a ==")


def test_filters_pickle() -> None:
    for flt in (ws.Filter("input.user_id??"), ws.Filter.from_json(AMPLITUDE)):
        again = pickle.loads(pickle.dumps(flt))  # noqa: S301 - our own bytes
        assert again.matches(CLICK)
