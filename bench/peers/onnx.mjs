/** The two losses (γ = 2, mean) as ONNX graphs, with as few passes over the logits as the operators allow. */
import protobuf from 'protobufjs';

/** The part of onnx.proto that the graphs need, with its field numbers. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Attribute { string name = 1; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
  message Node { repeated string input = 1; repeated string output = 2; string op_type = 4; repeated Attribute attribute = 5; }
  message Tensor {
    repeated int64 dims = 1; int32 data_type = 2; repeated float float_data = 4; repeated int64 int64_data = 7;
    string name = 8;
  }
  message Dimension { int64 dim_value = 1; }
  message Shape { repeated Dimension dim = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Type { TensorType tensor_type = 1; }
  message ValueInfo { string name = 1; Type type = 2; }
  message Graph {
    repeated Node node = 1; string name = 2; repeated Tensor initializer = 5;
    repeated ValueInfo input = 11; repeated ValueInfo output = 12;
  }
  message OperatorSet { string domain = 1; int64 version = 2; }
  message Model { int64 ir_version = 1; Graph graph = 7; repeated OperatorSet opset_import = 8; }
`,
  { keepCase: true },
);
const Model = root.lookupType('Model');
const FLOAT = 1;
const INT64 = 7;

/** A graph written line by line: `op('Mul', ['a', 'b'])` gives the name of its result. */
class GraphWriter {
  #nodes = [];
  #constants = new Map();

  op(op_type, input, attributes = {}) {
    const output = `t${this.#nodes.length}`;
    const attribute = Object.entries(attributes).map(([name, value]) =>
      Array.isArray(value) ? { name, ints: value, type: 7 } : { name, i: value, type: 2 },
    );
    this.#nodes.push({ op_type, input, output: [output], attribute });
    return output;
  }

  constant(value) {
    const name = `c${value}`;
    this.#constants.set(name, { name, dims: [], data_type: FLOAT, float_data: [value] });
    return name;
  }

  /** 0 … n − 1 along the axis of the classes. */
  range(n, positions) {
    const dims = positions > 1 ? [1, n, 1] : [1, n];
    this.#constants.set('range', {
      name: 'range',
      dims,
      data_type: INT64,
      int64_data: Array.from({ length: n }, (_, i) => i),
    });
    return 'range';
  }

  axis(value) {
    const name = `axis${value}`;
    this.#constants.set(name, { name, dims: [1], data_type: INT64, int64_data: [value] });
    return name;
  }

  model(inputs, output) {
    const info = (name, elem_type, dims) => ({
      name,
      type: { tensor_type: { elem_type, shape: { dim: dims.map((dim_value) => ({ dim_value })) } } },
    });
    const graph = {
      name: 'focal',
      node: this.#nodes,
      initializer: [...this.#constants.values()],
      input: inputs.map((input) => info(...input)),
      output: [info(output, FLOAT, [])],
    };
    return Model.encode(Model.create({ ir_version: 8, graph, opset_import: [{ domain: '', version: 13 }] })).finish();
  }
}

const inputs = (batch, classes, positions) => {
  const tail = positions > 1 ? [positions] : [];
  return [
    ['logits', FLOAT, [batch, classes, ...tail]],
    ['labels', INT64, [batch, 1, ...tail]],
  ];
};

/**
 * The logarithm of the softmax at the label, then the focal factor a sample. Along the last axis LogSoftmax is the fast
 * operator; along another it transposes twice, and max, exp and sum one by one are quicker.
 */
function softmaxGraph(batch, classes, positions) {
  const g = new GraphWriter();
  let ce;
  if (positions === 1) {
    const all = g.op('LogSoftmax', ['logits'], { axis: 1 });
    ce = g.op('Neg', [g.op('GatherElements', [all, 'labels'], { axis: 1 })]);
  } else {
    const max = g.op('ReduceMax', ['logits'], { axes: [1], keepdims: 1 });
    const e = g.op('Exp', [g.op('Sub', ['logits', max])]);
    const sum = g.op('ReduceSum', [e, g.axis(1)], { keepdims: 1 });
    const own = g.op('GatherElements', ['logits', 'labels'], { axis: 1 });
    ce = g.op('Add', [g.op('Log', [sum]), g.op('Sub', [max, own])]);
  }
  const q = g.op('Sub', [g.constant(1), g.op('Exp', [g.op('Neg', [ce])])]);
  const loss = g.op('Mul', [g.op('Mul', [q, q]), ce]);
  return g.model(inputs(batch, classes, positions), g.op('ReduceMean', [loss], { keepdims: 0 }));
}

/**
 * Softplus is written out: the operator calls log1p element by element, while Exp and Log are vectorized. With many
 * classes every logit is taken as that of a wrong class and the labels' own terms are put right, so that no one-hot
 * tensor is made; with few of them, gathering costs more than comparing does.
 */
function sigmoidGraph(batch, classes, positions, alpha, smoothing) {
  const g = new GraphWriter();
  const term = (z) => {
    const e = g.op('Exp', [g.op('Neg', [g.op('Abs', [z])])]);
    const ce = g.op('Add', [g.op('Relu', [z]), g.op('Log', [g.op('Add', [e, g.constant(1)])])]);
    const q = g.op('Sigmoid', [z]);
    const w = g.op('Add', [g.op('Mul', [q, g.constant(1 - smoothing)]), g.constant(smoothing / 2)]);
    return g.op('Mul', [g.op('Mul', [w, w]), ce]);
  };
  if (classes < 16) {
    const hit = g.op('Equal', ['labels', g.range(classes, positions)]);
    const z = g.op('Where', [hit, g.op('Neg', ['logits']), 'logits']);
    const weight = g.op('Where', [hit, g.constant(alpha), g.constant(1 - alpha)]);
    const mean = g.op('ReduceMean', [g.op('Mul', [term(z), weight])], { keepdims: 0 });
    return g.model(inputs(batch, classes, positions), mean);
  }
  const sum = (x) => g.op('ReduceSum', [x], { keepdims: 0 });
  const own = g.op('GatherElements', ['logits', 'labels'], { axis: 1 });
  const wrong = g.op('Sub', [sum(term('logits')), sum(term(own))]);
  const total = g.op('Add', [
    g.op('Mul', [wrong, g.constant(1 - alpha)]),
    g.op('Mul', [sum(term(g.op('Neg', [own]))), g.constant(alpha)]),
  ]);
  const mean = g.op('Div', [total, g.constant(batch * classes * positions)]);
  return g.model(inputs(batch, classes, positions), mean);
}

export function focalGraph(loss, { batch, classes, positions }) {
  return loss === 'softmax'
    ? softmaxGraph(batch, classes, positions)
    : sigmoidGraph(batch, classes, positions, 0.25, 1e-3);
}
