// Finds the polynomial coefficients of the kernels: Remez exchange in float64, coefficients rounded to float32.
// `node scripts/minimax.mjs` prints each polynomial with its maximum relative error after that rounding and before
// the arithmetic of the kernel adds its own.

/** Solve the square system a·x = b by Gaussian elimination with partial pivoting. */
function solve(a, b) {
  const n = b.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let r = i + 1; r < n; r++) if (Math.abs(a[r][i]) > Math.abs(a[pivot][i])) pivot = r;
    [a[i], a[pivot]] = [a[pivot], a[i]];
    [b[i], b[pivot]] = [b[pivot], b[i]];
    for (let r = i + 1; r < n; r++) {
      const factor = a[r][i] / a[i][i];
      for (let c = i; c < n; c++) a[r][c] -= factor * a[i][c];
      b[r] -= factor * b[i];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let c = i + 1; c < n; c++) b[i] -= a[i][c] * b[c];
    b[i] /= a[i][i];
  }
  return b;
}

/** Coefficients that minimise max |weight·(Σ c_j x^j − f)| on [lo, hi], j = 0 … degree. */
function remez(f, weight, lo, hi, degree) {
  const n = degree + 1;
  let nodes = Array.from(
    { length: n + 1 },
    (_, i) => (lo + hi) / 2 - ((hi - lo) / 2) * Math.cos((Math.PI * (i + 0.5)) / (n + 1)),
  );
  let coefficients = [];
  for (let round = 0; round < 30; round++) {
    const powers = (x) => Array.from({ length: n }, (_, j) => x ** j);
    const rows = nodes.map((x, i) => [...powers(x), (i % 2 ? 1 : -1) / weight(x)]);
    coefficients = solve(rows, nodes.map(f)).slice(0, n);
    const extrema = [];
    const steps = 20001; // odd: x = 0, where a weight may vanish, is never a node
    for (let i = 0; i <= steps; i++) {
      const x = lo + ((hi - lo) * i) / steps;
      const e = weight(x) * (coefficients.reduce((s, c, j) => s + c * x ** j, 0) - f(x));
      const last = extrema.at(-1);
      if (!last || (e !== 0 && Math.sign(e) !== Math.sign(last.e))) extrema.push({ x, e });
      else if (Math.abs(e) > Math.abs(last.e)) extrema[extrema.length - 1] = { x, e };
    }
    while (extrema.length > n + 1) {
      if (Math.abs(extrema[0].e) < Math.abs(extrema.at(-1).e)) extrema.shift();
      else extrema.pop();
    }
    if (extrema.length < n + 1) break;
    nodes = extrema.map(({ x }) => x);
  }
  return coefficients;
}

/** Fit with the lowest coefficients held at `exact`: what is left is x^k times a polynomial, which Remez can find. */
function polynomial(name, f, weight, lo, hi, degree, exact) {
  const k = exact.length;
  const rest = (x) => (f(x) - exact.reduce((s, c, j) => s + c * x ** j, 0)) / x ** k;
  const found = remez(rest, (x) => weight(x) * Math.abs(x) ** k, lo || 1e-3 * hi, hi, degree - k);
  const fixed = [...exact, ...found.map(Math.fround)];
  let worst = 0;
  for (let i = 0; i <= 100000; i++) {
    const x = lo + ((hi - lo) * i) / 100000;
    worst = Math.max(worst, Math.abs(weight(x) * (fixed.reduce((s, c, j) => s + c * x ** j, 0) - f(x))));
  }
  console.log(`${name}: degree ${degree} on [${lo}, ${hi}], max error ${worst.toExponential(2)}`);
  for (const [j, c] of fixed.entries()) console.log(`  c${j} = ${c}`);
}

const series = (w) => {
  // atanh(√w)/√w, summed until it no longer changes
  let sum = 0;
  for (let k = 200; k >= 0; k--) sum = sum * w + 1 / (2 * k + 1);
  return sum;
};
const mid = ((Math.SQRT2 - 1) / (Math.SQRT2 + 1)) ** 2;
polynomial(
  '2^f',
  (x) => 2 ** x,
  (x) => 2 ** -x,
  -0.5,
  0.5,
  5,
  [1],
);
polynomial('e^f', Math.exp, (x) => Math.exp(-x), -Math.LN2 / 2, Math.LN2 / 2, 5, [1, 1]);
polynomial(
  '2·atanh(u)/u over u², u = t/(2+t)',
  (w) => 2 * series(w),
  (w) => 1 / (2 * series(w)),
  0,
  1 / 9,
  3,
  [2],
);
polynomial(
  '2·atanh(s)/s over s²',
  (w) => 2 * series(w),
  (w) => 1 / (2 * series(w)),
  0,
  mid,
  3,
  [2],
);
