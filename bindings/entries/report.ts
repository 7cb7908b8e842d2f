/** The static report: `import { renderReport } from 'focal-simd/report'`. */
export { renderReport } from '../report/report.tsx';
export type * from '../report/types.ts';
