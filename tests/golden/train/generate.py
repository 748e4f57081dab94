"""Writes the golden losses of tests/train/model/golden.test.ts: `python generate.py` beside this file.

Models are Hugging Face's, optimizers PyTorch's. Weights and batches come from formulas that the test repeats
(tests/train/model/formulas.ts), so none are stored. All is float32.
"""

import json
import math
import os

import numpy as np
import torch
import transformers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

torch.manual_seed(0)
torch.set_num_threads(1)
VOCABULARY, WIDTH, HEADS, LAYERS, CONTEXT, ROWS, STEPS = 61, 32, 4, 2, 16, 3, 20


def values(name, shape):
    count = int(np.prod(shape))
    phase = sum(ord(c) for c in name) % 101
    i = np.arange(count, dtype=np.float64)
    wave = np.sin(0.01 * (i % 1009) ** 2 + phase)
    if name.endswith("gain"):
        wave = 1 + 0.1 * wave
    elif len(shape) == 1:
        wave = 0.05 * wave
    else:
        wave = 0.15 * wave
    return torch.tensor(wave.astype(np.float32).reshape(shape))


def put(parameter, name, transposed=False):
    """Gives a parameter our tensor of that name; ours are [in, out] where PyTorch's linear layers are [out, in]."""
    shape = tuple(parameter.shape)
    value = values(name, shape[::-1]).T.contiguous() if transposed else values(name, shape)
    with torch.no_grad():
        parameter.copy_(value)


def tokens_of(step):
    i = np.arange(ROWS * (CONTEXT + 1), dtype=np.int64)
    return torch.tensor(((i * i * 7 + 3 * i + 11 * step) % VOCABULARY).reshape(ROWS, CONTEXT + 1))


def gpt2(attention="eager"):
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, attn_implementation=attention,
    )
    model = GPT2LMHeadModel(config)
    t = model.transformer
    put(t.wte.weight, "embedding.token")
    put(t.wpe.weight, "embedding.position")
    put(t.ln_f.weight, "norm.gain")
    put(t.ln_f.bias, "norm.offset")
    for n, block in enumerate(t.h):
        a, f = f"layers.{n}.attention", f"layers.{n}.feedForward"
        put(block.ln_1.weight, f"{a}.norm.gain")
        put(block.ln_1.bias, f"{a}.norm.offset")
        put(block.ln_2.weight, f"{f}.norm.gain")
        put(block.ln_2.bias, f"{f}.norm.offset")
        with torch.no_grad():
            parts = ["query", "key", "value"]
            block.attn.c_attn.weight.copy_(torch.cat([values(f"{a}.{p}.weight", (WIDTH, WIDTH)) for p in parts], 1))
            block.attn.c_attn.bias.copy_(torch.cat([values(f"{a}.{p}.bias", (WIDTH,)) for p in parts]))
        for module, name in [(block.attn.c_proj, f"{a}.output"), (block.mlp.c_fc, f"{f}.up"), (block.mlp.c_proj, f"{f}.down")]:
            put(module.weight, f"{name}.weight")
            put(module.bias, f"{name}.bias")
    return model


def llama_like(model):
    m = model.model
    put(m.embed_tokens.weight, "embedding.token")
    put(model.lm_head.weight, "head.weight")
    put(m.norm.weight, "norm.gain")
    for n, block in enumerate(m.layers):
        a, f = f"layers.{n}.attention", f"layers.{n}.feedForward"
        put(block.input_layernorm.weight, f"{a}.norm.gain")
        put(block.post_attention_layernorm.weight, f"{f}.norm.gain")
        s = block.self_attn
        for module, name in [
            (s.q_proj, f"{a}.query"), (s.k_proj, f"{a}.key"), (s.v_proj, f"{a}.value"), (s.o_proj, f"{a}.output"),
            (block.mlp.gate_proj, f"{f}.gate"), (block.mlp.up_proj, f"{f}.up"), (block.mlp.down_proj, f"{f}.down"),
        ]:
            put(module.weight, f"{name}.weight", transposed=True)
        if hasattr(s, "q_norm"):
            put(s.q_norm.weight, f"{a}.queryNorm.gain")
            put(s.k_norm.weight, f"{a}.keyNorm.gain")
    return model


LLAMA = dict(
    vocab_size=VOCABULARY, max_position_embeddings=CONTEXT, hidden_size=WIDTH, num_hidden_layers=LAYERS,
    num_attention_heads=HEADS, intermediate_size=96, rms_norm_eps=1e-5, rope_theta=10000.0,
    tie_word_embeddings=False, attn_implementation="eager",
)


def llama():
    return llama_like(LlamaForCausalLM(LlamaConfig(**LLAMA, num_key_value_heads=HEADS)))


def grouped():
    """Grouped-query attention and norms on queries and keys."""
    return llama_like(Qwen3ForCausalLM(Qwen3Config(**LLAMA, num_key_value_heads=2, head_dim=WIDTH // HEADS)))


def bert(kind=BertForMaskedLM):
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH, max_position_embeddings=CONTEXT, hidden_dropout_prob=0,
        attention_probs_dropout_prob=0, pad_token_id=None, attn_implementation="eager",
    )
    model = kind(config)
    e = model.bert.embeddings
    put(e.word_embeddings.weight, "embedding.token")
    put(e.position_embeddings.weight, "embedding.position")
    put(e.token_type_embeddings.weight, "embedding.tokenType")

    def norm(module, name):
        put(module.weight, f"{name}.gain")
        put(module.bias, f"{name}.offset")

    def linear(module, name):
        put(module.weight, f"{name}.weight", transposed=True)
        put(module.bias, f"{name}.bias")

    norm(e.LayerNorm, "embedding.norm")
    for n, block in enumerate(model.bert.encoder.layer):
        a, f = f"layers.{n}.attention", f"layers.{n}.feedForward"
        linear(block.attention.self.query, f"{a}.query")
        linear(block.attention.self.key, f"{a}.key")
        linear(block.attention.self.value, f"{a}.value")
        linear(block.attention.output.dense, f"{a}.output")
        norm(block.attention.output.LayerNorm, f"{a}.norm")
        linear(block.intermediate.dense, f"{f}.up")
        linear(block.output.dense, f"{f}.down")
        norm(block.output.LayerNorm, f"{f}.norm")
    head = model.cls.predictions
    linear(head.transform.dense, "head.transform")
    norm(head.transform.LayerNorm, "head.norm")
    put(head.bias, "head.bias")
    if kind is BertForPreTraining:
        linear(model.bert.pooler.dense, "pooledHead.transform")
        linear(model.cls.seq_relationship, "pooledHead.classes")
    return model


def causal_loss(model, step):
    windows = tokens_of(step)
    logits = model(input_ids=windows[:, :-1]).logits
    return torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), windows[:, 1:].reshape(-1))


def document_loss(model, step):
    """Documents of 5 and 12 tokens in each window: own masks, own positions, nothing predicted across."""
    windows = tokens_of(step)
    cut = 5
    total, count = 0.0, 0
    for part in (windows[:, :cut], windows[:, cut:]):
        logits = model(input_ids=part[:, :-1]).logits
        targets = part[:, 1:].reshape(-1)
        total = total + torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), targets, reduction="sum")
        count += targets.numel()
    return total / count


def masked_inputs(step):
    """Positions 1, 6 and 11 of each row are predicted: the first is hidden by token 0, the second left, the third random."""
    targets = tokens_of(step)[:, :-1]
    inputs = targets.clone()
    inputs[:, 1] = 0
    inputs[:, 11] = (targets[:, 11] + 17) % VOCABULARY
    return inputs, targets


AT = [1, 6, 11]


def cross_entropy_at(logits, targets):
    return torch.nn.functional.cross_entropy(logits[:, AT].reshape(-1, VOCABULARY), targets[:, AT].reshape(-1))


def masked_loss(model, step):
    inputs, targets = masked_inputs(step)
    return cross_entropy_at(model(input_ids=inputs).logits, targets)


def next_sentence_loss(model, step):
    """The second half of each row is its second sentence; that of row 1 is the random one."""
    inputs, targets = masked_inputs(step)
    types = (torch.arange(CONTEXT) >= CONTEXT // 2).long().expand(ROWS, CONTEXT)
    outputs = model(input_ids=inputs, token_type_ids=types)
    judged = torch.nn.functional.cross_entropy(outputs.seq_relationship_logits, torch.arange(ROWS) % 2)
    return cross_entropy_at(outputs.prediction_logits, targets) + judged


def prefix_loss(model, step):
    """The first 4 + row tokens of each row see one another; nothing inside them is predicted."""
    windows = tokens_of(step)
    i = torch.arange(CONTEXT)
    seen = torch.stack([(i[None, :] <= i[:, None]) | (i[None, :] < 4 + row) for row in range(ROWS)])
    mask = torch.where(seen, 0.0, torch.finfo(torch.float32).min)[:, None]
    logits = model(input_ids=windows[:, :-1], attention_mask=mask).logits
    losses = torch.nn.functional.cross_entropy(
        logits.reshape(-1, VOCABULARY), windows[:, 1:].reshape(-1), reduction="none"
    ).reshape(ROWS, CONTEXT)
    weights = torch.stack([(i >= 4 + row - 1).float() for row in range(ROWS)])
    return (losses * weights).sum() / weights.sum()


def adamw(matrices, rest):
    groups = [dict(params=matrices, weight_decay=0.1), dict(params=rest, weight_decay=0.0)]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)


def muon(matrices):
    return torch.optim.Muon(matrices, momentum=0.95, nesterov=True, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")


def run(model, loss_of, with_muon=False):
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.dim() >= 2]
    rest = [p for p in trained if p.dim() < 2]
    inside = [p for n, p in model.named_parameters() if p.dim() >= 2 and ".layers." in n] if with_muon else []
    others = [p for p in matrices if all(p is not q for q in inside)]
    optimizers = [adamw(others, rest)] + ([muon(inside)] if with_muon else [])
    losses, norms = [], []
    for step in range(STEPS):
        for group in [group for optimizer in optimizers for group in optimizer.param_groups]:
            group["lr"] = 0.003 * (step + 1) / STEPS
        model.zero_grad(set_to_none=True)
        loss = loss_of(model, step)
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained, 1.0)))
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    assert all(math.isfinite(x) for x in losses)
    return {"losses": losses, "norms": norms}


# PyTorch's Muon iterates in bfloat16; ours, and so the golden run, in float32.
torch.Tensor.bfloat16 = lambda self: self.clone()

cases = {
    "gpt2": run(gpt2(), causal_loss),
    "gpt2-documents": run(gpt2(), document_loss),
    "llama": run(llama(), causal_loss),
    "llama-grouped": run(grouped(), causal_loss),
    "bert": run(bert(), masked_loss),
    "bert-next-sentence": run(bert(BertForPreTraining), next_sentence_loss),
    # eager attention would add a causal mask of its own
    "gpt2-prefix": run(gpt2("sdpa"), prefix_loss),
    "llama-muon": run(llama(), causal_loss, with_muon=True),
}
golden = {"torch": torch.__version__, "transformers": transformers.__version__, "cases": cases}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "losses.json")
with open(path, "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
