"""Golden values for the statistics of ablations, by scipy and statsmodels.

    pip install scipy==1.17.1 statsmodels==0.15.0
    python tests/golden/ablate/generate.py > tests/golden/ablate/statistics.json
"""

import json
import warnings

import numpy as np
import pandas as pd
import scipy
import statsmodels
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower

warnings.filterwarnings("ignore")
random = np.random.default_rng(20261127)


def distributions():
    degrees = [1, 2, 3.7, 8, 15, 40.5, 1000]
    shares = [0.005, 0.025, 0.1, 0.5, 0.8, 0.975, 0.99583, 0.9995]
    return {
        "tQuantile": [[p, df, stats.t.ppf(p, df)] for df in degrees for p in shares],
        "tCdf": [[x, df, stats.t.cdf(x, df)] for df in degrees for x in [-60, -4.3, -1, 0, 0.3, 2.5]],
        "normalCdf": [[x, stats.norm.cdf(x)] for x in [-8, -1.96, -0.2, 0, 1, 3.3]],
        "normalQuantile": [[p, stats.norm.ppf(p)] for p in shares],
        "chiSquareQuantile": [[p, df, stats.chi2.ppf(p, df)] for df in degrees for p in shares],
        "fQuantile": [[p, a, b, stats.f.ppf(p, a, b)] for a in [2, 5] for b in [4, 15] for p in shares],
    }


def table(arms, blocks, missing=(), spreads=None):
    rows = []
    block_effect = random.normal(scale=0.01, size=blocks)
    for i, arm in enumerate(arms):
        for b in range(blocks):
            if (arm, b) in missing:
                continue
            spread = 0.02 if spreads is None else spreads[i]
            rows.append((arm, b, 2.0 + 0.04 * i + block_effect[b] + random.normal(scale=spread)))
    return rows


def blocks(rows, confidence=0.95):
    frame = pd.DataFrame(rows, columns=["arm", "block", "y"])
    base = frame.arm.iloc[0]
    fit = smf.ols(f"y ~ C(arm, Treatment('{base}')) + C(block)", frame).fit()
    found = {}
    interval = fit.conf_int(1 - confidence)
    for name in fit.params.index:
        if "[T." in name and name.startswith("C(arm"):
            arm = name.split("[T.")[1][:-1]
            found[arm] = {
                "difference": fit.params[name],
                "standardError": fit.bse[name],
                "p": fit.pvalues[name],
                "low": interval.loc[name][0],
                "high": interval.loc[name][1],
            }
    return {"rows": rows, "degrees": fit.df_resid, "spread": fit.mse_resid**0.5, "comparisons": found}


def welch(a, b, confidence=0.95):
    result = stats.ttest_ind(a, b, equal_var=False)
    interval = result.confidence_interval(confidence)
    return {
        "a": list(a),
        "b": list(b),
        "difference": float(np.mean(a) - np.mean(b)),
        "degrees": result.df,
        "p": result.pvalue,
        "low": interval.low,
        "high": interval.high,
    }


def holm(p):
    return {"p": p, "adjusted": list(multipletests(p, method="holm")[1])}


def power():
    solver = TTestIndPower()
    return [
        {"effect": d, "alpha": alpha, "power": 0.8, "seeds": solver.solve_power(d, alpha=alpha, power=0.8)}
        for d in [0.25, 0.5, 1, 1.5, 2, 3]
        for alpha in [0.05, 0.05 / 3]
    ]


def kendall():
    cases = [([1, 2, 3, 4], [1, 2, 4, 3]), ([3, 1, 2, 5, 4], [1, 3, 2, 5, 4]), ([1, 2, 2, 3], [1, 3, 2, 4])]
    return [{"a": a, "b": b, "tau": stats.kendalltau(a, b).statistic} for a, b in cases]


arms = ["base", "raw", "shuffled", "null"]
print(
    json.dumps(
        {
            "tools": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__},
            "distributions": distributions(),
            "blocks": [
                blocks(table(arms, 6)),
                blocks(table(arms[:3], 3)),
                blocks(table(arms, 5, missing={("raw", 1), ("base", 3), ("shuffled", 3)})),
                blocks(table(arms[:2], 4, missing={("raw", 0)})),
            ],
            "welch": [
                welch(random.normal(2, 0.01, 3), random.normal(2.1, 0.08, 3)),
                welch(random.normal(2, 0.05, 6), random.normal(2.1, 0.004, 4)),
            ],
            "holm": [holm([0.001, 0.04, 0.03, 0.2]), holm([0.6, 0.5]), holm([0.02, 0.02, 0.02])],
            "power": power(),
            "kendall": kendall(),
        },
        indent=1,
    )
)
