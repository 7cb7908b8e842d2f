/** The cells of the benchmark: which shapes, losses, γ and modes there are. */

export const CLASSES = [2, 3, 4, 5, 10, 21, 100, 150, 1000, 32000];
export const POSITIONS = [1, 7, 49, 4096, 65536];
export const GAMMAS = [2, 0.5, 1.7];
const LOSSES = ['softmax', 'sigmoid'];
const MODES = ['forward', 'value+grad'];
const LAYOUTS = ['rows', ...POSITIONS];

/** Logits a cell has unless one image alone has more. */
const LOGITS = 1 << 20;
/** The largest cell; one image of 32000 classes and 4096 positions or more is beyond it. */
export const MOST_LOGITS = 64 << 20;
/** Peers run in the γ = 2 cells up to this size. */
const PEER_LOGITS = 8 << 20;

/**
 * @returns cells `{ id, loss, layout, classes, positions, batch, logits, gamma, mode, peers }`; layout 'rows' is
 *   [N, C], 'planes' is [B, C, D]
 */
export function allCells(logits = LOGITS) {
  const cells = [];
  for (const classes of CLASSES) {
    for (const place of LAYOUTS) {
      const layout = place === 'rows' ? 'rows' : 'planes';
      const positions = place === 'rows' ? 1 : place;
      const batch = Math.max(1, Math.round(logits / (classes * positions)));
      const size = batch * classes * positions;
      if (size > MOST_LOGITS) continue;
      for (const loss of LOSSES) {
        for (const gamma of GAMMAS) {
          for (const mode of MODES) {
            const shape = layout === 'rows' ? 'rows' : `planes D=${positions}`;
            const id = `${loss}/${shape}/C=${classes}/gamma=${gamma}/${mode}`;
            const peers = gamma === 2 && size <= PEER_LOGITS;
            cells.push({ id, loss, layout, classes, positions, batch, logits: size, gamma, mode, peers });
          }
        }
      }
    }
  }
  return cells;
}

/** The few cells of the smoke test: each branch of the harness once. */
export function shortCells() {
  const wanted = /\/(rows|planes D=49)\/C=(2|10|100)\/gamma=(2|0.5)\//;
  return allCells(1 << 12).filter((cell) => wanted.test(cell.id));
}
