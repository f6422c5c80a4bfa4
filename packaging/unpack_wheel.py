#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks the C++ part of a torch wheel: unpack_wheel.py WHEEL FOLDER -> FOLDER/include, FOLDER/lib.

Standard library only. FOLDER appears in one rename, whole or not at all. Python bindings are left out: nothing of Bitwright links Python.
"""
import os
import shutil
import sys
import tempfile
import zipfile

LEFT_OUT = ("libtorch_python", "libshm.so", "libtorch_global_deps", "libaoti_custom_ops", "libbackend_with_compiler", "libjitbackend_test", "libtorchbind_test")


def main(wheel: str, folder: str) -> None:
    parent = os.path.dirname(os.path.abspath(folder))
    os.makedirs(parent, exist_ok=True)
    temporary = tempfile.mkdtemp(prefix=".unpacking-", dir=parent)
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                name = member.filename
                if name.endswith("/") or not name.startswith(("torch/include/", "torch/lib/")):
                    continue
                relative = name[len("torch/"):]
                if relative.startswith("lib/") and os.path.basename(relative).startswith(LEFT_OUT):
                    continue
                target = os.path.join(temporary, relative)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with archive.open(member) as source, open(target, "wb") as out:
                    shutil.copyfileobj(source, out, 1 << 22)
        os.chmod(temporary, 0o755)
        os.rename(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
