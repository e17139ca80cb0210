# SPDX-License-Identifier: Apache-2.0
"""Headers that claim what no file holds; see also tests/trust/test_hostile_bombs.py."""

from __future__ import annotations

import pytest
from enhance_inputs import write_mhd

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.absurd_sizes import refuse_absurd


@pytest.mark.parametrize("first", ["ObjectType = Image", "OjectType = Image", "Zeugin"])
def test_a_header_that_is_a_metaimage_by_its_name_alone(tmp_path, first):
    """ITK goes by the name, and would count that many axes for minutes."""
    path = write_mhd(tmp_path / "a.mhd")
    refuse_absurd(path)
    path.write_text(path.read_text().replace("ObjectType = Image", first).replace("NDims = 2", f"NDims = {'9' * 20}"))
    with pytest.raises(InputError, match="axes"):
        refuse_absurd(path)
