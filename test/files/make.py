"""Writes the fixtures beside it with the libraries that people write such files with. Run: python3 make.py

Needs numpy, ml_dtypes, safetensors, pyarrow, pandas. Every file holds the same 50 samples of 3 classes (or the same 2 images
of 2 × 2 positions), whose logits are multiples of 1/16 that float16 and bfloat16 hold exactly.
"""
import json
from pathlib import Path

import ml_dtypes
import numpy as np

here = Path(__file__).parent
rng = np.random.default_rng(7)
z = np.clip(np.round(rng.standard_normal((50, 3)) * 48) / 16, -15, 15).astype(np.float32)
y = rng.integers(0, 3, 50)
planes = np.clip(np.round(rng.standard_normal((2, 3, 2, 2)) * 48) / 16, -15, 15).astype(np.float32)
planes_y = rng.integers(0, 3, (2, 2, 2))
hot = np.eye(3, dtype=np.float32)[y]


def npy(name, array, version=None):
    with open(here / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version, allow_pickle=True)


npy("rows", z)
npy("rows-float16-v3", z.astype(np.float16), (3, 0))
npy("rows-float64-v2", z.astype(np.float64), (2, 0))
npy("rows-big", z.astype(">f4"))
npy("rows-big64", z.astype(">f8"))
npy("rows-bfloat16", z.astype(ml_dtypes.bfloat16))
npy("rows-fortran", np.asfortranarray(z))
npy("rows-fortran-big", np.asfortranarray(z).astype(">f8"))
npy("y-int64", y)
npy("y-big", y.astype(">i4"))
npy("y-column", y[:, None].astype(np.int32))
npy("y-float", y.astype(np.float64))
npy("y-missing", np.where(np.arange(50) % 7 == 3, np.nan, y))
npy("y-hot", hot)
npy("y-hot-fortran", np.asfortranarray(hot).astype(bool))
npy("y-bool", y == 1)
npy("planes", planes)
npy("planes-fortran", np.asfortranarray(planes))
npy("planes-last", np.ascontiguousarray(np.moveaxis(planes, 1, -1)))
npy("planes-last-fortran", np.asfortranarray(np.moveaxis(planes, 1, -1)))
npy("planes-y", planes_y.astype(np.uint8))
npy("planes-y-fortran", np.asfortranarray(planes_y.astype(np.int16)))
npy("planes-y-column", planes_y[:, None].astype(np.int8))
npy("complex", z.astype(np.complex64))
npy("structured", np.zeros(6, dtype=[("a", "<f4"), ("b", "<i4")]))
npy("strings", np.array(["a", "b"])[y % 2])
npy("objects", np.array([1, None], object))
npy("longdouble", z.astype(np.longdouble))
npy("scalar", np.float32(1))

np.savez(here / "both.npz", logits=z, targets=y, planes=planes, words=np.array(["a"]))
np.savez_compressed(here / "compressed.npz", logits=z, targets=y, planes=planes, fortran=np.asfortranarray(z), y=planes_y)
np.savez(here / "one.npz", y)

from safetensors.numpy import save_file

save_file({"logits": z, "targets": y, "half": z.astype(np.float16), "bf16": z.astype(ml_dtypes.bfloat16), "double": z.astype(np.float64),
           "hit": y == 1}, here / "tensors.safetensors", metadata={"made": "by make.py"})

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

names = ["ant", "bee", "cat"]
table = pd.DataFrame({"text": [f"a, \"b\"\n{i}" for i in range(50)], "label": [names[c] for c in y], **{f"p_{n}": z[:, c] for c, n in enumerate(names)}})
table.to_csv(here / "named.csv", index=False)
table.to_csv(here / "named.tsv", index=False, sep="\t")
table.to_csv(here / "semicolons.csv", index=False, sep=";", lineterminator="\r\n", encoding="utf-8-sig")
table.to_json(here / "named.jsonl", orient="records", lines=True)
numbered = pd.DataFrame({"label": y, **{str(c): z[:, c] for c in range(3)}})
numbered.loc[::7, "label"] = pd.NA
numbered.to_csv(here / "missing.csv", index=False)
numbered.to_parquet(here / "missing.parquet")
numbered.to_json(here / "missing.jsonl", orient="records", lines=True)
lists = pa.table({"label": pa.array(y, pa.int8()), "logits": pa.array(z.tolist(), pa.list_(pa.float32()))})
pq.write_table(lists, here / "lists.parquet", row_group_size=20)
(here / "lists.jsonl").write_text("".join(json.dumps({"label": int(c), "logits": row.tolist()}) + "\n" for c, row in zip(y, z)))
arrow = pa.Table.from_pandas(table, preserve_index=False)
for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    pq.write_table(arrow, here / f"{codec}.parquet", compression=codec, row_group_size=20, data_page_size=64, write_page_index=codec == "zstd",
                   data_page_version="2.0" if codec in ("gzip", "zstd") else "1.0", use_dictionary=codec != "none")
multi = pd.DataFrame({**{f"y_{n}": (hot[:, c] > 0) for c, n in reversed(list(enumerate(names)))}, **{f"p_{n}": z[:, c] for c, n in enumerate(names)}})
multi.astype({f"y_{n}": int for n in names}).to_csv(here / "multi.csv", index=False)

(here / "expected.json").write_text(
    json.dumps({"z": z.ravel().tolist(), "y": y.tolist(), "planes": planes.ravel().tolist(), "planesY": planes_y.ravel().tolist()}) + "\n"
)
