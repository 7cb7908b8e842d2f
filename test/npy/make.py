"""Writes the .npy files beside it with NumPy itself, every header version among them. Run: python3 make.py"""
from pathlib import Path

import numpy as np

here = Path(__file__).parent
z = (np.random.default_rng(7).standard_normal((6, 3)) * 3).astype(np.float32)
planes = (np.random.default_rng(8).standard_normal((2, 3, 2, 2)) * 3).astype(np.float16)


def save(name, array, version=(1, 0)):
    with open(here / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version)


save("rows-float32", z)
save("rows-float64-v2", z.astype(np.float64), (2, 0))
save("planes-float16-v3", planes, (3, 0))
save("rows-targets", np.array([0, 1, 2, 2, 1, 0]))
save("planes-targets", np.array([[[0, 1], [2, 0]], [[1, 1], [0, 2]]], dtype=np.uint8))
save("fortran", np.asfortranarray(z))
save("big-endian", z.astype(">f4"))
save("complex", z.astype(np.complex64))
save("structured", np.zeros(6, dtype=[("a", "<f4"), ("b", "<i4")]))
save("scalar", np.float32(1))
