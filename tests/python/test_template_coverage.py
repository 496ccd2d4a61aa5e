"""Coverage of templates in the reports of the real coverage.py, pytest-cov and pytest-xdist."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest_plugins = ["pytester"]

CONFIG = """\
[tool.coverage.run]
plugins = ["webhook_stream.coverage"]
"""
TEMPLATE = """\
<#import "lib.ftl" as lib>
{
  "user": "${input.user_id}",
  <#if input.plan??>
  "plan": "${input.plan}",
  <#else>
  "plan": "none",
  </#if>
  "tags": [<#list input.tags as tag>"${tag}"<#sep>, </#list>],
  "amount": <@lib.amount value=input.revenue!0/>
}
"""
LIBRARY = """\
<#macro amount value>
<#if value gt 0>
${value}
<#else>
null
</#if>
</#macro>
<#macro unused>
"nobody calls it"
</#macro>
"""
CASES = """\
template: crm.ftl
templates: [lib.ftl]
cases:
  - name: with a plan
    given: {user_id: ada, plan: pro, tags: [a]}
    expect: {user: ada, plan: pro, tags: [a], amount: null}
  - name: with another plan
    given: {user_id: bob, plan: free, tags: [b]}
    expect: {user: bob, plan: free, tags: [b], amount: null}
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # What measures these tests must not be what the tests measure with.
    for name in ("COV_CORE_SOURCE", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    Path("pyproject.toml").write_text(CONFIG, "utf-8")
    Path("crm.ftl").write_text(TEMPLATE, "utf-8")
    Path("lib.ftl").write_text(LIBRARY, "utf-8")
    Path("crm.ftltest.yaml").write_text(CASES, "utf-8")
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    result = project.runpytest_subprocess("--cov=.", *options)
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    return result


def report(project: pytest.Pytester, *options: str) -> dict[str, dict[str, object]]:
    """Return what coverage's JSON report says of each template."""
    run(project, "--cov-report=json", *options).assert_outcomes(passed=2)
    files = json.loads(Path("coverage.json").read_text("utf-8"))["files"]
    return {name: files[name] for name in files if name.endswith(".ftl")}


def test_lines_that_did_not_run_are_in_the_terminal(project: pytest.Pytester) -> None:
    result = run(project, "--cov-report=term-missing")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["crm.ftl * 7 * 1 * 86% * 7", "lib.ftl * 6 * 2 * 67% * 3, 9", "TOTAL *"]
    )
    # The tests alone: nobody has to hear that no Python was measured.
    assert "No data was collected" not in result.stdout.str() + result.stderr.str()


def test_branches_are_counted_within_a_line_too(project: pytest.Pytester) -> None:
    result = run(project, "--cov-branch", "--cov-report=term-missing")
    # Line 9: the list was never empty, and never had a second item; of line 4, to line 7, says 7.
    result.stdout.fnmatch_lines(
        [
            "crm.ftl * 7 * 1 * 6 * 3 * 69% * 7, 9->10, 9->exit",
            "lib.ftl * 6 * 2 * 2 * 1 * 62% * 3, 9",
        ]
    )


def test_under_xdist_it_is_the_same(project: pytest.Pytester) -> None:
    for options in ([], ["--cov-branch"]):
        alone = report(project, *options)
        spread = report(project, *options, "-n2")
        assert alone == spread
        assert set(alone) == {"crm.ftl", "lib.ftl"}


def test_python_and_templates_share_a_report(project: pytest.Pytester) -> None:
    Path("shop.py").write_text(
        "import webhook_stream as ws\n"
        "def greet(event):\n"
        "    return ws.Template.from_file('hello.ftl').render(event)\n"
        "def unused():\n"
        "    return 1\n",
        "utf-8",
    )
    Path("hello.ftl").write_text("<#if input.a??>\n${input.a}\n</#if>\n", "utf-8")
    Path("test_shop.py").write_text(
        "import shop\ndef test_greet():\n    assert shop.greet({'a': 'x'}) == 'x\\n'\n", "utf-8"
    )
    result = run(project, "--cov-branch", "--cov-report=term-missing")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["hello.ftl * 2 * 0 * 2 * 1 * 75% * 1->exit", "shop.py * 5 * 1 * 0 * 0 * 80% * 5"]
    )


def test_a_branch_says_in_words_what_never_happened(project: pytest.Pytester) -> None:
    run(project, "--cov-branch", "--cov-report=html").assert_outcomes(passed=2)
    page = next(Path("htmlcov").glob("*crm_ftl.html")).read_text("utf-8")
    text = page.replace("&lt;", "<").replace("&gt;", ">")
    assert "`<#list input.tags as tag>` was never empty" in text
    assert "`<#sep>` was never written" in text
    assert "`<#if input.plan??>` was never false" in text
    macros = Path("htmlcov/function_index.html").read_text("utf-8")
    assert "amount" in macros
    assert "unused" in macros


def test_xml_and_lcov_have_templates_too(project: pytest.Pytester) -> None:
    run(project, "--cov-branch", "--cov-report=xml", "--cov-report=lcov")
    tree = ElementTree.parse("coverage.xml")  # noqa: S314 - made by the test
    lines = tree.findall(".//class[@filename='crm.ftl']/lines/line")
    hits = {int(line.attrib["number"]): int(line.attrib["hits"]) for line in lines}
    assert hits == {1: 1, 3: 1, 4: 1, 5: 1, 7: 0, 9: 1, 10: 1}
    partly = {line.attrib["number"]: line.attrib.get("condition-coverage") for line in lines}
    assert partly["4"] == "50% (1/2)"
    lcov = Path("coverage.lcov").read_text("utf-8").split("end_of_record")
    crm = next(record for record in lcov if "SF:crm.ftl" in record).split()
    assert "BRF:6" in crm
    assert "BRH:3" in crm
    record = next(record for record in lcov if "SF:crm.ftl" in record)
    assert "BRDA:9,0,list empty,0" in record
    assert "BRDA:9,0,list with items,1" in record
    assert "FNDA:0,unused" in next(record for record in lcov if "SF:lib.ftl" in record)


def test_comments_exclude_lines_blocks_and_branches(project: pytest.Pytester) -> None:
    Path("crm.ftl").write_text(
        TEMPLATE.replace("<#else>", "<#else><#-- pragma: no cover -->").replace(
            '"tags"', '<#-- pragma: no branch -->"tags"'
        ),
        "utf-8",
    )
    crm = report(project, "--cov-branch")["crm.ftl"]
    assert crm["missing_lines"] == []
    assert crm["excluded_lines"] == [7]
    assert crm["missing_branches"] == []


def test_templates_that_nobody_rendered_are_listed(project: pytest.Pytester) -> None:
    Path("other").mkdir()
    Path("other/never.ftl").write_text("${input.a}\n${input.b}\n", "utf-8")
    assert report(project)["other/never.ftl"]["missing_lines"] == [1, 2]


def test_what_source_and_omit_leave_out_is_not_there(project: pytest.Pytester) -> None:
    Path("pyproject.toml").write_text(CONFIG + 'omit = ["lib.ftl"]\n', "utf-8")
    assert set(report(project)) == {"crm.ftl"}
    Path("package").mkdir()
    Path("package/__init__.py").write_text("", "utf-8")
    Path("package/own.ftl").write_text("${input.a}\n", "utf-8")
    command = ["--cov=package", "--cov-report=term-missing"]
    result = project.runpytest_subprocess(*command)
    result.stdout.fnmatch_lines(["package/own.ftl * 1 * 1 * 0% * 1"])
    assert "crm.ftl " not in result.stdout.str()


def test_fixture_triple_and_text_with_the_name_of_a_file_count(project: pytest.Pytester) -> None:
    for name in ("by_fixture", "by_triple", "by_text", "included"):
        Path(f"{name}.ftl").write_text('{"a":\n${input.a}\n}', "utf-8")
    Path("with_include.ftl").write_text('<#include "included.ftl">', "utf-8")
    Path("by_triple.event.json").write_text('{"a": 1}', "utf-8")
    Path("by_triple.expected.json").write_text('{"a": 1}', "utf-8")
    project.makepyfile(
        """
        from pathlib import Path
        from webhook_stream import Template

        def test_fixture(ftl):
            assert ftl.payload("by_fixture.ftl", {"a": 1}) == {"a": 1}

        def test_include(ftl):
            included = ftl.template("with_include.ftl", templates=["included.ftl"])
            assert included.payload({"a": 1}) == {"a": 1}

        def test_text():
            template = Template(Path("by_text.ftl").read_text(), name="by_text.ftl")
            assert template.payload({"a": 1}) == {"a": 1}
        """
    )
    run(project, "--cov-report=json").assert_outcomes(passed=6)
    files = json.loads(Path("coverage.json").read_text("utf-8"))["files"]
    for name in ("by_fixture", "by_triple", "by_text", "included", "with_include"):
        assert files[f"{name}.ftl"]["summary"]["percent_covered"] == 100, name
        assert files[f"{name}.ftl"]["summary"]["num_statements"] == 1, name


def test_each_test_is_a_context_of_its_own(project: pytest.Pytester) -> None:
    run(project, "--cov-context=test", "--cov-report=")
    command = [sys.executable, "-m", "coverage", "json", "--show-contexts", "-o", "contexts.json"]
    subprocess.run(command, check=True, capture_output=True, cwd=project.path)
    contexts = json.loads(Path("contexts.json").read_text("utf-8"))["files"]["crm.ftl"]["contexts"]
    assert sorted(contexts["5"]) == [
        "crm.ftltest.yaml::with a plan|run",
        "crm.ftltest.yaml::with another plan|run",
    ]


def test_without_pytest_coverage_run_and_combine_have_them(project: pytest.Pytester) -> None:
    Path("job.py").write_text(
        "import sys, webhook_stream as ws\n"
        "lib = open('lib.ftl').read()\n"
        "crm = ws.Template.from_file('crm.ftl', templates={'lib.ftl': lib})\n"
        "crm.render({'user_id': 'a', 'tags': [], **({'plan': 'x'} if sys.argv[1:] else {})})\n",
        "utf-8",
    )
    coverage = [sys.executable, "-m", "coverage"]
    for arguments in (
        ["run", "--parallel-mode", "job.py"],
        ["run", "--parallel-mode", "job.py", "plan"],
        ["combine"],
        ["json"],
    ):
        subprocess.run([*coverage, *arguments], check=True, capture_output=True, cwd=project.path)
    files = json.loads(Path("coverage.json").read_text("utf-8"))["files"]
    # One run took the one branch, the other the other; the list was always empty.
    assert files["crm.ftl"]["missing_lines"] == []
    assert files["lib.ftl"]["missing_lines"] == [3, 9]


def test_without_the_line_in_the_configuration_nothing_is_counted(
    project: pytest.Pytester,
) -> None:
    Path("pyproject.toml").write_text("", "utf-8")
    Path("test_it.py").write_text("def test_it(): pass\n", "utf-8")
    result = project.runpytest_subprocess("--cov=.", "--cov-report=term")
    result.stdout.fnmatch_lines(["test_it.py *", "TOTAL *"])
    assert "crm.ftl " not in result.stdout.str()


def test_a_template_that_no_longer_compiles_is_named(project: pytest.Pytester) -> None:
    Path("broken.ftl").write_text("<#if x>", "utf-8")
    result = run(project, "--cov-report=term-missing")
    result.stderr.fnmatch_lines(["*Couldn't parse *broken.ftl': *broken.ftl:1:*"])


def test_settings_of_templates_stand_in_the_configuration(project: pytest.Pytester) -> None:
    more = '[tool.coverage.webhook_stream.coverage]\ninterpolation_syntax = "square_bracket"\n'
    Path("pyproject.toml").write_text(CONFIG + more, "utf-8")
    Path("square.ftl").write_text("[=input.a]\n${this is text}\n", "utf-8")
    assert report(project)["square.ftl"]["missing_lines"] == [1]


def command(project: pytest.Pytester, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "webhook_stream", "test", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=project.path,
    )


def test_the_command_line_needs_no_pytest_for_it(project: pytest.Pytester) -> None:
    Path("never.ftl").write_text("${input.a}\n", "utf-8")
    done = command(project, "--coverage", "--coverage-file=templates.lcov")
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "crm.ftl 7 1 6 3 69%" in lines
    assert "never.ftl 1 1 0 0 0%" in lines
    assert "crm.ftl:7: never ran" in lines
    assert "crm.ftl:9: `<#list input.tags as tag>` was never empty" in lines
    assert "lib.ftl:2: `<#if value gt 0>` was never true" in lines
    lcov = Path("templates.lcov").read_text("utf-8")
    assert "SF:crm.ftl\n" in lcov
    assert "DA:5,2\n" in lcov
    assert "BRDA:9,0,sep left out,2\n" in lcov
    # The same as coverage.py says.
    assert report(project, "--cov-branch")["crm.ftl"]["summary"]["covered_branches"] == 3  # type: ignore[index]


def test_the_command_line_writes_json_and_has_a_limit(project: pytest.Pytester) -> None:
    done = command(project, "--json", "--coverage-file=c.json", "--coverage-fail-under=99")
    assert done.returncode == 1
    assert "expected at least 99% of the templates to run, found " in done.stderr
    assert len(json.loads(done.stdout)) == 2
    found = json.loads(Path("c.json").read_text("utf-8"))
    crm = next(own for own in found["files"] if own["file"] == "crm.ftl")
    assert crm["lines"]["7"] == 0
    assert {"line": 7, "what": "never ran"} in crm["missed"]
    assert command(project, "--coverage-fail-under=10").returncode == 0
    wrong = command(project, "--coverage-file=c.html")
    assert wrong.returncode == 2
    assert "expected a file that ends with .json, .lcov or .info" in wrong.stderr
