/** @param {number[]} values */
export function median(values) {
  return quantile(values, 0.5);
}

/** Half of the values lie between these. @param {number[]} values @returns {[number, number]} */
export function quartiles(values) {
  return [quantile(values, 0.25), quantile(values, 0.75)];
}

/** Linear between the two nearest. @param {number[]} values @param {number} share */
function quantile(values, share) {
  const sorted = values.slice().sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
