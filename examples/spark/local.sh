#!/usr/bin/env bash
# Runs evaluate.py on a cluster of two executors on this machine, and compares its state with that of one process, byte for
# byte. Needs python3 with pyspark and numpy, Java 17, and focal-simd on the PATH (or FOCAL_SIMD=/path/to/dist/cli.js).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
if [ -n "${FOCAL_SIMD:-}" ]; then
  mkdir bin
  printf '#!/bin/sh\nexec node "%s" "$@"\n' "$FOCAL_SIMD" > bin/focal-simd
  chmod +x bin/focal-simd
  export PATH="$folder/bin:$PATH"
fi
python3 - << 'PYTHON'
import json
import os

import numpy as np

random = np.random.default_rng(3)
sizes = random.integers(1, 9000, 20)
z = (random.standard_normal((sizes.sum(), 10)) * 3).astype(np.float32)
y = random.integers(0, 10, sizes.sum())
np.save("z.npy", z)
np.save("y.npy", y)
first = 0
here = os.getcwd()
with open("manifest.jsonl", "w") as manifest:
    for i, size in enumerate(sizes):
        np.save(f"z{i}.npy", z[first : first + size])
        np.save(f"y{i}.npy", y[first : first + size])
        shard = {"logits": f"{here}/z{i}.npy", "targets": f"{here}/y{i}.npy", "firstIndex": int(first)}
        manifest.write(json.dumps(shard) + "\n")
        first += int(size)
PYTHON
focal-simd evaluate z.npy y.npy --state whole.json > /dev/null
export SPARK_HOME=${SPARK_HOME:-$(python3 -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')}
export SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$(command -v python3)
"$SPARK_HOME/bin/spark-submit" --master 'local-cluster[2,1,1024]' --conf spark.ui.enabled=false "$here/evaluate.py" manifest.jsonl
cmp state.json whole.json && echo "the state of $(wc -l < manifest.jsonl) shards on two executors is that of one process"
