/** The picture: ns per logit by the number of classes, one line a contender, in rows with γ = 2. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { contenders } from './report.mjs';

const COLORS = ['#d62728', '#7f7f7f', '#bcbd22', '#ff7f0e', '#1f77b4', '#17becf', '#9467bd', '#2ca02c', '#8c564b'];
const MODES = { forward: 'forward', 'value+grad': 'value and gradient' };
/** Least factor between two labels on the logarithmic axis. */
const LABEL_GAP = 1.34;

/** Push labels at one end of the lines apart, lowest first. */
function spread(ends) {
  const sorted = ends.sort((a, b) => a.ns - b.ns);
  let least = 0;
  return sorted.map((end) => {
    const at = Math.max(end.ns, least);
    least = at * LABEL_GAP;
    return { ...end, at };
  });
}

export function drawPlot(results) {
  const names = contenders(results);
  const points = results.cells
    .filter((cell) => cell.gamma === 2 && cell.layout === 'rows')
    .flatMap(({ loss, mode, classes, ns }) =>
      Object.entries(ns).map(([name, value]) => ({ loss, mode: MODES[mode], classes, name, ns: value })),
    );
  const labels = ['softmax', 'sigmoid'].flatMap((loss) =>
    Object.values(MODES).flatMap((mode) => {
      const here = points.filter((point) => point.loss === loss && point.mode === mode);
      const most = Math.max(...here.map(({ classes }) => classes));
      return spread(here.filter(({ classes }) => classes === most));
    }),
  );
  const titles = ['softmax', 'sigmoid'].flatMap((loss) =>
    Object.values(MODES).map((mode) => ({ loss, mode, title: `${loss}, ${mode}` })),
  );
  const { document } = parseHTML('<html><body></body></html>');
  const classes = [...new Set(points.map((point) => point.classes))].sort((a, b) => a - b);
  const facet = { fx: 'mode', fy: 'loss' };
  const { cpu } = results.machine;
  const svg = Plot.plot({
    document,
    width: 1100,
    height: 900,
    marginLeft: 55,
    marginRight: 130,
    marginTop: 40,
    marginBottom: 75,
    style: { color: 'black', fontSize: '12px' },
    fx: { axis: null, padding: 0.25, domain: Object.values(MODES) },
    fy: { axis: null, domain: ['softmax', 'sigmoid'] },
    x: {
      type: 'log',
      label: 'classes →',
      ticks: classes.filter((c) => c !== 3 && c !== 150),
      tickFormat: (c) => String(c),
    },
    y: {
      type: 'log',
      label: '↑ ns per logit',
      grid: true,
      tickFormat: (v) => (/^[125]/.test(v.toExponential()) ? String(v) : ''),
    },
    color: { domain: names, range: COLORS.slice(0, names.length) },
    marks: [
      Plot.frame({ stroke: '#ccc' }),
      Plot.text(titles, { ...facet, text: 'title', frameAnchor: 'top-left', dy: -12, fontWeight: 600 }),
      Plot.line(points, {
        ...facet,
        x: 'classes',
        y: 'ns',
        stroke: 'name',
        strokeWidth: (p) => (p.name === names[0] ? 3 : 1.5),
        z: 'name',
      }),
      Plot.dot(points, { ...facet, x: 'classes', y: 'ns', fill: 'name', r: 2.5 }),
      Plot.text(labels, {
        ...facet,
        x: 'classes',
        y: 'at',
        text: 'name',
        fill: 'name',
        textAnchor: 'start',
        dx: 8,
        fontWeight: 600,
      }),
      Plot.text(
        [`rows [N, C], γ = 2, one thread · ${cpu} · Node ${results.versions.node} · ${results.date.slice(0, 10)}`],
        {
          frameAnchor: 'bottom-left',
          fx: () => MODES.forward,
          fy: () => 'sigmoid',
          textAnchor: 'start',
          dy: 62,
        },
      ),
    ],
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  // A background of its own: a style is lost on some viewers, and black text on a dark page is too.
  const paper = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  for (const [key, value] of Object.entries({ width: '100%', height: '100%', fill: 'white' }))
    paper.setAttribute(key, value);
  svg.prepend(paper);
  return `${svg.outerHTML}\n`;
}
