# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math

import pytest
from monai.bundle import ConfigWorkflow

from monai_gradprom.bundle import as_bool, check_switches, find_input_error
from monai_gradprom.errors import InputError

FILE = __file__
GOOD_AND_BAD = {
    "strategy": (
        ["enhancer_only", "joint", "gradprom", "gradprom_cosine", "bilevel"],
        ["gradpron", "", 3],
    ),
    "recognition": (["segmentation", "diagnosis", "both"], ["segmentatoin"]),
    "backbone": (["resnet18", "resnet101"], ["resnet19", 18]),
    "degradation": (["gaussian", "speckle", "challenge", "perceptual", "none"], ["gausian"]),
    "scale_factor": ([1, 2, 4], [0, 3, 2.5, "2", True]),
    "downsampling": (["area", "bicubic"], ["nearest"]),
    "degrade_on": (["cpu", "device"], ["gpu"]),
    "resize": ([16, 256], [8, 256.5, [256, 256]]),
    "tile_size": ([64, 1024], [8, 64.5, "big"]),
    "skip_unreadable": ([True, "no"], ["perhaps"]),
    "subset": (["training", "testing"], ["test"]),
    "fold": ([1, 3], [0, 4, True]),
    "diagnoses": ([["NV", "MEL"]], [["NV"], ["NV", "NV"], "NV", [1, 2]]),
    "diagnosis_csv": ([FILE], ["/nowhere.csv"]),
    "figures": ([[], ["panels", "cam"], "guided_backprop"], [["panel"], "cams"]),
    "figure_images": ([1, ["a", "b"]], [0, 1.5]),
    "compared_weights": ([{}, {"joint": FILE}], [{"joint": "/nowhere.pt"}, [FILE]]),
    "noise_sigma": ([0, 0.1, 10, [0, 0.2]], [-0.1, 11, "0.1x", math.nan, True, [0.2, 0.1], [0.1], [0, 11], []]),
    "brightness": ([1, 0.3, [0.1, 0.8]], [1.1, -0.1, [0.8, 0.1], "dark"]),
    "contrast": ([0, [0.1, 0.8]], [2, [0.1, 1.2], "flat"]),
    "noise": (["gaussian", "uniform"], ["poisson"]),
    "reconstruction_weight": ([0, 1, 2.5], [-1, "1", math.inf, True]),
    "feature_weight": ([0, 1], [-0.1, FILE]),
    "adversarial_weight": ([0, 5e-4], [-1e-3, "much"]),
    "feature_weights": ([FILE], ["/nowhere.pth", 0.5]),
    "feature_backbone": (["vgg19", "resnet18"], ["vgg16"]),
    "untrained_features": ([True, "no"], ["perhaps"]),
    "feature_encoders": ([{}, {"vgg19": FILE}], [{"vgg16": FILE}, {"vgg19": "/nowhere.pth"}, FILE]),
    "wavelet_weight": ([0, 10], [-1, "1"]),
    "wavelet_levels": ([[1], [2, 3]], [[], [0], [1, 1], [1.5], 2]),
    "divergence_weight": ([0, 0.01], [-1]),
    "r1_weight": ([0, 1], [-1, "1"]),
    "encoder": (["resnet18", "resnet50"], ["resnet10"]),
    "width": ([1, 64], [0, 2.5]),
    "cue": (["bank", "prior"], ["guide"]),
    "low_quality": (["Poor", ["poor", "Medium"]], ["bad", ["Poor", 3]]),
    "high_quality": ([["Good"]], ["best"]),
    "sides": (["quality", "drawn"], ["random"]),
    "low_quality_dir": (["/"], ["/nowhere"]),
    "high_quality_dir": (["/"], ["/nowhere"]),
    "aux_weight": ([0, 1e-4, "0.5", "relative:0.3"], [-1, "relative:0", "relative:-1", "relativ:1", "much", math.inf]),
    "gate_scope": (["each"], ["all"]),
    "gate_every": ([1, 8], [0, 2.5, "2"]),
    "gate_last": ([1, 2], [0, 0.5, "tail"]),
    "gate": (["gradprom", "gradprom_cosine"], ["joint", True]),
    "inner_lr": ([0.01, 1], [0, -1, "0.1", math.inf]),
    "inner_order": ([1, 2], [0, 3, 1.5, "2"]),
    "inner_steps": ([1, 5], [0, 1.5]),
    "warmup_epochs": ([0, 3], [-1, 1.5, "2"]),
    "recognizer_pretrain_epochs": ([0, 3], [-1, 0.5, True]),
    "recognizer_weights": ([FILE, "/", {"diagnosis": FILE}], [{"diagnosis": "/nowhere.pt"}, "/nowhere.pt"]),
    "backbone_weights": ([FILE], ["/nowhere.pt"]),
    "weights": ([FILE], ["/nowhere.pt", "/"]),
    "max_epochs": ([1, 100], [0, 1.5, "ten"]),
    "batch_size": ([1], [0, 2.0]),
    "num_workers": ([0, 4], [-1]),
    "image_size": ([16, 256], [15, 96.5, [96, 96]]),
    "size_multiple": ([1, 32], [0, 1.5, "16n"]),
    "lr_schedule": (["constant", "cosine"], ["cosin"]),
    "crop": (["scale", "patch"], ["centre"]),
    "learning_rate": ([1e-3, 1], [0, -1, math.inf, math.nan, "1e-3"]),
    "seed": ([0, 2**32 - 1], [-1, 2**32, 0.5]),
    "split": (["official", "paper"], ["offical"]),
    "split_seed": ([0, 5], [-1, 0.5]),
    "labelled_only": ([True, "false"], ["perhaps"]),
    "every_class": ([False, "true"], ["perhaps"]),
    "structures": ([[1], [1, 2, 3], [[1, 2], 3]], [[], 1, [0], [1, 1], [[1, 2], 2], [[]], ["1"], [True]]),
    "val_interval": ([1], [0]),
    "checkpoint_interval": ([0, 5], [-1]),
    "accumulation_steps": ([1, 4], [0]),
    "cache_rate": ([0, 0.5, 1.0], [-0.1, 1.1]),
    "dataset_dir": (["/"], ["/nowhere", FILE]),
    "datalist": ([FILE], ["/nowhere.json", "/"]),
    "output_dir": (["runs", "/"], [FILE]),
    "supervised": ([True, "true"], ["perhaps", 2, ""]),
    "resume": ([False, "no"], ["perhaps"]),
    "amp": ([False, "off"], ["perhaps"]),
    "compile": ([False, "0"], ["perhaps"]),
    "clip_norm": ([0.5, 1], [0, -1, math.inf, "1"]),
    "amp_dtype": (["auto", "float16", "bfloat16"], ["half", "float32"]),
    "channels_last": ([True, "no"], ["last"]),
    "sync_batch_norm": ([True, "no"], ["perhaps"]),
}


@pytest.mark.parametrize("name", GOOD_AND_BAD)
def test_each_switch(name):
    good, bad = GOOD_AND_BAD[name]
    for value in good:
        check_switches(**{name: value})
    for value in bad:
        with pytest.raises(InputError, match=f"--{name} ?"):
            check_switches(**{name: value})


def test_a_switch_that_is_not_set_is_not_checked():
    check_switches(weights=None, datalist=None, recognizer_weights=None, backbone_weights=None, resize=None)


@pytest.mark.parametrize("name", ["image_size", "aux_weight", "structures", "scale_factor", "strategy", "seed"])
def test_a_switch_that_needs_a_value(name):
    with pytest.raises(InputError, match=f"--{name} None: this switch needs a value"):
        check_switches(**{name: None})


@pytest.mark.parametrize("text", ["true", "True", "TRUE", " yes ", "on", "1", 1, True])
def test_true_in_every_spelling(text):
    assert as_bool(text) is True


@pytest.mark.parametrize("text", ["false", "False", "no", "OFF", "0", 0, False])
def test_false_in_every_spelling(text):
    assert as_bool(text) is False


@pytest.mark.parametrize("text", ["", "none", "2", None, 0.5, "falsch"])
def test_anything_else_is_no_boolean(text):
    with pytest.raises(InputError, match="--resume must be true or false"):
        as_bool(text, "resume")


def test_a_bundle_says_which_recognition_it_has_labels_for():
    check_switches(recognitions=("diagnosis", "both"), recognition="both")
    with pytest.raises(InputError, match="--recognition 'segmentation' is unknown"):
        check_switches(recognitions=("diagnosis", "both"), recognition="segmentation")


def test_a_wrong_choice_names_the_nearest():
    with pytest.raises(InputError, match=r"--strategy 'gradpron'.*did you mean 'gradprom'\?"):
        check_switches(strategy="gradpron")


@pytest.mark.parametrize("strategy", ["joint", "frozen", "enhancer_only", "gradprom_cosine", "frozen_gradprom_cosine"])
def test_gate_scope_belongs_to_gradprom(strategy):
    check_switches(strategy="gradprom", gate_scope="any")
    check_switches(strategy="frozen_gradprom", gate_scope="any", recognizer_pretrain_epochs=1)
    check_switches(strategy=strategy, gate_scope="each", recognizer_pretrain_epochs=1)
    with pytest.raises(InputError, match=f"--gate_scope any belongs to --strategy gradprom, not '{strategy}'"):
        check_switches(strategy=strategy, gate_scope="any", recognizer_pretrain_epochs=1)


@pytest.mark.parametrize("cheaper", [{"gate_every": 4}, {"gate_last": 2}])
def test_cheaper_gates_need_a_gate(cheaper):
    ((name, value),) = cheaper.items()
    for strategy in ("gradprom", "gradprom_cosine", "frozen_gradprom", "frozen_gradprom_cosine"):
        check_switches(strategy=strategy, recognizer_pretrain_epochs=1, **cheaper)
    for strategy in ("joint", "frozen", "enhancer_only"):
        check_switches(strategy=strategy, gate_every=1, gate_last=None, recognizer_pretrain_epochs=1)
        with pytest.raises(InputError, match=f"--{name} {value} belongs to --strategy gradprom or gradprom_cosine"):
            check_switches(strategy=strategy, recognizer_pretrain_epochs=1, **cheaper)


@pytest.mark.parametrize("switch", [{"inner_lr": 0.1}, {"inner_order": 2}, {"inner_steps": 2}, {"gate": "gradprom"}])
def test_a_look_ahead_belongs_to_bilevel(switch):
    ((name, value),) = switch.items()
    check_switches(strategy="bilevel", **switch)
    for strategy in ("joint", "frozen", "enhancer_only", "gradprom"):
        with pytest.raises(InputError, match=f"--{name} {value} belongs to --strategy bilevel, not '{strategy}'"):
            check_switches(strategy=strategy, recognizer_pretrain_epochs=1, **switch)


@pytest.mark.parametrize("switch", [{"gate_scope": "any"}, {"gate_every": 4}, {"gate_last": 2}])
def test_a_look_ahead_has_a_gates_switches_where_it_has_the_gate(switch):
    check_switches(strategy="bilevel", gate="gradprom", **switch)
    with pytest.raises(InputError, match="or to bilevel with --gate gradprom"):
        check_switches(strategy="bilevel", **switch)
    if "gate_scope" in switch:
        with pytest.raises(InputError, match="or to bilevel with --gate gradprom"):
            check_switches(strategy="bilevel", gate="gradprom_cosine", **switch)


def test_there_is_one_cheaper_gate_at_a_time():
    with pytest.raises(InputError, match="--gate_every 4 and --gate_last 2 are two ways"):
        check_switches(strategy="gradprom", gate_every=4, gate_last=2)


def test_a_compiled_enhancer_has_no_cheap_last_layer():
    with pytest.raises(InputError, match="--gate_last 2 with --compile costs more"):
        check_switches(strategy="gradprom", gate_last=2, compile="yes")
    check_switches(strategy="gradprom", gate_last=2, compile="no")
    check_switches(strategy="gradprom", gate_every=2, compile=True)


@pytest.mark.parametrize(
    "setting, named",
    [
        ({"strategy": "frozen"}, "--strategy frozen"),
        ({"strategy": "frozen_gradprom"}, "--strategy frozen_gradprom"),
        ({"strategy": "joint", "supervised": "false"}, "--supervised false"),
        ({"strategy": "gradprom", "supervised": False}, "--supervised false"),
    ],
)
def test_an_untrained_recognizer_cannot_teach(setting, named):
    with pytest.raises(InputError, match=f"{named}.*untrained.*--recognizer_pretrain_epochs.*--recognizer_weights"):
        check_switches(**setting, recognizer_pretrain_epochs=0, recognizer_weights=None)
    check_switches(**setting, recognizer_pretrain_epochs=1)
    check_switches(**setting, recognizer_weights=FILE)


def test_batch_normalisation_needs_more_than_one_value():
    with pytest.raises(InputError, match=r"--batch_size 1 with --image_size of at most 32.*raise either"):
        check_switches(strategy="joint", image_size=32, batch_size=1)
    check_switches(strategy="joint", image_size=33, batch_size=1)
    check_switches(strategy="joint", image_size=32, batch_size=2)
    check_switches(strategy="enhancer_only", image_size=32, batch_size=1)


def test_an_enhancer_alone_needs_no_recognizer():
    check_switches(strategy="enhancer_only", supervised=False, recognizer_pretrain_epochs=0)


def refusal(built):
    with pytest.raises(Exception) as caught:
        built.initialize()
    found = find_input_error(caught.value)
    assert found is not None, caught.value
    return str(found)


@pytest.mark.parametrize("config", ["train", "evaluate", "inference"])
def test_every_configuration_checks_its_switches(workflow, config, tmp_path):
    """A rule that the configuration forgot to ask for would let the value through."""
    content = workflow(config).parser.config
    names = [name for name in GOOD_AND_BAD if name in content]
    assert len(names) >= 6
    for name in names:
        switches = {"output_dir": str(tmp_path)} | {name: GOOD_AND_BAD[name][1][-1]}
        # the training data may come from elsewhere, so that the data set names itself when it is read
        assert f"{name} " in refusal(workflow(config, **switches)), name


@pytest.mark.parametrize(
    "config, name, hint",
    [
        ("train", "noise_sgima", "did you mean --noise_sigma?"),
        ("evaluate", "weigths", "did you mean --weights?"),
        ("inference", "outptu_dir", "did you mean --output_dir?"),
        ("inference", "noise_sigma", "its switches stand at the top of its file"),
        ("train", "xyz", "its switches stand at the top of its file"),
    ],
)
def test_an_unknown_switch_is_refused_with_the_nearest(workflow, config, name, hint):
    text = refusal(workflow(config, **{name: 0.3}))
    assert text.startswith(f"--{name} is not a switch of this configuration") and hint in text


def test_a_further_file_may_bring_names_that_something_refers_to(workflow, camus, tmp_path):
    extra = tmp_path / "extra.json"
    train = workflow().config_root_path / "train.json"

    def build(content):
        extra.write_text(json.dumps(content))
        return ConfigWorkflow(
            [str(train), str(extra)], logging_file=False, dataset_dir=str(camus), output_dir=str(tmp_path)
        )

    build({"my_rate": 0.25, "learning_rate": "@my_rate"}).initialize()
    assert "--my_rate is not a switch" in refusal(build({"my_rate": 0.25}))


def test_the_identifiers_of_a_run_are_no_switches(workflow):
    built = workflow(check_first=["$print('here')"])
    built.run_id = "check_first"
    built.initialize()
