#!/usr/bin/env bash
# Measures and sweeps on a machine with a GPU that has JAX, but neither TensorFlow nor a network.
#
#   bash benchmarks/gpu.sh measure FOLDER      what seeds together and a trial make of the device
#   bash benchmarks/gpu.sh sweep FOLDER        the sweeps of benchmarks/gpu/*.toml, side by side
#   bash benchmarks/gpu.sh both FOLDER         one after the other
#
# Brought along: .whl/ with the packages that are missing there (keras, keras-tuner, kt-legacy,
# keras-hub, namex, optree, pydantic, pydantic-core, annotated-types, typing-inspection, pooch,
# platformdirs, tomli-w, num2words), and .gpu/cache.tar.xz with the folder `prepared` of a data cache
# that this very code has prepared. What comes out lies in FOLDER: journals without models. Where
# MLflow is, `harness sync` and `harness report` make the rest of them.
set -uo pipefail
cd "$(dirname "$0")/.."
mode="$1" output="$2"

python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
    --target /tmp/site .whl/*.whl || exit
mkdir -p /tmp/cache "$output"
tar -xJf .gpu/cache.tar.xz -C /tmp/cache || exit
export PYTHONPATH=/tmp/site HARNESS_CACHE=/tmp/cache KERAS_BACKEND=jax PYTHONUNBUFFERED=1
export XLA_PYTHON_CLIENT_PREALLOCATE=false
nvidia-smi --query-gpu=name,memory.total --format=csv

if [ "$mode" != sweep ]; then
    timeout "${SECONDS_SEEDS:-150}" python3 -m benchmarks.seeds --cases resnet,lstm,transformer \
        --seeds "${SEEDS:-4,8,16}" --batches 64 --epochs 3 | tee "$output/seeds.md"
    timeout "${SECONDS_MEASURE:-300}" python3 -m benchmarks.accelerator --backend jax \
        --fraction 0.1 --epochs 3 --precisions "${PRECISIONS:-float32,mixed_bfloat16}" \
        --cases "${CASES:-fashion_mnist/resnet,wikitext2/lstm,multi30k_en_de/transformer_seq2seq}" |
        tee "$output/measured.md"
fi
[ "$mode" = measure ] && exit

sweeps=()
for question in benchmarks/gpu/*.toml; do
    name="$(basename "$question" .toml)"
    python3 -m harness run "$question" --tracking none --offline --output /tmp/results \
        --workers "${WORKERS:-4}" > "$output/$name.log" 2>&1 &
    sweeps+=($!)
done
(
    sleep "${SECONDS_ALL:-480}"
    kill -TERM "${sweeps[@]}" # what is finished is in the journals
) &
wait "${sweeps[@]}"
tar -cJf "$output/results.tar.xz" -C /tmp/results --exclude=models --exclude=checkpoints \
    --exclude=workers.log --exclude='.*lock' .
tail -n 3 "$output"/*.log
