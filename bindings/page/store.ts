/** What the page knows, and the worker behind it. */
import { useEffect, useMemo, useReducer, useRef } from 'preact/hooks';
import type { Chosen } from '../report/crossing.tsx';
import type { Sample } from '../report/sections.tsx';
import { DEFAULTS } from './command.ts';
import { guess } from './guess.ts';
import type { Answer, Choices, Part, Request, Result, Role } from './protocol.ts';

export interface State {
  readonly files: readonly File[];
  readonly parts: readonly Part[];
  readonly roles: Readonly<Record<string, Role>>;
  readonly choices: Choices;
  readonly errors: readonly string[];
  readonly phase: 'empty' | 'looking' | 'ready' | 'running';
  readonly started: number;
  readonly progress: Extract<Answer, { type: 'progress' }> | null;
  readonly result: Result | null;
  /** Milliseconds from the start to the first number on the page. */
  readonly took: number;
  readonly chosen: Chosen | null;
  readonly samples: readonly Sample[] | null;
  readonly texts: ReadonlyMap<number, string> | null;
}

type Event =
  | Exclude<Answer, { type: 'read' }>
  | { readonly type: 'add'; readonly files: readonly File[] }
  | { readonly type: 'start' }
  | { readonly type: 'clear' }
  | { readonly type: 'role'; readonly id: string; readonly role: Role }
  | { readonly type: 'choose'; readonly choices: Partial<Choices> }
  | ({ readonly type: 'look' } & Chosen);

const EMPTY: State = {
  files: [],
  parts: [],
  roles: {},
  choices: DEFAULTS,
  errors: [],
  phase: 'empty',
  started: 0,
  progress: null,
  result: null,
  took: 0,
  chosen: null,
  samples: null,
  texts: null,
};

/** Roles that one part alone can have. */
const SINGLE: readonly Role[] = ['logits', 'baseline', 'targets', 'names', 'texts', 'groups'];

function withRole(roles: State['roles'], id: string, role: Role): State['roles'] {
  const others = Object.entries(roles).map(([other, its]): [string, Role] => [
    other,
    its === role && SINGLE.includes(role) ? 'unused' : its,
  ]);
  return { ...Object.fromEntries(others), [id]: role };
}

/** Curves are counted for the sigmoid loss unless told, as the command does. */
const withCurves = (choices: Choices, { loss }: Partial<Choices>): Choices =>
  loss === undefined ? choices : { ...choices, curves: loss === 'sigmoid' };

function step(state: State, event: Event): State {
  switch (event.type) {
    case 'clear':
      return EMPTY;
    case 'add':
      return { ...state, files: [...state.files, ...event.files], phase: 'looking', errors: [] };
    case 'parts': {
      const guessed = guess(event.parts);
      const loss = guessed.choices.loss ?? state.choices.loss;
      const choices = { ...state.choices, curves: loss === 'sigmoid', ...guessed.choices };
      return { ...state, parts: event.parts, roles: guessed.roles, choices, errors: event.errors, phase: 'ready' };
    }
    case 'role':
      return { ...state, roles: withRole(state.roles, event.id, event.role) };
    case 'choose':
      return { ...state, choices: withCurves({ ...state.choices, ...event.choices }, event.choices) };
    case 'start':
      return {
        ...state,
        phase: 'running',
        started: performance.now(),
        progress: null,
        errors: [],
        chosen: null,
        samples: null,
      };
    case 'progress':
      return { ...state, progress: event };
    case 'result': {
      const took = performance.now() - state.started;
      return { ...state, phase: 'ready', progress: null, result: event.result, took, texts: event.result.texts };
    }
    case 'error':
      return { ...state, phase: 'ready', progress: null, errors: [event.message] };
    case 'cancelled':
      return { ...state, phase: 'ready', progress: null };
    case 'look':
      return { ...state, chosen: { target: event.target, prediction: event.prediction }, samples: null };
    case 'samples':
      return {
        ...state,
        samples: event.samples,
        texts: event.texts ? new Map([...(state.texts ?? []), ...event.texts]) : state.texts,
      };
  }
}

/** The page's script, run once more in a thread of its own: the kernels come along but once. */
function startWorker(): Worker {
  const script = document.querySelector('script')!.textContent!;
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  return new Worker(url);
}

export interface Actions {
  readonly add: (files: readonly File[]) => void;
  readonly clear: () => void;
  /** With other choices, where some are given. */
  readonly evaluate: (choices?: Partial<Choices>) => void;
  readonly cancel: () => void;
  readonly role: (id: string, role: Role) => void;
  readonly choose: (choices: Partial<Choices>) => void;
  readonly look: (cell: Chosen) => void;
}

/** Whether there is enough to evaluate. */
export const isComplete = ({ parts, roles, choices }: State): boolean => {
  const has = (role: Role) => parts.some(({ id }) => roles[id] === role);
  const table = parts.some(({ id, kind }) => kind === 'table' && roles[id] === 'logits');
  if (table) return choices.target !== '' || choices.baseline !== '' || has('baseline');
  // two models alone are held against each other
  return (has('logits') && (has('targets') || has('baseline'))) || (!has('logits') && has('state'));
};

export function useStore(): [State, Actions] {
  const [state, dispatch] = useReducer(step, EMPTY);
  const worker = useMemo(startWorker, []);
  const sent = useRef<readonly File[]>([]);
  const send = (request: Request) => {
    if ('files' in request) sent.current = request.files;
    worker.postMessage(request);
  };
  useEffect(() => {
    worker.onmessage = async ({ data }: MessageEvent<Answer>) => {
      if (data.type !== 'read') return dispatch(data);
      const { id, file, offset, length } = data;
      const bytes = await sent.current[file]!.slice(offset, offset + length)
        .arrayBuffer()
        .catch(() => null);
      worker.postMessage({ type: 'bytes', id, bytes } satisfies Request, bytes ? [bytes] : []);
    };
    worker.onerror = ({ message }) => dispatch({ type: 'error', message });
  }, [worker]);

  const evaluate = ({ files, parts, roles, choices }: State) => {
    dispatch({ type: 'start' });
    send({ type: 'evaluate', files, parts, roles, choices });
  };
  // what was guessed wholly is evaluated at once
  useEffect(() => {
    if (state.phase === 'ready' && state.parts.length > 0 && state.errors.length === 0 && isComplete(state))
      evaluate(state);
  }, [state.parts]);

  const actions: Actions = {
    add(files) {
      dispatch({ type: 'add', files });
      send({ type: 'inspect', files: [...state.files, ...files] });
    },
    clear() {
      send({ type: 'cancel' });
      dispatch({ type: 'clear' });
    },
    evaluate(given = {}) {
      const choices = { ...state.choices, ...given };
      dispatch({ type: 'choose', choices: given });
      evaluate({ ...state, choices });
    },
    cancel: () => send({ type: 'cancel' }),
    role: (id, role) => dispatch({ type: 'role', id, role }),
    choose: (choices) => dispatch({ type: 'choose', choices }),
    look(cell) {
      dispatch({ type: 'look', ...cell });
      send({ type: 'cell', ...cell });
    },
  };
  return [state, actions];
}
