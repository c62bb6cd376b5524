"""Figures show what the arrays hold, say it in their title, and are the same bits every time."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from analyses.figures import alignment as figures
from analyses.figures.canvas import save_figure
from tests.analyses.example_alignment import make_held_out, make_in_sample

NULL = np.random.default_rng(3).normal(0, 0.05, 499)


def held_out(rho: float):
    return figures.held_out_figure(
        NULL, rho, interval=(rho - 0.1, rho + 0.1), null_q95=0.08, p=0.002, title="kmer-5 × thickness"
    )


def overview_rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "arm_label": ["kmer-5", "untrained dnabert-3", "kmer-5"],
            "view": ["a", "a", "b"],
            "trained": [True, False, True],
            "rho": [0.3, 0.1, -0.02],
            "low": [0.2, 0.0, -0.1],
            "high": [0.4, 0.2, 0.06],
            "null_q95": [0.08, 0.09, 0.07],
        }
    )


def test_saved_text_is_text_without_a_date_and_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    data = pd.DataFrame({"null_rho_1": NULL})
    first = save_figure(held_out(0.31), tmp_path / "one" / "f.svg", data)
    second = save_figure(held_out(0.31), tmp_path / "two" / "f.svg", data)
    assert first.read_bytes() == second.read_bytes()
    assert "<dc:date>" not in first.read_text()
    texts = [element.text for element in ElementTree.parse(first).iter("{http://www.w3.org/2000/svg}text")]
    assert any("held-out ρ₁ = 0.31, above the 95 % point of its null (p = 0.002)" in str(text) for text in texts)


def test_settings_of_the_users_own_change_no_byte(tmp_path: Path) -> None:
    data = pd.DataFrame({"null_rho_1": NULL})
    plain = save_figure(held_out(0.31), tmp_path / "one" / "f.svg", data)
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": True, "axes.facecolor": "red"}):
        own = save_figure(held_out(0.31), tmp_path / "two" / "f.svg", data)
        assert matplotlib.rcParams["font.size"] == 30
    assert own.read_bytes() == plain.read_bytes()


def test_the_numbers_lie_beside_the_figure_and_nothing_else_does(tmp_path: Path) -> None:
    data = pd.DataFrame({"null_rho_1": NULL})
    path = save_figure(held_out(0.31), tmp_path / "f.svg", data)
    np.testing.assert_allclose(pd.read_csv(path.with_suffix(".csv"))["null_rho_1"], NULL, rtol=1e-9)
    assert {item.name for item in tmp_path.iterdir()} == {"f.svg", "f.csv"}


def test_a_figure_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    data = pd.DataFrame({"x": [1.0]})
    data.map = None  # type: ignore[method-assign, assignment]
    with pytest.raises(TypeError):
        save_figure(held_out(0.31), tmp_path / "f.svg", data)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("rho", "word"), [(0.31, "above"), (-0.02, "below")])
def test_held_out_line_stands_where_the_value_is(rho: float, word: str) -> None:
    (axes,) = held_out(rho).axes
    q95, observed = axes.lines
    assert observed.get_xdata()[0] == rho
    assert q95.get_xdata()[0] == 0.08
    assert word in axes.get_title(loc="left")
    x, y = axes.patches[0].get_xy().T  # the outline of 40 bars side by side
    area = abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
    assert area == pytest.approx(NULL.size * np.ptp(NULL) / 40)


def test_loadings_are_ranked_by_size_and_only_planted_ones_are_marked() -> None:
    names, values = ["g1", "g2", "g3", "g4"], [0.1, -0.5, 0.3, 0.02]
    figure = figures.loadings_figure(names, values, planted={"g3"}, kind="gene", title="t", n_shown=3)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["g2", "g3", "g1"]
    assert [patch.get_width() for patch in axes.patches] == [-0.5, 0.3, 0.1]
    marks = next(line for line in axes.lines if line.get_marker() == "D")
    assert list(marks.get_xdata()) == [0.3]
    assert "3 largest of 4" in axes.get_xlabel()


def test_loadings_carry_their_intervals() -> None:
    bounds = np.array([[0.0, 0.3], [-0.7, -0.2], [0.1, 0.4]])
    figure = figures.loadings_figure(["g1", "g2", "g3"], [0.1, -0.5, 0.3], intervals=bounds, kind="gene", title="t")
    (lines,) = figure.axes[0].collections
    assert [one.tolist() for one in lines.get_segments()] == [
        [[-0.7, 0], [-0.2, 0]],
        [[0.1, 1], [0.4, 1]],
        [[0.0, 2], [0.3, 2]],
    ]
    assert "95 % intervals" in figure.axes[0].get_xlabel()


def test_small_loadings_look_small() -> None:
    figure = figures.loadings_figure(["g1", "g2"], [0.02, 0.01], kind="gene", title="t")
    assert figure.axes[0].get_xlim()[1] >= 0.3


def test_spectrum_shows_both_correlations_and_what_noise_reaches() -> None:
    in_sample = make_in_sample(np.linspace(0.6, 0.1, 31), 0.4 + NULL, p=0.2)
    held = make_held_out(np.array([[0.2, 0.1], [0.4, -0.1], [0.3, 0.0]]), NULL[:498].reshape(-1, 2), r1=0.6)
    (axes,) = figures.spectrum_figure(in_sample, held, title="t").axes
    fitted = next(line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata()) > 2)
    np.testing.assert_array_equal(fitted.get_ydata(), np.linspace(0.6, 0.1, 31)[:20])
    assert axes.get_title(loc="left") == "t\nfirst correlation 0.60 in-sample, 0.30 held-out"


def test_overview_marks_untrained_arms_by_hollow_dots_and_names_every_row() -> None:
    (axes,) = figures.overview_figure(overview_rows()).axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() for line in dots] == [figures.BLUE, "white", figures.BLUE]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "a",
        "kmer-5",
        "untrained dnabert-3",
        "b",
        "kmer-5",
    ]
