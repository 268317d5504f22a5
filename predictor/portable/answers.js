// Post-processing of the graph's output, and the golden-row check: this browser must compute what the server did.

// Another processor may add in another order: predictor/ml/inference/predictor.py allows the same.
const GOLDEN_TOLERANCE = 1e-5;

const shortened = (value) => Number(value.toPrecision(7));

/** Prediction for a row of canonical values by column: {prediction, probabilities, interval, set, score}. */
function answerOf(model, row) {
  const [found] = runModel(model.graph, featuresOf(model.spec.features.steps, row));
  if (!found.every(Number.isFinite)) return { prediction: null };
  const { uncertainty } = model, { threshold, positive = 1, task } = model.spec;
  if (task === "anomaly") {
    const isUnusual = threshold !== null && found[0] >= threshold;
    return { prediction: isUnusual ? "unusual" : "usual", score: shortened(found[0]) };
  }
  if (!model.signature.classes.length) {
    return { prediction: shortened(found[0]), interval: uncertainty && intervalOf(uncertainty, found[0]) };
  }
  const decided = found[positive] >= threshold ? positive : 1 - positive;
  const code = threshold === null ? found.indexOf(Math.max(...found)) : decided;
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

/** Largest relative difference between predictions of the golden rows and the stored ones. NaN if one is not finite. */
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
