// From the graph's numbers to an answer, and the check that this browser computes what the server computed.

// Another processor may add in another order: predictor/ml/inference/predictor.py allows the same.
const GOLDEN_TOLERANCE = 1e-5;

const shortened = (value) => Number(value.toPrecision(7));

/** The answer for canonical values by column: {prediction, probabilities, interval, set, score}. */
function answerOf(model, row) {
  const [found] = runModel(model.graph, featuresOf(model.spec.features.steps, row));
  if (!found.every(Number.isFinite)) return { prediction: null };
  const { uncertainty } = model, { threshold, task } = model.spec;
  if (task === "anomaly") {
    const isUnusual = threshold !== null && found[0] >= threshold;
    return { prediction: isUnusual ? "unusual" : "usual", score: shortened(found[0]) };
  }
  if (!model.signature.classes.length) {
    return { prediction: shortened(found[0]), interval: uncertainty && intervalOf(uncertainty, found[0]) };
  }
  const code = threshold === null ? found.indexOf(Math.max(...found)) : Number(found[1] >= threshold);
  return {
    prediction: model.signature.classes[code],
    code,
    probabilities: found.map(shortened),
    set: uncertainty && model.signature.classes.filter((_, place) => found[place] >= uncertainty.least),
  };
}

/** Conformal, as predictor/ml/calibration/conformal.py: margins by the size of the prediction. */
function intervalOf({ edges, below, above, floor }, value) {
  let place = edges.findIndex((edge) => edge >= value);
  if (place < 0) place = edges.length;
  let low = value + Math.min(below[place], 0);
  if (floor !== null) low = Math.max(low, Math.min(floor, value));
  return { low: shortened(low), high: shortened(value + Math.max(above[place], 0)) };
}

/** How far the golden rows' answers are from the stored ones, relative to their size. NaN when one has none. */
function goldenDifference(model) {
  const { rows, answers } = model.golden;
  const columns = Object.entries(rows).map(([name, { kind, cells }]) => [
    name,
    kind === "moment" ? cells.map((cell) => (cell === null ? null : BigInt(cell))) : cells,
  ]);
  const numbers = answers.flat(), mean = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const variance = numbers.reduce((sum, each) => sum + (each - mean) ** 2, 0) / numbers.length;
  const spread = Math.max(Math.sqrt(variance), 1.1754943508222875e-38);
  let largest = 0;
  answers.forEach((wanted, at) => {
    const row = new Map(columns.map(([name, cells]) => [name, cells[at]]));
    const [found] = runModel(model.graph, featuresOf(model.spec.features.steps, row));
    wanted.forEach((value, place) => {
      const apart = Math.abs(value - found[place]) / Math.max(Math.abs(value), spread);
      largest = apart <= largest ? largest : apart;
    });
  });
  return largest;
}
