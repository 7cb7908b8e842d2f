// Seattle's weather, 2012 to 2015: 1,461 days from vega-datasets, each of them rain, sun, fog, drizzle or snow.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const FILE = join(createRequire(import.meta.url).resolve('vega-datasets'), '../../data/seattle-weather.csv');

export const CLASSES = ['rain', 'sun', 'fog', 'drizzle', 'snow'];

export const FEATURES = ['log(1 + precipitation)', 'temp_max', 'temp_min', 'wind', 'cos season', 'sin season'];

function features({ date, precipitation, temp_max, temp_min, wind }) {
  const [year, month, day] = date.split('-').map(Number);
  // the season goes round a circle, so that December lies next to January
  const season = (2 * Math.PI * (Date.UTC(year, month - 1, day) - Date.UTC(year, 0, 1))) / (365.25 * 86_400_000);
  return [Math.log1p(precipitation), +temp_max, +temp_min, +wind, Math.cos(season), Math.sin(season)];
}

const describe = ({ date, precipitation, temp_max, temp_min, wind }) =>
  `${date}: ${precipitation} mm, ${temp_min} to ${temp_max} °C, wind ${wind}`;

const days = (() => {
  const [header, ...lines] = readFileSync(FILE, 'utf8').trim().split(/\r?\n/);
  const names = header.split(',');
  const seen = CLASSES.map(() => 0);
  return lines.map((line) => {
    const day = Object.fromEntries(line.split(',').map((value, i) => [names[i], value]));
    const label = CLASSES.indexOf(day.weather);
    return { label, x: features(day), turn: seen[label]++, text: describe(day) };
  });
})();

/** How many days of each class there are. */
export const counts = CLASSES.map((_, c) => days.filter(({ label }) => label === c).length);

/**
 * The days split by class, for cross-validation: of each class, in the order of the dates, every `folds`-th day beginning
 * with number `fold` is held out. Nothing is drawn by chance. Features are standardised by mean and deviation of the
 * training part.
 *
 * @returns `{ train, test, rates }`: a part is `{ n, x, y, texts }`, features [n, 6], labels [n] and lines for people; rates are the
 *   shares of the classes in the training part
 */
export function split(fold, folds) {
  const train = days.filter(({ turn }) => turn % folds !== fold);
  const test = days.filter(({ turn }) => turn % folds === fold);
  const mean = FEATURES.map((_, j) => train.reduce((sum, { x }) => sum + x[j], 0) / train.length);
  const deviation = FEATURES.map((_, j) =>
    Math.sqrt(train.reduce((sum, { x }) => sum + (x[j] - mean[j]) ** 2, 0) / train.length),
  );
  const part = (some) => ({
    n: some.length,
    x: Float32Array.from(some.flatMap(({ x }) => x.map((value, j) => (value - mean[j]) / deviation[j]))),
    y: Int32Array.from(some, ({ label }) => label),
    texts: some.map(({ text }) => text),
  });
  const rates = CLASSES.map((_, c) => train.filter(({ label }) => label === c).length / train.length);
  return { train: part(train), test: part(test), rates };
}
