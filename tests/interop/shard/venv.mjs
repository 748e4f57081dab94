import { peerPython } from '../../bench/peers.mjs';

/** Whole dependency trees (clouds, CUDA) are not needed to read files: the packages are named one by one. */
const PACKAGES = (
  'numpy pyarrow pandas mosaicml-streaming datatrove megatron-core datasets humanize transformers tokenizers ' +
  'safetensors regex zstd Brotli python-snappy cramjam tqdm xxhash requests pyyaml loguru dill multiprocess ' +
  'huggingface_hub httpx httpx2 httpcore httpcore2 anyio idna certifi h11 sniffio packaging python-dateutil six ' +
  'pytz tzdata urllib3 charset-normalizer Pillow catalogue hf-xet rich boto3 botocore jmespath s3transfer click ' +
  'truststore fsspec filelock typing_extensions'
).split(' ');

/** A Python that has the readers of others; PROVENDER_SHARD_PYTHON names one that is there already. Undefined where none can be had. */
export function shardPython() {
  const given = process.env.PROVENDER_SHARD_PYTHON;
  if (given) return given;
  return peerPython('shard', [['torch==2.13.0'], ['--no-deps', ...PACKAGES]]);
}
