"""What transformers (PyPI) makes of our exports, and models of its own for us to take over.

Reads a list of jobs as JSON from standard input, prints a list of their results. Tried with transformers 5.24.0 and
torch 2.13.0 on a CPU.
"""

import json
import sys

import torch
import transformers

torch.manual_seed(0)
torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def load(folder):
    architecture = transformers.AutoConfig.from_pretrained(folder).architectures[0]
    model, info = getattr(transformers, architecture).from_pretrained(folder, output_loading_info=True)
    return model.eval(), info


@torch.no_grad()
def logits(folder, tokens, types=None):
    model, info = load(folder)
    more = {} if types is None else {"token_type_ids": torch.tensor(types)}
    out = model(torch.tensor(tokens), **more)
    pairs = getattr(out, "seq_relationship_logits", None)
    return {
        "class": type(model).__name__,
        "dtype": str(model.dtype),
        "problems": {k: sorted(map(str, v)) for k, v in info.items() if v},
        "logits": (out.logits if pairs is None else out.prediction_logits).flatten().tolist(),
        "random": None if pairs is None else torch.log_softmax(pairs, -1)[:, 1].tolist(),
    }


def tokenize(folder, text):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    encoded = tokenizer(text)
    return {
        "names": sorted(encoded),
        "ids": encoded["input_ids"],
        "bare": tokenizer(text, add_special_tokens=False)["input_ids"],
        "decoded": tokenizer.decode(encoded["input_ids"], skip_special_tokens=True),
        "roles": [tokenizer.bos_token, tokenizer.eos_token, tokenizer.mask_token],
        "length": tokenizer.model_max_length,
    }


def write_on(folder, prompt, count, penalty=1.0):
    pipe = transformers.pipeline("text-generation", model=folder)
    # A greedy draw by the file's own end-of-text id; nothing else is set.
    out = pipe(prompt, max_new_tokens=count, do_sample=False, return_full_text=False, repetition_penalty=penalty)
    return out[0]["generated_text"]


def fill(folder, text, count):
    pipe = transformers.pipeline("fill-mask", model=folder)
    return [[f["token"], f["score"], f["token_str"]] for f in pipe(text, top_k=count)]


CLASSES = {
    "gpt2": ("GPT2LMHeadModel", dict(n_positions=32, n_embd=32, n_layer=2, n_head=4)),
    "gpt2-exact": ("GPT2LMHeadModel", dict(n_positions=32, n_embd=32, n_layer=1, n_head=2, n_inner=48, activation_function="gelu", tie_word_embeddings=False)),
    "llama": ("LlamaForCausalLM", dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=32)),
    "llama-grouped": ("LlamaForCausalLM", dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32, tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 50000.0}, attention_bias=True, mlp_bias=True)),
    "qwen3": ("Qwen3ForCausalLM", dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=32)),
    "bert": ("BertForMaskedLM", dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=32)),
    "bert-untied": ("BertForMaskedLM", dict(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=32, tie_word_embeddings=False)),
    "bert-pretraining": ("BertForPreTraining", dict(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=32)),
    "roberta": ("RobertaForMaskedLM", dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=34, type_vocab_size=1, pad_token_id=1)),
}


@torch.no_grad()
def save(kind, folder, vocabulary, tokens, dtype=None, shard=None, **more):
    name, fields = CLASSES[kind]
    cls = getattr(transformers, name)
    model = cls(cls.config_class(vocab_size=vocabulary, **fields, **more)).eval()
    for parameter in model.parameters():
        # Fresh biases are zeros and fresh gains ones: a mix-up of them would not show.
        parameter.add_(torch.randn_like(parameter) * 0.1)
    if dtype:
        model = model.to(getattr(torch, dtype))
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    # In float32 over the saved values, as is read back; `to` would also have rounded the rotary frequencies.
    out = cls.from_pretrained(folder, dtype=torch.float32).eval()(torch.tensor(tokens))
    scores = getattr(out, "logits", None)
    return (out.prediction_logits if scores is None else scores).flatten().tolist()


def process(logits, seen, options):
    """The distribution that `generate(do_sample=True)` draws from: None where a token cannot be drawn."""
    config = transformers.GenerationConfig(do_sample=True, **options)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=len(logits), n_positions=8, n_embd=4, n_layer=1, n_head=1, bos_token_id=None, eos_token_id=None))
    processors = model._get_logits_processor(generation_config=config, input_ids_seq_length=len(seen), device="cpu")
    scores = processors(torch.tensor([seen], dtype=torch.long), torch.tensor([logits], dtype=torch.float32))
    probabilities = torch.softmax(scores.double(), -1)[0].tolist()
    return {"processors": [type(p).__name__ for p in processors], "probabilities": probabilities}


JOBS = {f.__name__: f for f in (logits, tokenize, write_on, fill, save, process)}
jobs = json.load(sys.stdin)
print(json.dumps([JOBS[job.pop("job")](**job) for job in jobs]))
