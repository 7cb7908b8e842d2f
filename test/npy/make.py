"""Writes the .npy files beside it with NumPy itself, every header version among them, and ../golden/npy-headers.json.

Run: python3 make.py
"""
import io
import json
import random
import warnings
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

# What NumPy reads in headers of all sorts, good and bad: [header, [descr, fortran_order, shape] or null where it refuses].
GOOD = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4)}",
    '{"descr": "|u1", "fortran_order": False, "shape": (5,)}',
    "{'shape': (), 'fortran_order': False, 'descr': '<i8'}",
    "{ 'descr' : '<f2' ,\t'fortran_order':False,'shape':( 0 , 12 , 2 ) } ",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }",
]
BAD = [
    "{'descr': '<f4', 'fortran_order': False, 'fortran_order': True, 'shape': (3, 4), }",
    "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'shape': (4, 3)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'extra': 1}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (50)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3,, 4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': [3, 4]}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (03, 4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3.0, 4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3 4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1_0, 4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0x3, 4)}",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 4)}",
    "{'descr': '<f4', 'fortran_order': None, 'shape': (3, 4)}",
    "{'descr': '<f4', 'shape': (3, 4)}",
    "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (3, 4)}",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)} # a note",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)} {}",
    "{,}",
    "{}",
    "",
    "[]",
]


def reading(text):
    data = text.encode("latin1")
    file = io.BytesIO(len(data).to_bytes(2, "little") + data)
    try:
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        return [dtype.str, bool(fortran), [int(d) for d in shape]]
    except Exception:
        return None


rng = random.Random(13)
headers = GOOD + BAD
for _ in range(400):
    text = rng.choice(GOOD)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(text))
        piece = rng.choice([" ", " ", "7", "7", "\t", ",", "", "'", "(", ")", "0", "L", ":", "}", "True", "\n", "-", text[:at]])
        text = text[:at] + piece + text[at + rng.choice([0, 0, 0, 1, 2]) :]
    headers.append(text)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lines = ",\n".join(json.dumps([text, reading(text)]) for text in headers)
(here.parent / "golden/npy-headers.json").write_text(f"[\n{lines}\n]\n")
