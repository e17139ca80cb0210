# SPDX-License-Identifier: Apache-2.0
"""The unit test that goes with a bundle into MONAI's Model Zoo, as ``ci/unit_tests/test_<bundle>.py``.

It reads the bundle's name from its own, so that it is the same file for each of them. ``utils`` is the Zoo's.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
from monai.bundle import ConfigWorkflow
from PIL import Image
from utils import check_workflow

BUNDLE_ROOT = os.path.join("models", Path(__file__).stem.removeprefix("test_"))
SMALL = {
    "image_size": 32,
    "batch_size": 2,
    "max_epochs": 1,
    "warmup_epochs": 0,
    "recognizer_pretrain_epochs": 1,
}


def read_config(name):
    """One of the bundle's configurations, as it stands there."""
    return json.loads(Path(BUNDLE_ROOT, "configs", f"{name}.json").read_text(encoding="utf-8"))


def write_random_data(folder):
    """Write images of noise, masks and diagnoses with a MONAI datalist, whatever data set the bundle is for."""
    random, config = np.random.default_rng(0), read_config("train")
    shape = (40, 32, 3) if config["channels"] == 3 else (40, 32)
    structure = np.ravel(config.get("structures", [1])).tolist()[0]
    diagnoses = config.get("diagnoses", ["none"])
    datalist = {"diagnoses": diagnoses}
    for subset, count in (("training", max(4, len(diagnoses))), ("validation", 2), ("testing", 4)):
        datalist[subset] = []
        for i in range(count):
            image, mask = f"{subset}_{i}.png", f"{subset}_{i}_mask.png"
            Image.fromarray(random.integers(256, size=shape, dtype=np.uint8)).save(Path(folder, image))
            blob = structure * random.integers(2, size=shape[:2], dtype=np.uint8)
            Image.fromarray(blob).save(Path(folder, mask))
            diagnosis = diagnoses[i % len(diagnoses)]
            item = {"image": image, "segmentation": mask, "diagnosis": diagnosis}
            # two sides, where a bundle learns from images without pairs
            if config.get("low_quality"):
                item["quality"] = "high" if subset != "validation" and i % 2 else "low"
            datalist[subset].append(item)
    path = Path(folder, "datalist.json")
    path.write_text(json.dumps(datalist))
    return str(path)


class TestBundle(unittest.TestCase):
    """Train, evaluate what was trained, and enhance with the shipped weights."""

    def setUp(self):
        """Make data in a folder of its own."""
        self.folder = tempfile.mkdtemp()
        self.output_dir = os.path.join(self.folder, "out")
        self.common = {
            "bundle_root": BUNDLE_ROOT,
            "dataset_dir": self.folder,
            "datalist": write_random_data(self.folder),
            "output_dir": self.output_dir,
        }

    def tearDown(self):
        """Remove it."""
        shutil.rmtree(self.folder)

    def check(self, name, workflow_type, **override):
        """Run a configuration as a workflow, with the Zoo's checks."""
        workflow = ConfigWorkflow(
            workflow_type=workflow_type,
            config_file=os.path.join(BUNDLE_ROOT, "configs", f"{name}.json"),
            logging_file=os.path.join(BUNDLE_ROOT, "configs/logging.conf"),
            meta_file=os.path.join(BUNDLE_ROOT, "configs/metadata.json"),
            **self.common,
            **override,
        )
        check_workflow(workflow, check_properties=True)

    def test_train_eval_config(self):
        """Train; then evaluate what was trained."""
        self.check("train", "train", **SMALL)
        trained = os.path.join(self.output_dir, "model.pt")
        self.check("evaluate", "eval", weights=trained, recognizer_weights=self.output_dir)
        self.assertTrue(os.path.isfile(os.path.join(self.output_dir, "metrics_summary.csv")))

    def test_infer_config(self):
        """Enhance the testing images."""
        self.check("inference", "infer")
        factor = read_config("inference")["scale_factor"]
        for i in range(2):
            with Image.open(os.path.join(self.output_dir, f"testing_{i}_enhanced.png")) as enhanced:
                self.assertEqual(enhanced.size, (32 * factor, 40 * factor))


if __name__ == "__main__":
    unittest.main()
