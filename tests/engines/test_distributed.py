# SPDX-License-Identifier: Apache-2.0
"""Two gloo processes make the same decisions and reach the same parameters as one process with the whole batch."""

from __future__ import annotations

import os
import socket

import torch
import torch.multiprocessing as mp
from ignite.engine import Events
from monai.data import DataLoader
from torch import nn

from monai_gradprom.datasets import EpochSampler, ReplayableDataset
from monai_gradprom.engines import AuxiliaryTask, GradPromTrainer, RecognizerPretraining

KEYS = ("image", "label", "segmentation")


def _loss(logits, mask):
    return nn.functional.cross_entropy(logits, mask[:, 0].long())


def _train(rank, world, folder):
    torch.manual_seed(7)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PReLU(), nn.Conv2d(4, 1, 3, padding=1))
    recognizer = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    generator = torch.Generator().manual_seed(1)
    clean = torch.rand(12, 1, 8, 8, generator=generator)
    noise = 0.2 * torch.randn(12, 1, 8, 8, generator=generator)
    data = [dict(zip(KEYS, (c + n, c, (c > 0.5).byte()), strict=True)) for c, n in zip(clean, noise, strict=True)]
    dataset = ReplayableDataset(data, (), seed=5, progress=False)
    loader = DataLoader(dataset, sampler=EpochSampler(dataset, 5, rank=rank, num_replicas=world), batch_size=4 // world)
    task = AuxiliaryTask(
        "t", recognizer, _loss, torch.optim.SGD(recognizer.parameters(), 0.1), "segmentation", weight=0.5
    )
    RecognizerPretraining([task], loader, {"t": _loss}, {"t": "segmentation"}, epochs=1).run()
    trainer = GradPromTrainer(
        device=torch.device("cpu"),
        max_epochs=4,
        train_data_loader=loader,
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), 0.05),
        loss_function=nn.MSELoss(),
        tasks=[task],
    )
    reports = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED,
        lambda e: reports.append([e.state.task_reports["t"].gate, e.state.task_reports["t"].cosine]),
    )
    trainer.run()
    parameters = [p.detach() for net in (network, recognizer) for p in net.parameters()]
    torch.save({"reports": reports, "parameters": parameters}, os.path.join(folder, f"{world}_{rank}.pt"))


def _process(rank, world, folder, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=world)
    try:
        _train(rank, world, folder)
    finally:
        torch.distributed.destroy_process_group()


def test_two_processes_are_one(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mp.spawn(_process, args=(2, tmp_path, port), nprocs=2)
    _train(0, 1, tmp_path)
    one, first, second = (torch.load(tmp_path / name, weights_only=True) for name in ("1_0.pt", "2_0.pt", "2_1.pt"))
    assert first["reports"] == second["reports"]
    gates = [gate for gate, _ in one["reports"]]
    assert [gate for gate, _ in first["reports"]] == gates
    assert {0.0, 1.0} == set(gates)  # decisions of both kinds were made
    for a, b, c in zip(one["parameters"], first["parameters"], second["parameters"], strict=True):
        assert torch.equal(b, c)
        assert torch.allclose(a, b, rtol=0, atol=1e-6)
