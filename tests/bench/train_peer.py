"""PyTorch's side of the benchmark `train`: answers commands, one JSON object a line.

Models are written as their fastest form here: scaled-dot-product attention, one product for queries, keys and values,
fused AdamW, gradients set to none. They compute what ours do; the benchmark checks the losses before it times.
"""

import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

HEADS, CONTEXT = 4, 256
BETAS, EPSILON, DECAY, CLIP, LEARNING_RATE = (0.9, 0.95), 1e-8, 0.1, 1.0, 1e-3


class Norm(nn.Module):
    def __init__(self, width, epsilon, rms=False):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.offset = None if rms else nn.Parameter(torch.zeros(width))
        self.epsilon = epsilon

    def forward(self, x):
        if self.offset is None:
            return F.rms_norm(x, self.gain.shape, self.gain, self.epsilon)
        return F.layer_norm(x, self.gain.shape, self.gain, self.offset, self.epsilon)


class Block(nn.Module):
    def __init__(self, family, width, hidden):
        super().__init__()
        llama = family == "llama"
        epsilon = 1e-12 if family == "bert" else 1e-5
        self.family = family
        self.attention_norm = Norm(width, epsilon, llama)
        self.forward_norm = Norm(width, epsilon, llama)
        self.qkv = nn.Linear(width, 3 * width, bias=not llama)
        self.output = nn.Linear(width, width, bias=not llama)
        self.up = nn.Linear(width, 2 * hidden if llama else hidden, bias=not llama)
        self.down = nn.Linear(hidden, width, bias=not llama)

    def attend(self, x, rotary, cache):
        rows, length, width = x.shape
        q, k, v = (
            y.view(rows, length, HEADS, width // HEADS).transpose(1, 2) for y in self.qkv(x).split(width, dim=2)
        )
        if rotary is not None:
            q, k = rotated(q, rotary), rotated(k, rotary)
        if cache is not None:
            keys, values, start = cache
            keys[:, :, start : start + length] = k
            values[:, :, start : start + length] = v
            k, v = keys[:, :, : start + length], values[:, :, : start + length]
        causal = self.family != "bert" and length > 1
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.output(y.transpose(1, 2).reshape(rows, length, width))

    def feed(self, x):
        if self.family == "llama":
            gate, up = self.up(x).chunk(2, dim=-1)
            return self.down(F.silu(gate) * up)
        return self.down(F.gelu(self.up(x), approximate="tanh" if self.family == "gpt2" else "none"))

    def forward(self, x, rotary=None, cache=None):
        if self.family == "bert":
            x = self.attention_norm(x + self.attend(x, rotary, cache))
            return self.forward_norm(x + self.feed(x))
        x = x + self.attend(self.attention_norm(x), rotary, cache)
        return x + self.feed(self.forward_norm(x))


def rotated(x, tables):
    cosine, sine = tables
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-second, first], dim=-1) * sine


def rotary_tables(size):
    frequency = 10000.0 ** (-torch.arange(size // 2, dtype=torch.float64) / (size // 2))
    angle = torch.arange(CONTEXT, dtype=torch.float64)[:, None] * torch.cat([frequency, frequency])
    return angle.cos().float(), angle.sin().float()


class Model(nn.Module):
    def __init__(self, family, weights):
        super().__init__()
        self.family = family
        vocabulary, width = weights["embedding.token"].shape
        hidden = weights["layers.0.feedForward.up.weight"].shape[1]
        layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
        self.token = nn.Parameter(weights["embedding.token"])
        self.position = nn.Parameter(weights["embedding.position"]) if family != "llama" else None
        self.head = nn.Parameter(weights["head.weight"]) if family == "llama" else None
        self.blocks = nn.ModuleList(Block(family, width, hidden) for _ in range(layers))
        if family == "bert":
            self.token_type = nn.Parameter(weights["embedding.tokenType"])
            self.embedding_norm = Norm(width, 1e-12)
            self.transform = nn.Linear(width, width)
            self.head_norm = Norm(width, 1e-12)
            self.head_bias = nn.Parameter(weights["head.bias"])
        else:
            self.norm = Norm(width, 1e-5, family == "llama")
        if family == "llama":
            cosine, sine = rotary_tables(width // HEADS)
            self.register_buffer("cosine", cosine)
            self.register_buffer("sine", sine)
        self.take(weights)

    @torch.no_grad()
    def take(self, weights):
        """Our linear layers are stored [in, out]; PyTorch's [out, in]."""

        def linear(module, *names):
            module.weight.copy_(torch.cat([weights[f"{name}.weight"] for name in names], dim=1).t())
            if module.bias is not None:
                module.bias.copy_(torch.cat([weights[f"{name}.bias"] for name in names]))

        def norm(module, name):
            module.gain.copy_(weights[f"{name}.gain"])
            if module.offset is not None:
                module.offset.copy_(weights[f"{name}.offset"])

        for n, block in enumerate(self.blocks):
            a, f = f"layers.{n}.attention", f"layers.{n}.feedForward"
            linear(block.qkv, f"{a}.query", f"{a}.key", f"{a}.value")
            linear(block.output, f"{a}.output")
            linear(block.up, *([f"{f}.gate", f"{f}.up"] if self.family == "llama" else [f"{f}.up"]))
            linear(block.down, f"{f}.down")
            norm(block.attention_norm, f"{a}.norm")
            norm(block.forward_norm, f"{f}.norm")
        if self.family == "bert":
            norm(self.embedding_norm, "embedding.norm")
            linear(self.transform, "head.transform")
            norm(self.head_norm, "head.norm")
        else:
            norm(self.norm, "norm")

    def hidden(self, tokens, caches=None, start=0):
        length = tokens.shape[1]
        x = F.embedding(tokens, self.token)
        if self.position is not None:
            x = x + self.position[start : start + length]
        if self.family == "bert":
            x = self.embedding_norm(x + self.token_type[0])
        rotary = None
        if self.family == "llama":
            rotary = self.cosine[start : start + length], self.sine[start : start + length]
        for n, block in enumerate(self.blocks):
            x = block(x, rotary, None if caches is None else (*caches[n], start))
        return x if self.family == "bert" else self.norm(x)

    def logits(self, x):
        if self.family == "bert":
            x = self.head_norm(F.gelu(self.transform(x)))
            return F.linear(x, self.token, self.head_bias)
        return F.linear(x, self.token if self.head is None else self.head)

    def forward(self, tokens, targets, index=None):
        x = self.hidden(tokens)
        x = x.reshape(-1, x.shape[-1])
        targets = targets.reshape(-1)
        if index is not None:
            x, targets = x[index], targets[index]
        return F.cross_entropy(self.logits(x), targets)


class Trainer:
    def __init__(self, folder, family, compiled):
        self.model = Model(family, load_file(f"{folder}/{family}.safetensors"))
        self.parameters = list(self.model.parameters())
        matrices = [p for p in self.parameters if p.dim() >= 2]
        rest = [p for p in self.parameters if p.dim() < 2]
        groups = [dict(params=matrices, weight_decay=DECAY), dict(params=rest, weight_decay=0.0)]
        self.optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON, fused=True)
        self.forward = torch.compile(self.model) if compiled else self.model
        with open(f"{folder}/{family}.json") as file:
            self.batches = [self.tensors(batch) for batch in json.load(file)]
        self.done = 0

    @staticmethod
    def tensors(batch):
        shaped = lambda name: torch.tensor(batch[name]).view(-1, CONTEXT)
        index = torch.tensor(batch["targetIndex"]) if "targetIndex" in batch else None
        return shaped("tokens"), shaped("targets"), index

    def step(self):
        begun = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.forward(*self.batches[self.done % len(self.batches)])
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, CLIP, foreach=True)
        self.optimizer.step()
        value = loss.item()
        self.done += 1
        return value, time.perf_counter() - begun


@torch.inference_mode()
def generate(model, prompt, count):
    """Greedy, over caches of the whole context that are written in place."""
    begun = time.perf_counter()
    size = model.token.shape[1] // HEADS
    caches = [[torch.zeros(1, HEADS, CONTEXT, size) for _ in "kv"] for _ in model.blocks]
    fed, start, written = torch.tensor([prompt]), 0, []
    while True:
        x = model.hidden(fed, caches, start)[:, -1]
        written.append(int(model.logits(x).argmax()))
        if len(written) == count:
            return written, time.perf_counter() - begun
        start += fed.shape[1]
        fed = torch.tensor([[written[-1]]])


def transformers_gpt2(weights):
    from transformers import GPT2Config, GPT2LMHeadModel

    vocabulary, width = weights["embedding.token"].shape
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    none = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    config = GPT2Config(vocab_size=vocabulary, n_positions=CONTEXT, n_embd=width, n_layer=layers, n_head=HEADS, **none)
    model = GPT2LMHeadModel(config).eval()
    ours = {"ln_1": "attention.norm", "ln_2": "feedForward.norm", "attn.c_proj": "attention.output",
            "mlp.c_fc": "feedForward.up", "mlp.c_proj": "feedForward.down"}  # fmt: skip
    parts = ["query", "key", "value"]
    named = {"wte.weight": weights["embedding.token"], "wpe.weight": weights["embedding.position"]}
    named |= {"ln_f.weight": weights["norm.gain"], "ln_f.bias": weights["norm.offset"]}
    for n in range(layers):
        of = lambda name: weights[f"layers.{n}.{name}"]
        for kind, axis in (("weight", 1), ("bias", 0)):
            named[f"h.{n}.attn.c_attn.{kind}"] = torch.cat([of(f"attention.{p}.{kind}") for p in parts], dim=axis)
            for theirs, name in ours.items():
                own = {"weight": "gain", "bias": "offset"}[kind] if "norm" in name else kind
                named[f"h.{n}.{theirs}.{kind}"] = of(f"{name}.{own}")
    missing, unexpected = model.transformer.load_state_dict(named, strict=False)
    assert not unexpected and all("attn.bias" in name or "masked_bias" in name for name in missing), missing
    return model


@torch.inference_mode()
def generate_with_transformers(model, prompt, count):
    begun = time.perf_counter()
    ids = model.generate(torch.tensor([prompt]), max_new_tokens=count, min_new_tokens=count, do_sample=False,
                         attention_mask=torch.ones(1, len(prompt)))  # fmt: skip
    return ids[0, len(prompt) :].tolist(), time.perf_counter() - begun


def sgemm(size=1024, count=10):
    a, b = torch.rand(size, size), torch.rand(size, size)
    out = torch.empty(size, size)
    torch.mm(a, b, out=out)
    seconds = []
    for _ in range(count):
        begun = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - begun)
    return 2 * size**3 / min(seconds) / 1e9


def answer(state, command):
    do = command["do"]
    if do == "load":
        torch.set_num_threads(command["threads"])
        state["trainer"] = Trainer(command["folder"], command["family"], command.get("compiled", False))
        return {"version": torch.__version__}
    if do == "steps":
        before = time.process_time()
        done = [state["trainer"].step() for _ in range(command["count"])]
        cpu = (time.process_time() - before) / command["count"]
        return {"losses": [loss for loss, _ in done], "seconds": [seconds for _, seconds in done], "cpu": cpu}
    if do == "load-transformers":
        torch.set_num_threads(command["threads"])
        state["transformers"] = transformers_gpt2(load_file(f"{command['folder']}/{command['family']}.safetensors"))
        return {}
    if do == "generate":
        before = time.process_time()
        if "transformers" in state:
            tokens, seconds = generate_with_transformers(state["transformers"], command["prompt"], command["count"])
        else:
            tokens, seconds = generate(state["trainer"].model, command["prompt"], command["count"])
        return {"tokens": tokens, "seconds": seconds, "cpu": time.process_time() - before}
    if do == "sgemm":
        return {"gflops": sgemm()}
    if do == "memory":
        return {"mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    raise ValueError(do)


def main():
    state = {}
    for line in sys.stdin:
        print(json.dumps(answer(state, json.loads(line))), flush=True)
    os._exit(0)


main()
