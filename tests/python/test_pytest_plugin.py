"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TEMPLATE = '{"user": "${input.user_id}", "plan": "${(input.plan)!"free"}"}\n'
CASES = """\
template: crm.ftl
cases:
  - name: as expected
    given: {user_id: ada}
    expect: {user: ada, plan: free}
  - name: another plan
    given: {user_id: ada, plan: pro}
    expect: {user: ada, plan: team}
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    Path("crm.ftl").write_text(TEMPLATE, "utf-8")
    Path("crm.ftltest.yaml").write_text(CASES, "utf-8")
    return pytester


def test_a_failing_case_shows_the_difference_and_no_traceback(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*crm.ftltest.yaml:6: the payload differs*", '-   "plan": "team",', '+   "plan": "pro",']
    )
    assert "Traceback" not in result.stdout.str()


def test_an_update_writes_what_is_expected_but_not_in_ci(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    refused = project.runpytest_subprocess("--ftl-update")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*--ftl-update is refused where CI is set*"])
    monkeypatch.delenv("CI")
    updated = project.runpytest_subprocess("--ftl-update")
    updated.assert_outcomes(passed=2)
    updated.stdout.fnmatch_lines(["*template tests updated*", "crm.ftltest.yaml::another plan"])
    project.runpytest_subprocess().assert_outcomes(passed=2)


def test_a_triple_that_is_not_complete_says_what_is_missing(pytester: pytest.Pytester) -> None:
    Path("new.ftl").write_text('{"user": "${input.user_id}"}', "utf-8")
    Path("new.event.json").write_text('{"user_id": "ada"}', "utf-8")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*nothing is expected yet, an update writes it*"])
    Path("new.expected.json").write_text('{"user": "ada"}', "utf-8")
    Path("new.ftl").rename("old.ftl")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*new.ftl*"])


def test_dropped_fields_are_listed(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--ftl-drop-fields", "-k", "another")
    result.stdout.fnmatch_lines(
        ["*without plan: copes", "*without user_id: *`input.user_id` is missing*"]
    )


def test_a_broken_file_is_a_collection_error_that_points_at_the_line(
    project: pytest.Pytester,
) -> None:
    Path("crm.ftltest.yaml").write_text("template: crm.ftl\ncases:\n  - nme: a\n", "utf-8")
    result = project.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["*crm.ftltest.yaml:3:5: expected one of*", "*did you mean `name`?*"]
    )


def test_the_fixtures_give_templates_a_receiver_a_store_and_a_clock(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(
        """
        from webhook_stream import Sync

        def test_payload(ftl):
            assert ftl.payload("crm.ftl", {"user_id": "ada"}) == {"user": "ada", "plan": "free"}

        def test_stream(ftl, webhook_receiver, webhook_clock, webhook_store):
            sync = Sync(
                "crm",
                webhook_receiver.url,
                template=ftl.template("crm.ftl"),
                clock=webhook_clock,
            )
            sync.run([{"user_id": "ada"}], progress=False)
            assert len(webhook_receiver.requests) == 1
            assert webhook_store.endswith("webhook_store.db")
        """
    )
    project.runpytest_subprocess("-k", "payload or stream").assert_outcomes(passed=2, deselected=2)


def test_an_unrelated_run_loads_nothing_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_unrelated():
            assert "webhook_stream" not in sys.modules
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_core_that_does_not_load_breaks_no_unrelated_run(pytester: pytest.Pytester) -> None:
    Path("webhook_stream").mkdir()
    Path("webhook_stream/__init__.py").write_text("raise ImportError('no core here')", "utf-8")
    pytester.makepyfile("def test_unrelated(): pass")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_command_line_runs_the_same_tests(project: pytest.Pytester) -> None:
    command = [sys.executable, "-m", "webhook_stream", "test"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project.path)
    assert result.returncode == 1
    assert '-   "plan": "team",' in result.stdout
    assert result.stderr.strip() == "1 passed, 1 failed"


def test_updates_from_several_processes_lose_nothing(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    head = "# why\ntemplate: crm.ftl\ncases:\n"
    case = (
        "  - name: case {}\n    given: {{user_id: u{}}} # {}\n    expect: {{user: x, plan: free}}\n"
    )
    cases = head + "".join(case.format(number, number, number) for number in range(20))
    Path("crm.ftltest.yaml").write_text(cases, "utf-8")
    updated = project.runpytest_subprocess("--ftl-update", "-n2")
    updated.assert_outcomes(passed=20)
    updated.stdout.fnmatch_lines(["*template tests updated*", "crm.ftltest.yaml::case *"])
    text = Path("crm.ftltest.yaml").read_text("utf-8")
    expected = [
        case.format(number, number, number).replace("user: x", f'user: "u{number}"')
        for number in range(20)
    ]
    assert text == head + "".join(expected)
    assert not list(Path().glob("*.new"))
    project.runpytest_subprocess("-n2").assert_outcomes(passed=20)


def test_under_xdist_failures_and_dropped_fields_are_shown_too(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--ftl-drop-fields", "-n2")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*crm.ftltest.yaml:6: the payload differs*", '-   "plan": "team",', '+   "plan": "pro",']
    )
    result.stdout.fnmatch_lines(["*dropped fields*", "*without user_id: *"])
    assert "Traceback" not in result.stdout.str()


def test_a_payload_that_differs_in_python_is_shown_as_json(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        def test_object(ftl):
            assert ftl.payload("crm.ftl", {"user_id": "ada"}) == {"user": "ada", "plan": "pro"}

        def test_the_other_way_round(ftl):
            assert {"user": "bob", "plan": "free"} == ftl.payload("crm.ftl", {"user_id": "ada"})

        def test_no_json(ftl):
            assert ftl.payload("crm.ftl", {"user_id": "ada"}) == {"user": pytest.approx(1)}

        def test_something_else():
            assert {"a": 1} == {"a": 2}
        """
    )
    # Without the summary, which says it once more where CI is set.
    result = project.runpytest_subprocess("-r", "N", "-k", "object or round or no_json or else")
    result.assert_outcomes(failed=4, deselected=2)
    result.stdout.fnmatch_lines(
        ["E * --- expected", 'E * -   "plan": "pro",', 'E * +   "plan": "free",']
    )
    result.stdout.fnmatch_lines(['E * -   "user": "bob",', 'E * +   "user": "ada",'])
    assert result.stdout.str().count("the payload differs") == 2


def test_included_templates_lie_beside_the_test(project: pytest.Pytester) -> None:
    Path("mail").mkdir()
    Path("mail/main.ftl").write_text('[<#include "part.ftl">]', "utf-8")
    Path("mail/part.ftl").write_text("${input.a}", "utf-8")
    Path("mail/mail.ftltest.yaml").write_text(
        "template: main.ftl\ntemplates: [part.ftl]\ncases: [{name: a, given: {a: 1}, expect: [1]}]",
        "utf-8",
    )
    Path("mail/test_mail.py").write_text(
        "def test_mail(ftl):\n"
        "    assert ftl.payload('main.ftl', {'a': 1}, templates=['part.ftl']) == [1]\n",
        "utf-8",
    )
    project.runpytest_subprocess("mail").assert_outcomes(passed=2)
