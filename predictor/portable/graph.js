// ONNX runtime for the graphs that mlweb writes: parses the protobuf file and computes its nodes in float64.
//
// Every operator that predictor/ml/onnx_export/ emits is here, and nothing else; a graph with another one is refused.
// A tensor is {dims, data}; data is a Float64Array, whatever the declared type: what ONNX holds in float32 is
// rounded to float32 where it arises (TreeEnsemble sums, the input).

const TEXT = new TextDecoder();

/** The fields of a protobuf message: [number, value] with varints and floats as numbers, the rest as bytes. */
function* fieldsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = () => {
    let value = 0, scale = 1;
    for (let byte = 128; byte & 128; scale *= 128) {
      if (at >= bytes.length) throw new Error("The model file ends too early.");
      byte = bytes[at++];
      value += (byte & 127) * scale;
    }
    return value >= 2 ** 63 ? value - 2 ** 64 : value;
  };
  while (at < bytes.length) {
    const tag = varint(), kind = tag & 7, number = Math.floor(tag / 8);
    if (kind === 0) yield [number, varint()];
    else if (kind === 5) { yield [number, view.getFloat32(at, true)]; at += 4; }
    else if (kind === 1) { yield [number, view.getFloat64(at, true)]; at += 8; }
    else if (kind === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new Error("The model file ends too early.");
      yield [number, bytes.subarray(at, at + length)];
      at += length;
    } else throw new Error("The model file is not ONNX.");
  }
}

function packedInts(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length;) {
    let value = 0, scale = 1, byte = 128;
    for (; byte & 128; scale *= 128) { byte = bytes[at++]; value += (byte & 127) * scale; }
    found.push(value >= 2 ** 63 ? value - 2 ** 64 : value);
  }
  return found;
}

function tensorOf(bytes) {
  const dims = [];
  let type = 0, raw = new Uint8Array(0), name = "";
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 1) dims.push(...(typeof value === "number" ? [value] : packedInts(value)));
    else if (number === 2) type = value;
    else if (number === 8) name = TEXT.decode(value);
    else if (number === 9) raw = value;
  }
  const copy = raw.slice().buffer;
  const readers = {
    1: () => Float64Array.from(new Float32Array(copy)),
    2: () => Float64Array.from(new Uint8Array(copy)),
    7: () => Float64Array.from(new BigInt64Array(copy), Number),
    11: () => new Float64Array(copy),
  };
  if (!readers[type]) throw new Error(`The model holds a tensor of type ${type}, which is not known here.`);
  const data = readers[type]();
  if (data.length !== sizeOf(dims)) throw new Error("A tensor of the model is not as long as its shape says.");
  return { name, dims, data };
}

function attributeOf(bytes) {
  let name = "", value;
  const ints = [], floats = [];
  for (const [number, found] of fieldsOf(bytes)) {
    if (number === 1) name = TEXT.decode(found);
    else if (number === 2 || number === 3) value = found;
    else if (number === 4) value = TEXT.decode(found);
    else if (number === 5) value = tensorOf(found);
    else if (number === 7) floats.push(found);
    else if (number === 8 && typeof found === "number") ints.push(found);
    else if (number === 8) for (const each of packedInts(found)) ints.push(each); // too many to spread
  }
  return [name, ints.length ? ints : floats.length ? floats : value];
}

function nodeOf(bytes) {
  const node = { inputs: [], outputs: [], kind: "", attributes: {} };
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 1) node.inputs.push(TEXT.decode(value));
    else if (number === 2) node.outputs.push(TEXT.decode(value));
    else if (number === 4) node.kind = TEXT.decode(value);
    else if (number === 5) { const [name, held] = attributeOf(value); node.attributes[name] = held; }
  }
  return node;
}

/** The graph of an ONNX file: nodes, constants, and the name of its output. */
function readModel(bytes) {
  const graph = { nodes: [], constants: new Map(), output: "" };
  for (const [number, value] of fieldsOf(bytes)) {
    if (number !== 7) continue;
    for (const [part, inner] of fieldsOf(value)) {
      if (part === 1) graph.nodes.push(nodeOf(inner));
      else if (part === 5) { const tensor = tensorOf(inner); graph.constants.set(tensor.name, tensor); }
      else if (part === 12) for (const [field, text] of fieldsOf(inner)) if (field === 1) graph.output = TEXT.decode(text);
    }
  }
  for (const node of graph.nodes) {
    if (!Object.hasOwn(OPERATORS, node.kind)) throw new Error(`The operator ${node.kind} is not known here.`);
    if (node.kind === "TreeEnsemble") node.attributes = forestOf(node.attributes);
  }
  return graph;
}

/** Output of the graph for a matrix {dims: [n, k], data} of float32 numbers: an array of n rows. */
function runModel(graph, matrix) {
  const values = new Map(graph.constants);
  values.set("X", matrix);
  for (const node of graph.nodes) {
    const found = OPERATORS[node.kind](node.inputs.map((name) => values.get(name)), node.attributes);
    (Array.isArray(found) ? found : [found]).forEach((each, place) => values.set(node.outputs[place], each));
  }
  const { dims, data } = values.get(graph.output);
  const width = dims.length > 1 ? dims[1] : 1;
  return Array.from({ length: dims[0] }, (_, row) => Array.from(data.subarray(row * width, (row + 1) * width)));
}

const sizeOf = (dims) => dims.reduce((size, each) => size * each, 1);
const axisOf = (axis, dims) => (axis < 0 ? axis + dims.length : axis);
const each = (function_) => ([x]) => ({ dims: x.dims, data: x.data.map(function_) });
const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

/** Element-wise operator with NumPy's broadcasting. */
function pairwise(function_) {
  const two = (a, b) => {
    const rank = Math.max(a.dims.length, b.dims.length);
    const full = (dims) => [...Array(rank - dims.length).fill(1), ...dims];
    const [one, other] = [full(a.dims), full(b.dims)];
    const dims = one.map((size, place) => (size === 1 ? other[place] : size));
    const steps = (own) => {
      let step = 1;
      return own.map((_, place) => place).reverse().map((place) => {
        const found = own[place] === 1 ? 0 : step;
        step *= own[place];
        return found;
      }).reverse();
    };
    const [left, right, data] = [steps(one), steps(other), new Float64Array(sizeOf(dims))];
    for (let at = 0; at < data.length; at++) {
      let rest = at, i = 0, j = 0;
      for (let place = rank - 1; place >= 0; place--) {
        const index = rest % dims[place];
        rest = (rest - index) / dims[place];
        i += index * left[place];
        j += index * right[place];
      }
      data[at] = function_(a.data[i], b.data[j]);
    }
    return { dims, data };
  };
  return (inputs) => inputs.reduce(two);
}

/** Apply `function_` along one axis: softmax, or a reduction. */
function along([x], axis, function_, keeps = true) {
  const place = axisOf(axis, x.dims), n = x.dims[place];
  const inner = sizeOf(x.dims.slice(place + 1)), outer = sizeOf(x.dims.slice(0, place));
  const lines = new Array(outer * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const line = new Float64Array(n);
      for (let k = 0; k < n; k++) line[k] = x.data[(o * n + k) * inner + i];
      lines[o * inner + i] = function_(line);
    }
  }
  const width = keeps ? lines[0]?.length ?? 1 : 1;
  const dims = [...x.dims.slice(0, place), ...(keeps ? [width] : []), ...x.dims.slice(place + 1)];
  const data = new Float64Array(outer * inner * width);
  lines.forEach((line, at) => {
    const o = Math.floor(at / inner), i = at % inner;
    for (let k = 0; k < width; k++) data[(o * width + k) * inner + i] = line[k];
  });
  return { dims, data };
}

const total = (line) => line.reduce((sum, value) => sum + value, 0);

function softmax(line) {
  const largest = line.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = line.map((value) => Math.exp(value - largest)), sum = total(powers);
  return powers.map((value) => value / sum);
}

function gather([x, places], { axis = 0 }) {
  const place = axisOf(axis, x.dims);
  const inner = sizeOf(x.dims.slice(place + 1)), outer = sizeOf(x.dims.slice(0, place)), n = x.dims[place];
  const data = new Float64Array(outer * places.data.length * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of places.data) {
      const from = (o * n + (index < 0 ? index + n : index)) * inner;
      data.set(x.data.subarray(from, from + inner), at);
      at += inner;
    }
  }
  return { dims: [...x.dims.slice(0, place), ...places.dims, ...x.dims.slice(place + 1)], data };
}

function product([a, b]) {
  const [n, k] = a.dims, m = b.dims[1], data = new Float64Array(n * m);
  for (let row = 0; row < n; row++) {
    for (let inner = 0; inner < k; inner++) {
      const factor = a.data[row * k + inner];
      if (factor !== 0) for (let column = 0; column < m; column++) data[row * m + column] += factor * b.data[inner * m + column];
    }
  }
  return { dims: [n, m], data };
}

function concat(tensors, { axis }) {
  const place = axisOf(axis, tensors[0].dims);
  const width = tensors.reduce((sum, tensor) => sum + tensor.dims[place], 0);
  const dims = tensors[0].dims.map((size, index) => (index === place ? width : size));
  const outer = sizeOf(dims.slice(0, place)), data = new Float64Array(sizeOf(dims));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const tensor of tensors) {
      const block = tensor.data.length / outer;
      data.set(tensor.data.subarray(o * block, (o + 1) * block), at);
      at += block;
    }
  }
  return { dims, data };
}

/** ONNX TopK: the k largest (or smallest) along the last axis, ties in order. Outputs: values and indexes. */
function topK([x, k], { largest = 1 }) {
  const width = x.dims.at(-1), n = k.data[0], lines = x.data.length / width;
  const values = new Float64Array(lines * n), places = new Float64Array(lines * n);
  for (let line = 0; line < lines; line++) {
    const own = x.data.subarray(line * width, (line + 1) * width);
    const order = Array.from(own.keys()).sort((a, b) => (largest ? own[b] - own[a] : own[a] - own[b]) || a - b);
    for (let place = 0; place < n; place++) {
      values[line * n + place] = own[order[place]];
      places[line * n + place] = order[place];
    }
  }
  const dims = [...x.dims.slice(0, -1), n];
  return [{ dims, data: values }, { dims, data: places }];
}

function gatherElements([x, places]) {
  const width = x.dims.at(-1), n = places.dims.at(-1);
  return { dims: places.dims, data: places.data.map((place, at) => x.data[Math.floor(at / n) * width + place]) };
}

function reshape([x, wanted]) {
  const known = wanted.data.reduce((size, value) => (value > 0 ? size * value : size), 1);
  return { dims: Array.from(wanted.data, (value) => (value === -1 ? x.data.length / known : value)), data: x.data };
}

function unsqueeze([x, axes]) {
  const dims = [...x.dims];
  for (const axis of axes.data) dims.splice(axis, 0, 1);
  return { dims, data: x.data };
}

/** ai.onnx.ml TreeEnsemble 5 as mlweb emits it: branches BRANCH_LEQ (0) and BRANCH_MEMBER (6), summed leaves. */
function forestOf(found) {
  const modes = found.nodes_modes.data, sets = [];
  let own = new Set();
  for (const value of found.membership_values?.data ?? []) {
    if (Number.isNaN(value)) { sets.push(own); own = new Set(); } else own.add(value);
  }
  const isMember = (mode) => mode === 6;
  if (modes.some((mode) => mode !== 0 && !isMember(mode))) throw new Error("A tree splits in a way not known here.");
  let next = 0;
  return {
    n: found.n_targets, roots: found.tree_roots, features: found.nodes_featureids, splits: found.nodes_splits.data,
    yes: found.nodes_truenodeids, no: found.nodes_falsenodeids, yesEnds: found.nodes_trueleafs,
    noEnds: found.nodes_falseleafs, gapsGoYes: found.nodes_missing_value_tracks_true,
    targets: found.leaf_targetids, weights: found.leaf_weights.data,
    sets: Array.from(modes, (mode) => (isMember(mode) ? sets[next++] : null)),
  };
}

function treeEnsemble([x], forest) {
  const [n, k] = x.dims, data = new Float64Array(n * forest.n);
  for (let row = 0; row < n; row++) {
    for (const root of forest.roots) {
      let node = root, isLeaf = 0;
      while (!isLeaf) {
        const value = x.data[row * k + forest.features[node]], set = forest.sets[node];
        const goesYes = Number.isNaN(value) ? forest.gapsGoYes[node] : set ? set.has(value) : value <= forest.splits[node];
        isLeaf = goesYes ? forest.yesEnds[node] : forest.noEnds[node];
        node = goesYes ? forest.yes[node] : forest.no[node];
      }
      const at = row * forest.n + forest.targets[node];
      data[at] = Math.fround(data[at] + forest.weights[node]);
    }
  }
  return { dims: [n, forest.n], data };
}

const OPERATORS = {
  Add: pairwise((a, b) => a + b), Sub: pairwise((a, b) => a - b), Mul: pairwise((a, b) => a * b),
  Div: pairwise((a, b) => a / b), Max: pairwise(Math.max), Min: pairwise(Math.min), Sum: pairwise((a, b) => a + b),
  Neg: each((x) => -x), Exp: each((x) => Math.exp(x)), Log: each((x) => Math.log(x)), Sqrt: each((x) => Math.sqrt(x)), Floor: each((x) => Math.floor(x)),
  Tanh: each((x) => Math.tanh(x)), Relu: each((x) => (x > 0 || Number.isNaN(x) ? x : 0)), Sigmoid: each(sigmoid),
  Clip: ([x, low, high]) => ({ dims: x.dims, data: x.data.map((v) => Math.min(Math.max(v, low.data[0]), high.data[0])) }),
  Cast: ([x], { to }) => (to === 7 ? { dims: x.dims, data: x.data.map(Math.trunc) } : to === 1 ? { dims: x.dims, data: x.data.map(Math.fround) } : x),
  Identity: ([x]) => x, MatMul: product, Concat: concat, Gather: gather, GatherElements: gatherElements,
  Reshape: reshape, Unsqueeze: unsqueeze, TopK: topK, TreeEnsemble: treeEnsemble,
  Softmax: (inputs, { axis = -1 }) => along(inputs, axis, softmax),
  ReduceSum: (inputs, { keepdims = 1 }) => along(inputs, inputs[1].data[0], (line) => [total(line)], !!keepdims),
  ReduceMean: (inputs, { keepdims = 1 }) => along(inputs, inputs[1].data[0], (line) => [total(line) / line.length], !!keepdims),
};
