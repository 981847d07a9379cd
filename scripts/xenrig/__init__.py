# SPDX-License-Identifier: BSD-2-Clause
"""Real Xen and the real Linux netback in QEMU: packages, image, boot."""
