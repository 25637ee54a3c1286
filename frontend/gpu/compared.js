// Logits against those that they should be. Never knows where either came from.

/** How far a logit may be from the engine's, as a share of the largest: the engine rounds activations to 8 bits and the card does not. */
const TOLERANCE = 0.05;
/** Rows of logits against those that they should be. */
export function compared(rows, expected) {
  let share = 0;
  rows.forEach((row, at) => {
    const want = expected[at];
    const largest = Math.max(1, want.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0));
    let off = row.length === want.length ? 0 : Infinity;
    for (let i = 0; i < want.length; i++) {
      const here = Math.abs(row[i] - want[i]);
      // What is no number is as far off as can be.
      off = Math.max(off, Number.isNaN(here) ? Infinity : here);
    }
    share = Math.max(share, off / largest);
    if (!(share <= TOLERANCE)) {
      throw new Error(`its logits are off by ${percent(share)} of the largest after ${at} known steps, and ${percent(TOLERANCE)} are allowed; the processor goes on`);
    }
    const [best, next] = top(want);
    const [ours] = top(row);
    // Where the engine's own two likeliest are as close as it rounds, either is right.
    if (ours !== best && want[best] - want[next] > TOLERANCE * largest) {
      throw new Error(`its likeliest token after ${at} known steps is ${ours}, the processor's is ${best}; the processor goes on`);
    }
  });
  return { share };
}

/** The places of the two largest. */
function top(row) {
  let best = 0;
  let next = -1;
  for (let i = 1; i < row.length; i++) {
    if (row[i] > row[best]) [best, next] = [i, best];
    else if (next < 0 || row[i] > row[next]) next = i;
  }
  return [best, next];
}

export const percent = (share) => `${(100 * share).toPrecision(2)} %`;
