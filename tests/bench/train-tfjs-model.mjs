// The decoder of the benchmark `train` in TensorFlow.js, tuned for its WASM backend: products take no transposed
// operand (that path does not reach XNNPACK and is ten times slower), and layers have gradients of their own.
// `train-tfjs.mjs` bundles this file, because Node cannot load TensorFlow.js's ES modules as they are.
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';

const HEADS = 4;
const [BETA1, BETA2, EPSILON, DECAY, CLIP] = [0.9, 0.95, 1e-8, 0.1, 1];
const GELU_LINEAR = 2 * Math.sqrt(2 / Math.PI);
const GELU_CUBIC = GELU_LINEAR * 0.044715;

const flipped = (x) => tf.transpose(x, x.rank === 2 ? [1, 0] : [0, 1, 3, 2]);

const linear = tf.customGrad((x, weight, bias, save) => {
  save([x, weight]);
  return {
    value: tf.fused.matMul({ a: x, b: weight, bias }),
    gradFunc: (dy, [x_, weight_]) => [
      tf.matMul(dy, flipped(weight_)),
      tf.matMul(flipped(x_), dy),
      tf.sum(dy, 0),
    ],
  };
});

const product = tf.customGrad((a, b, save) => {
  save([a, b]);
  return {
    value: tf.matMul(a, b),
    gradFunc: (dy, [a_, b_]) => [tf.matMul(dy, flipped(b_)), tf.matMul(flipped(a_), dy)],
  };
});

const layerNorm = tf.customGrad((x, gain, offset, save) => {
  const centred = tf.sub(x, tf.mean(x, 1, true));
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-5));
  const normalized = tf.mul(centred, inverse);
  save([normalized, inverse, gain]);
  return {
    value: tf.add(tf.mul(normalized, gain), offset),
    gradFunc: (dy, [n, inverse_, gain_]) => {
      const weighted = tf.mul(dy, n);
      const dn = tf.mul(dy, gain_);
      const shifted = tf.sub(tf.sub(dn, tf.mean(dn, 1, true)), tf.mul(n, tf.mean(tf.mul(dn, n), 1, true)));
      return [tf.mul(shifted, inverse_), tf.sum(weighted, 0), tf.sum(dy, 0)];
    },
  };
});

const gelu = tf.customGrad((x, save) => {
  const square = tf.mul(x, x);
  const s = tf.sigmoid(tf.mul(x, tf.add(tf.mul(square, GELU_CUBIC), GELU_LINEAR)));
  const y = tf.mul(x, s);
  save([square, s, y]);
  return {
    value: y,
    gradFunc: (dy, [square_, s_, y_]) => {
      const inner = tf.add(tf.mul(square_, 3 * GELU_CUBIC), GELU_LINEAR);
      return tf.mul(dy, tf.add(s_, tf.mul(tf.sub(y_, tf.mul(y_, s_)), inner)));
    },
  };
});

const softmax = tf.customGrad((x, save) => {
  const y = tf.softmax(x);
  save([y]);
  return {
    value: y,
    gradFunc: (dy, [y_]) => tf.mul(y_, tf.sub(dy, tf.sum(tf.mul(dy, y_), -1, true))),
  };
});

/** The gradient of a look-up is added up in JavaScript: WASM has no kernel for it. */
const embedding = (ids) =>
  tf.customGrad((table) => ({
    value: tf.gather(table, ids),
    gradFunc: (dy) => {
      const [rows, width] = table.shape;
      const sums = new Float32Array(rows * width);
      const values = dy.dataSync();
      ids.dataSync().forEach((id, i) => {
        for (let k = 0; k < width; k++) sums[id * width + k] += values[i * width + k];
      });
      return tf.tensor2d(sums, [rows, width]);
    },
  }));

/** Mean cross-entropy of hidden rows against a tied matrix. */
const crossEntropy = (targets) =>
  tf.customGrad((x, table, save) => {
    const probabilities = tf.softmax(tf.matMul(x, flipped(table)));
    const [rows, vocabulary] = probabilities.shape;
    const chosen = tf.oneHot(targets, vocabulary);
    save([x, table, probabilities, chosen]);
    return {
      value: tf.div(tf.sum(tf.log(tf.sum(tf.mul(probabilities, chosen), 1))), -rows),
      gradFunc: (dy, [x_, table_, probabilities_, chosen_]) => {
        const dLogits = tf.mul(tf.sub(probabilities_, chosen_), tf.div(dy, rows));
        return [tf.matMul(dLogits, table_), tf.matMul(flipped(dLogits), x_)];
      },
    };
  });

function loss(parameters, layers, { tokens, targets, length, mask }) {
  const of = (name) => parameters[name];
  const width = of('norm.gain').shape[0];
  const rows = tokens.shape[0] / length;
  const norm = (name, x) => layerNorm(x, of(`${name}.gain`), of(`${name}.offset`));
  const dense = (name, x) => linear(x, of(`${name}.weight`), of(`${name}.bias`));
  const places = tf.tile(of('embedding.position'), [rows, 1]);
  let x = tf.add(embedding(tokens)(of('embedding.token')), places);
  for (let layer = 0; layer < layers; layer++) {
    const [a, f] = [`layers.${layer}.attention`, `layers.${layer}.feedForward`];
    const normed = norm(`${a}.norm`, x);
    const heads = (part, permutation) =>
      tf.transpose(
        tf.reshape(dense(`${a}.${part}`, normed), [rows, length, HEADS, width / HEADS]),
        permutation,
      );
    const q = tf.mul(heads('query', [0, 2, 1, 3]), 1 / Math.sqrt(width / HEADS));
    const scores = tf.add(product(q, heads('key', [0, 2, 3, 1])), mask);
    const mixed = product(softmax(scores), heads('value', [0, 2, 1, 3]));
    const merged = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [rows * length, width]);
    x = tf.add(x, dense(`${a}.output`, merged));
    x = tf.add(x, dense(`${f}.down`, gelu(dense(`${f}.up`, norm(`${f}.norm`, x)))));
  }
  return crossEntropy(targets)(norm('norm', x), of('embedding.token'));
}

/** `weights`: name to { shape, data }; `step(tokens, targets)` gives the loss. */
export async function openModel({ weights, length, learningRate, wasmFolder }) {
  setWasmPaths(wasmFolder);
  await tf.setBackend('wasm');
  await tf.ready();
  const state = {};
  for (const [name, { shape, data }] of Object.entries(weights)) {
    state[name] = {
      value: tf.tensor(data, shape),
      first: tf.zeros(shape),
      second: tf.zeros(shape),
      decayed: shape.length >= 2,
    };
  }
  const layers =
    1 + Math.max(...Object.keys(weights).map((name) => Number(/^layers\.(\d+)/.exec(name)?.[1] ?? -1)));
  const mask = tf.tensor(
    Float32Array.from({ length: length * length }, (_, i) =>
      i % length > Math.floor(i / length) ? -1e9 : 0,
    ),
    [length, length],
  );
  let update = 0;
  return {
    backend: tf.getBackend(),
    step(tokens, targets) {
      update += 1;
      const names = Object.keys(state);
      const batch = {
        tokens: tf.tensor1d(tokens, 'int32'),
        targets: tf.tensor1d(targets, 'int32'),
        length,
        mask,
      };
      const value = tf.tidy(() => {
        const values = names.map((name) => state[name].value);
        const run = (...given) =>
          loss(Object.fromEntries(names.map((name, i) => [name, given[i]])), layers, batch);
        const { value: total, grads } = tf.valueAndGrads(run)(values);
        const squares = grads.map((gradient) => tf.sum(tf.square(gradient)).dataSync()[0]);
        const clip = Math.min(1, CLIP / (Math.sqrt(squares.reduce((a, b) => a + b)) + 1e-6));
        names.forEach((name, i) => {
          adamw(state[name], tf.mul(grads[i], clip), update, learningRate);
        });
        return total.dataSync()[0];
      });
      batch.tokens.dispose();
      batch.targets.dispose();
      return value;
    },
  };
}

function adamw(entry, gradient, update, learningRate) {
  const first = (1 - BETA1) / (1 - BETA1 ** update);
  const second = Math.sqrt((1 - BETA2) / (1 - BETA2 ** update));
  const next = {
    first: tf.add(tf.mul(entry.first, BETA1), gradient),
    second: tf.add(tf.mul(entry.second, BETA2), tf.square(gradient)),
  };
  const step = tf.div(
    tf.mul(next.first, (learningRate * first) / second),
    tf.add(tf.sqrt(next.second), EPSILON / second),
  );
  const kept = entry.decayed ? tf.mul(entry.value, 1 - learningRate * DECAY) : entry.value;
  next.value = tf.sub(kept, step);
  for (const [name, tensor] of Object.entries(next)) {
    entry[name].dispose();
    entry[name] = tf.keep(tensor);
  }
}
