/** @param {number[]} values */
export function median(values) {
  return quantile(values, 0.5);
}

/** Half of the values lie between these. @param {number[]} values @returns {[number, number]} */
export function quartiles(values) {
  return [quantile(values, 0.25), quantile(values, 0.75)];
}

/**
 * Where the median of ever more such values would lie, with a certainty of 95 %: between two of these values, however they
 * are distributed (the binomial distribution of how many lie below it). With five of them it is 94 %, as no two are further
 * apart than the least and the greatest.
 *
 * @param {number[]} values @returns {[number, number]}
 */
export function medianInterval(values) {
  const sorted = values.slice().sort((a, b) => a - b);
  const { length } = sorted;
  /** How likely it is that `below` of them lie below the median. */
  let likelihood = 0.5 ** length;
  let sum = likelihood;
  let below = 0;
  while (sum <= 0.025) {
    below++;
    likelihood *= (length - below + 1) / below;
    sum += likelihood;
  }
  const place = Math.max(below - 1, 0);
  return [sorted[place] ?? Number.NaN, sorted[length - 1 - place] ?? Number.NaN];
}

/** Linear between the two nearest. @param {number[]} values @param {number} share */
function quantile(values, share) {
  const sorted = values.slice().sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
