# SPDX-License-Identifier: Apache-2.0
"""`python -m monai_gradprom.cli`, the same as `monai-gradprom`."""

from __future__ import annotations

import sys

from . import main

sys.exit(main())
