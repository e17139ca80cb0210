# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from types import ModuleType

import pytest
import torch

SCRIPT_NAME = "gate_speed"
SMALL = {"batch": 2, "size": 32, "width": 4}


@pytest.fixture(scope="module", params=["covidct_denoise", "isic2018_denoise"])
def case(request: pytest.FixtureRequest, script: ModuleType):
    """One task, and two."""
    return script.bundle_case(request.param, **SMALL)


def test_every_way_leads_to_the_same_gradients(script: ModuleType, case) -> None:
    candidates = {name: method for name, method in script.methods().items() if name not in script.OTHERS}
    found = dict(script.usable(case, candidates))
    joint = found.pop(script.JOINT)
    assert joint != joint
    assert found.keys() == candidates.keys() - {script.JOINT}
    assert max(found.values()) < 1e-5


def test_gates_are_open_for_one_sign_and_closed_for_the_other(script: ModuleType, case) -> None:
    """Else the comparison above would say nothing: joint training is right where all are open, and only there."""
    gradprom, joint = script.METHODS["gradprom"], script.joint
    same = []
    for sign in (1.0, -1.0):
        mine, theirs = script.gradients(case, gradprom, sign)[0], script.gradients(case, joint, sign)[0]
        same.append(float((mine - theirs).norm() / mine.norm()) < 1e-5)
    assert sorted(same) == [False, True] if len(case.recognizers) == 1 else not all(same)


def test_torchjd_is_one_of_them(script: ModuleType) -> None:
    pytest.importorskip("torchjd", reason="torchjd is a dependency of the benchmarks only")
    assert len([name for name in script.methods() if name.startswith("torchjd")]) == 2


def test_a_wrong_gradient_is_seen(script: ModuleType, case) -> None:
    def wrong(case) -> None:
        script.METHODS["gradprom"](case)
        case.theta[-1].grad += 0.1 * torch.cat([p.grad.flatten() for p in case.theta]).norm()

    assert dict(script.usable(case, {"wrong": wrong}))["wrong"] > 1e-2


def test_weights_stay_as_they_are(script: ModuleType, case) -> None:
    before = [parameter.clone() for parameter in case.theta]
    case.step(script.METHODS["gradprom"])
    assert all(torch.equal(a, b) for a, b in zip(before, case.theta, strict=True))
    assert any(state for state in case.optimizers[0].state.values())


def test_peak_memory_is_that_of_the_step(script: ModuleType, case) -> None:
    def hungry(case) -> None:
        kept = [torch.zeros(2**20, dtype=torch.uint8) for _ in range(8)]
        del kept[:3]
        kept.append(torch.zeros(2**20, dtype=torch.uint8))

    def idle(case) -> None:
        pass

    case.step(script.METHODS["gradprom"])
    difference = script.peak_memory(case, hungry) - script.peak_memory(case, idle)
    assert difference == pytest.approx(8 * 2**20, rel=0.01)
    resident = sum(tensor.nbytes for tensor in case.resident())
    assert script.peak_memory(case, idle) >= resident > 3 * sum(p.nbytes for phi in case.phis.values() for p in phi)


def test_the_gate_needs_one_copy_of_the_enhancers_gradients(script: ModuleType) -> None:
    """One, and the gradients of two images; a copied graph, or one more copy of θ, would not pass."""
    case = script.bundle_case("covidct_denoise", batch=2, size=48, width=48)
    for method in (script.joint, script.METHODS["gradprom"]):
        case.step(method)
    more = script.peak_memory(case, script.METHODS["gradprom"]) - script.peak_memory(case, script.joint)
    theta = sum(parameter.nbytes for parameter in case.theta)
    assert 0.5 * theta < more <= 1.05 * theta + 2 * case.image.nbytes


def test_the_table(script: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "METHODS", {"gradprom": script.METHODS["gradprom"]})
    monkeypatch.setattr(script, "find_spec", lambda name: None)
    flags = [
        "--cases",
        "covidct_denoise",
        "--rounds",
        "2",
        "--batch",
        "2",
        "--size",
        "32",
        "--width",
        "4",
        "--default-allocator",
    ]
    threads = torch.get_num_threads()
    assert script.main(flags) == 0
    torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    rows = {cells[1].strip(): cells[2:-1] for line in lines if (cells := line.split("|"))[0] == "" and len(cells) > 2}
    assert set(script.methods()) | {"**the floor**", script.BACKWARD} < set(rows)
    number = r"\d+\.\d+"
    assert re.fullmatch(r"1.000 \(1.000 to 1.000\)", rows["**the floor**"][2].strip())
    assert re.fullmatch(rf"{number} \({number} to {number}\)", rows["gradprom"][2].strip())
    assert [cell.strip() for cell in rows[script.JOINT][4:6]] == ["1.000", "+0.00"]
    floor, joint, backward = (float(rows[name][0]) for name in ("**the floor**", script.JOINT, script.BACKWARD))
    assert max(joint, backward) < floor
