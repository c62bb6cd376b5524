"""A report and the interface as a browser shows them, from a fresh profile: read, sorted, saved, opened, heard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyses.errors import UnavailableError
from analyses.report.compared_runs import make_comparison_page
from analyses.tracking import server
from analyses.tracking.mlflow_client import log_run
from analyses.tracking.server import ui_command, ui_environment
from analyses.tracking.store import sqlite_uri
from tests.analyses.browser.conftest import auth_environment, find_chromium, free_port, mlflow_server, postgres, served
from tests.analyses.run_folder import write_run_folder
from tests.conftest import PATIENCE

Open = Callable[..., Any]

if not find_chromium():
    pytest.skip("no Chromium is installed (apt-get install chromium)", allow_module_level=True)


@pytest.fixture
def report(open_page: Open, reported: Path) -> Any:
    return open_page((reported / "report.html").as_uri())


def test_nothing_fails_and_nothing_is_asked_of_anybody(report: Any) -> None:
    report.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert report.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_hears_the_page_finds_everything_on_it(open_page: Open, reported: Path, scheme: str) -> None:
    page = open_page((reported / "report.html").as_uri(), color_scheme=scheme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert obstacles(page) == []


def obstacles(page: Any) -> list[tuple[str, str]]:
    """What axe finds serious or critical on a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]


def test_runs_on_one_page_are_heard_and_sort_across_runs(open_page: Open, reported: Path, tmp_path: Path) -> None:
    folders = [reported, write_run_folder(tmp_path / "other", planted=False, seed=3)]
    page = open_page(make_comparison_page(folders, tmp_path / "compared.html").as_uri())
    assert obstacles(page) == page.faults == []
    table = page.locator("#all ~ .scroll table").first
    table.locator("th button.sort", has_text="held-out ρ₁").click()
    rows = table.locator("tbody tr")
    cells = [float(text.replace("−", "-")) for text in rows.locator("td:nth-child(6)").all_inner_texts()]
    assert cells == sorted(cells)
    assert len(set(rows.locator("td:nth-child(1)").all_inner_texts())) == 2


def test_a_table_sorts_is_filtered_and_saved(report: Any) -> None:
    table = report.locator("#all ~ .scroll table").first
    table.locator("th button.sort", has_text="held-out ρ₁").click()
    cells = [float(text.replace("−", "-")) for text in table.locator("tbody").first.locator("td.rho").all_inner_texts()]
    assert cells == sorted(cells)
    assert table.locator("th[aria-sort='ascending']").count() == 1
    with report.expect_download() as saved:
        report.locator(".tools button").first.click()
    lines = Path(saved.value.path()).read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("view and encoder,held-out ρ₁,95 % interval")
    assert any(line.startswith("kmer-5,") for line in lines)


def test_contents_lead_to_their_sections_and_follow(report: Any) -> None:
    report.locator("nav a", has_text="Methods").click()
    report.wait_for_function("document.querySelector('nav a[aria-current]')?.textContent.startsWith('Methods')")
    assert report.locator("#methods").is_visible()


def test_a_section_folds_and_a_link_into_it_opens_it(report: Any) -> None:
    report.locator("#cohort > button.fold").click()
    assert not report.locator("#cohort ~ p").first.is_visible()
    report.locator("nav a", has_text="Cohort").click()
    assert report.locator("#cohort ~ p").first.is_visible()


def test_a_phone_scrolls_down_only(open_page: Open, reported: Path) -> None:
    page = open_page((reported / "report.html").as_uri(), viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# The interface --------------------------------------------------------------------------------------------------------


def heading_by_clicks(page: Any, run_ids: dict[str, str]) -> str:
    """From the printed link: the columns that decide, a run, its description, the report in its frame; its heading."""
    for column in ("heldout/rho_1", "perm/p_correct"):
        page.get_by_text(column).first.wait_for()
    page.get_by_role("link", name="kmer-5 × linked").first.click()
    page.wait_for_url(f"**/runs/{run_ids['kmer-5__linked']}*")
    link = page.locator("a", has_text="Report of the whole run").first
    link.wait_for(state="attached")
    page.goto(page.url.split("#")[0] + str(link.get_attribute("href")))
    frame = page.frame_locator("iframe").first
    frame.get_by_text("align beyond chance").first.wait_for()
    return str(frame.locator("h1").first.inner_text())


def title_of(reported: Path) -> str:
    run = json.loads((reported / "run.json").read_text("utf-8"))
    return str(run["title"])


def test_the_printed_link_leads_to_the_report(open_page: Open, reported: Path, tmp_path: Path) -> None:
    uri, port = sqlite_uri(tmp_path / "mlflow.db"), free_port()
    logged = log_run(reported, uri)
    address = f"http://127.0.0.1:{port}"
    with served(ui_command(uri, port=port), f"{address}/health", tmp_path / "server.log", env=ui_environment()):
        link = logged.link.replace("http://127.0.0.1:5000", address)
        assert heading_by_clicks(open_page(link), logged.run_ids) == title_of(reported)
        charts = open_page(f"{link}&compareRunsMode=CHART")  # the other tab of the same view
        charts.get_by_text("What decides").first.wait_for()
        assert charts.get_by_text("heldout/rho_1").count() > 0


def test_a_server_of_a_lab_on_postgresql_keeps_runs_of_whom_it_knows(
    open_page: Open, reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("flask_wtf", reason="mlflow[auth] is not installed")
    monkeypatch.setattr(server, "_PROBE_SECONDS", PATIENCE)
    port, password = free_port(), "long enough for a test"
    address = f"http://127.0.0.1:{port}"
    with postgres() as store:
        command, environment = mlflow_server(store, tmp_path / "artifacts", port), auth_environment(tmp_path, password)
        with served(command, f"{address}/health", tmp_path / "server.log", env=environment):
            for user, word in ((None, None), ("admin", "a guess")):
                if user and word:
                    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
                    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", word)
                with pytest.raises(UnavailableError, match=r"MLFLOW_TRACKING_USERNAME.*genebrain log"):
                    log_run(reported, address)
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
            logged = log_run(reported, address)
            assert logged.link.startswith(address)
            assert log_run(reported, address) == logged  # nothing twice
            page = open_page(logged.link, http_credentials={"username": "admin", "password": password})
            assert heading_by_clicks(page, logged.run_ids) == title_of(reported)
    assert len(list((tmp_path / "artifacts").rglob("report.html"))) == 1
