# SPDX-License-Identifier: Apache-2.0
"""The grids behind docs/results.md, by the names that their tables begin with: what results_runs.py runs."""

from __future__ import annotations

from dataclasses import dataclass

SIZE = "--resize 96 --image_size 64 --amp true --amp_dtype bfloat16"
SMALL = "--network_def#channels 16 --network_def#num_blocks 3"
FAST = "--channels_last true --batch_size 4"
STEADY = "--network_def#norm \"['batch', {'momentum': 0.02}]\""  # validation jumps less between epochs
SHIPPED = "--weights $bundle/models/model.pt --optimizer#lr 0.0003"
SEEDS = "--aux_weight relative:1 --seed 0 1 2"
SIX = "--strategy enhancer_only detached joint gradprom frozen gradprom_cosine"
FIVE = "--strategy detached joint gradprom frozen gradprom_cosine"
CLEAN = "--strategy recognizer_only --degradation none --seed 100"


@dataclass(frozen=True)
class Grid:
    """What `monai-gradprom compare` is given for one folder of runs, besides bundle, data and output.

    In ``compares``, ``$bundle`` is the bundle's folder and ``$judge`` that of the clean recognizers.
    """

    bundle: str
    compares: tuple[str, ...]
    judge: str = ""  # the grid whose recognizers, of clean images, judge this one's
    bm3d: str = ""  # the noise level at which BM3D is measured beside it
    datalist: str = ""  # part of the data, by a name in results_steps.PARTS


def _resnet(channels: int, classes: int) -> str:
    return (
        "--recognizer_defs#diagnosis \"{'_target_': 'monai.networks.nets.ResNet', 'block': 'basic', "
        "'layers': [1, 1, 1, 1], 'block_inplanes': [16, 32, 64, 128], 'spatial_dims': 2, "
        f"'n_input_channels': {channels}, 'num_classes': {classes}, 'conv1_t_stride': 2, 'bias_downsample': False}}\""
    )


def _unet(channels: int) -> str:
    return (
        "--recognizer_defs#segmentation \"{'_target_': 'BasicUNet', 'spatial_dims': 2, "
        f"'in_channels': {channels}, 'out_channels': 2, 'features': [8, 16, 32, 64, 64, 8]}}\""
    )


DNCNN = "{'_target_': 'monai_gradprom.networks.DnCNN', 'in_channels': 1, 'out_channels': 1, 'channels': 16, 'depth': 9}"
DRUNET = (
    "{'_target_': 'UNet', 'spatial_dims': 2, 'in_channels': 1, 'out_channels': 1, 'channels': [16, 32, 64, 64], "
    "'strides': [2, 2, 2], 'num_res_units': 2, 'norm': None}"
)
RESTORMER = (
    "{'_target_': 'monai.networks.nets.restormer.Restormer', 'spatial_dims': 2, 'in_channels': 1, 'out_channels': 1, "
    "'dim': 8, 'num_blocks': [1, 1, 1], 'heads': [1, 1, 1]}"
)

COVID = (
    f"{SIZE} {FAST} {_resnet(1, 2)} --max_epochs 10 --val_interval 3 --warmup_epochs 4 --recognizer_pretrain_epochs 6"
)
CAMUS = f"{SIZE} {_unet(1)} --val_interval 4"
CAMUS_12 = f"{CAMUS} {FAST} {STEADY} --max_epochs 12 --warmup_epochs 4"
CAMUS_GIVEN = (
    f"{CAMUS_12} {SMALL} --noise_sigma 0.3 --seed 0 1 2 --recognizer_pretrain_epochs 0 "
    "--recognizer_weights $judge/recognizer_segmentation.pt"
)
CAMUS_SHIPPED = f"{CAMUS_12} {SHIPPED} --noise_sigma 0.1 --recognizer_pretrain_epochs 10"
ISIC = f"{SIZE} --channels_last true {_unet(3)} {_resnet(3, 3)}"
ISIC_10 = (
    f"{ISIC} {STEADY} {SEEDS} --crop patch --batch_size 4 --max_epochs 10 --val_interval 3 --warmup_epochs 4 "
    "--recognizer_pretrain_epochs 6"
)
ONE_TASK = "--recognition diagnosis segmentation"
HISTOLOGY = f"--resize 256 --image_size 96 --amp true --amp_dtype bfloat16 {FAST} --learning_rate 0.001 {_unet(3)}"


def _covid(*compares: str, bm3d: str = "") -> Grid:
    return Grid("covidct_denoise", compares, "covid_clean" if bm3d else "", bm3d)


def _camus(*compares: str, bm3d: str = "") -> Grid:
    return Grid("camus_denoise", compares, "camus_clean" if bm3d else "", bm3d)


def _isic(*compares: str, bm3d: str) -> Grid:
    return Grid("isic2018_denoise", compares, "isic_clean", bm3d, "quarter")


GRIDS = {
    "covid_clean": _covid(f"{CLEAN} {SIZE} {_resnet(1, 2)} --val_interval 4 --max_epochs 40"),
    "covid_sigma0.3": _covid(
        f"{COVID} {SMALL} {SIX} --noise_sigma 0.3 --seed 0 1 2 --aux_weight relative:1 relative:0.3 relative:3",
        f"{COVID} {SMALL} --strategy joint gradprom --noise_sigma 0.3 --seed 0 1 2 --aux_weight 1e-4 0.03",
        bm3d="0.3",
    ),
    "covid_sigma0.1": _covid(f"{COVID} {SMALL} {SIX} --noise_sigma 0.1 {SEEDS}", bm3d="0.1"),
    "covid_peers": _covid(
        f"{COVID} --strategy enhancer_only joint gradprom --noise_sigma 0.3 {SEEDS} --size_multiple 8 "
        f'--network_def "{DNCNN}" "{DRUNET}"',
        bm3d="0.3",
    ),
    "covid_restormer": _covid(
        f"{COVID} --strategy detached joint gradprom --noise_sigma 0.3 {SEEDS} --size_multiple 8 "
        f'--network_def "{RESTORMER}"',
        bm3d="0.3",
    ),
    "covid_converged": _covid(f"{COVID} {FIVE} {SHIPPED} --noise_sigma 0.1 {SEEDS}", bm3d="0.1"),
    "covid_heavy": _covid(
        f"{COVID} --strategy detached joint gradprom {SHIPPED} --noise_sigma 0.3 {SEEDS}", bm3d="0.3"
    ),
    "camus_clean": _camus(f"{CLEAN} {CAMUS} --max_epochs 40"),
    "camus_sigma0.3": _camus(
        f"{CAMUS} {SMALL} {SIX} --noise_sigma 0.3 --seed 0 1 2 --max_epochs 24 --warmup_epochs 8 "
        "--recognizer_pretrain_epochs 10",
        bm3d="0.3",
    ),
    "camus_sigma0.1": _camus(
        f"{CAMUS_12} {SMALL} {SIX} --noise_sigma 0.1 {SEEDS} --recognizer_pretrain_epochs 10", bm3d="0.1"
    ),
    "camus_given": _camus(
        f"{CAMUS_GIVEN} {SIX} frozen_gradprom frozen_gradprom_cosine --aux_weight relative:1 relative:3",
        f"{CAMUS_GIVEN} --strategy frozen --aux_weight relative:0.3",
        bm3d="0.3",
    ),
    "camus_poor": _camus(
        f"{CAMUS_12} {SMALL} --strategy detached joint gradprom frozen --noise_sigma 0.3 {SEEDS} "
        "--recognizer_pretrain_epochs 1",
        bm3d="0.3",
    ),
    "camus_converged": _camus(
        f"{CAMUS_SHIPPED} {FIVE} {SEEDS}",
        f"{CAMUS_SHIPPED} --strategy detached joint gradprom --aux_weight relative:1 --seed 3 4",
        f"{CAMUS_SHIPPED} --strategy joint --aux_weight relative:0.5 --seed 0 1 2 3 4",
        bm3d="0.1",
    ),
    "isic_clean": Grid(
        "isic2018_denoise", (f"{CLEAN} {ONE_TASK} {ISIC} --max_epochs 20 --val_interval 4",), datalist="half"
    ),
    "isic_sigma0.3": _isic(f"{ISIC_10} {SMALL} {SIX} --noise_sigma 0.3 --recognition both", bm3d="0.3"),
    "isic_single_sigma0.3": _isic(f"{ISIC_10} {SMALL} {FIVE} --noise_sigma 0.3 {ONE_TASK}", bm3d="0.3"),
    "isic_tanh": _isic(
        f"{ISIC_10} {SMALL} {SIX} --noise_sigma 0.3 --recognition both --network_def#global_residual false", bm3d="0.3"
    ),
    "isic_sigma0.1": _isic(f"{ISIC_10} {SMALL} {SIX} --noise_sigma 0.1 --recognition both", bm3d="0.1"),
    "isic_single_sigma0.1": _isic(f"{ISIC_10} {SMALL} {FIVE} --noise_sigma 0.1 {ONE_TASK}", bm3d="0.1"),
    "isic_converged": _isic(f"{ISIC_10} {SHIPPED} {FIVE} --noise_sigma 0.1 --recognition both", bm3d="0.1"),
    "histology_clean": Grid("lizard_sr", (f"{CLEAN} --scale_factor 1 {HISTOLOGY} --max_epochs 100 --val_interval 25",)),
    "histology": Grid(
        "lizard_sr",
        (
            f"{HISTOLOGY} {SMALL} {SIX} --scale_factor 4 2 {SEEDS} --max_epochs 60 --val_interval 18 "
            "--warmup_epochs 24 --recognizer_pretrain_epochs 40",
        ),
        "histology_clean",
    ),
}
