"""Other people's readers on a folder of models: writes what they compute, or trains models, as asked.

kenlm ARPA TEXTS: log10 of each line's probability, as JSON.
fasttext FOLDER: trains small classifiers of every loss, dense and quantized, on FOLDER/train.txt into FOLDER/NAME.bin
or .ftz, and prints their predictions for the lines of FOLDER/test.txt as JSON: {name: [[label, probability], ...]}.
predict MODEL TEXTS: predictions of one model.
"""

import json
import sys

what, *arguments = sys.argv[1:]


def lines(path):
    return open(path, encoding="utf-8").read().split("\n")


def predictions(model, path):
    return [[[label, float(p)] for label, p in zip(*model.predict(line, k=-1))] for line in lines(path)]


def train(path, kind, **options):
    model = fasttext.train_supervised(path, lr=0.1, **options)
    if kind != "dense":
        model.quantize(cutoff=2000, qnorm=kind == "normed", input=path, retrain=False)
    return model


if what == "kenlm":
    import kenlm

    model = kenlm.Model(arguments[0])
    print(json.dumps([model.score(line, bos=True, eos=True) for line in lines(arguments[1])]))
elif what == "predict":
    import fasttext

    print(json.dumps(predictions(fasttext.load_model(arguments[0]), arguments[1])))
else:
    import fasttext

    folder = arguments[0]
    found = {}
    for loss in ("softmax", "hs", "ns", "ova"):
        for dimension, minn, maxn, ngrams, kind in (
            (16, 2, 4, 1, "dense"),
            (12, 0, 0, 3, "dense"),
            (10, 1, 3, 2, "dense"),
            (16, 2, 4, 1, "quantized"),
            (16, 2, 4, 2, "normed"),
        ):
            model = train(
                f"{folder}/train.txt", kind, loss=loss, dim=dimension, minn=minn, maxn=maxn, wordNgrams=ngrams, bucket=5000,
                epoch=20, thread=1, verbose=0,
            )
            name = f"{loss}-{dimension}-{kind}.{'bin' if kind == 'dense' else 'ftz'}"
            model.save_model(f"{folder}/{name}")
            found[name] = predictions(model, f"{folder}/test.txt")
    print(json.dumps(found))
