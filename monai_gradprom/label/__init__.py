# SPDX-License-Identifier: Apache-2.0
"""An app for MONAI Label in which an enhanced image is an image.

Only :mod:`.app`, :mod:`.task` and :mod:`.train_task` need MONAI Label.
"""
