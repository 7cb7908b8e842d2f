"""Evaluate the shards of a manifest on a Spark cluster whose machines have Node and `npm i -g focal-simd`.

    spark-submit evaluate.py manifest.jsonl --loss softmax

The manifest has one shard a line: {"logits": "z0.npy", "targets": "y0.npy", "firstIndex": 0}, paths or URLs that every machine can
read. Options are those of `focal-simd map`. What fails is tried again by Spark; a shard that runs twice is counted once, as its
task has one result, and a state that came twice all the same would be refused by the merge.
"""
import os
import shlex
import subprocess
import sys

from pyspark.sql import SparkSession

manifest, *options = sys.argv[1:]
with open(manifest) as file:
    shards = [line.strip() for line in file if line.strip()]
context = SparkSession.builder.appName("focal-simd").getOrCreate().sparkContext
command = shlex.join(["focal-simd", "map", *options])
# a pipe has no environment of its own, and so no PATH on which to find the command
states = context.parallelize(shards, len(shards)).pipe(command, {"PATH": os.environ["PATH"]}, checkCode=True)
merge = subprocess.Popen(["focal-simd", "merge", "-", "--state", "state.json"], stdin=subprocess.PIPE, text=True)
for state in states.toLocalIterator():
    merge.stdin.write(state + "\n")
merge.stdin.close()
sys.exit(merge.wait())
