/** The files that were dropped, and what each of their arrays is. */
import { useEffect, useRef } from 'preact/hooks';
import { plain } from '../report/format.ts';
import { type Translate, useText } from '../report/language.ts';
import type { Part, Role } from './protocol.ts';
import { sampleFiles } from './sample.ts';
import type { Actions, State } from './store.ts';

export function Files({ state, actions }: { state: State; actions: Actions }) {
  const t = useText();
  const input = useRef<HTMLInputElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const some = state.parts.length > 0;
  // who presses a button that goes away is not to start from the top of the page
  const before = useRef(some);
  useEffect(() => {
    if (before.current !== some && document.activeElement === document.body) button.current?.focus();
    before.current = some;
  }, [some]);
  return (
    <section class={`card files ${some ? '' : 'empty'}`} aria-label={t('Files')}>
      <div class="pick">
        {!some && <p class="big">{t('Drop logits and targets here')}</p>}
        <input
          ref={input}
          id="files"
          class="hidden"
          type="file"
          multiple
          tabIndex={-1}
          aria-label={t('Choose files')}
          onChange={({ currentTarget }) => {
            actions.add([...(currentTarget.files ?? [])]);
            currentTarget.value = '';
          }}
        />
        <button ref={button} type="button" class={some ? '' : 'main'} onClick={() => input.current!.click()}>
          {some ? t('Add files') : t('Choose files')}
        </button>
        {!some && (
          <button type="button" id="sample" onClick={() => actions.add(sampleFiles())}>
            {t('Try it with Seattle’s weather')}
          </button>
        )}
        {some && (
          <button type="button" class="quiet" onClick={actions.clear}>
            {t('Start again')}
          </button>
        )}
      </div>
      {!some && (
        <p class="note">
          {t(
            '.npy, .npz, .safetensors, .csv, .tsv, .jsonl, .parquet; names and texts as .txt, one a line; states as .json, which are merged. Two files of logits, or two tables, are compared. Files may be larger than memory.',
          )}
        </p>
      )}
      {some && <Parts state={state} actions={actions} />}
    </section>
  );
}

const ROLES: Record<Part['kind'], readonly Role[]> = {
  floats: ['logits', 'baseline', 'targets', 'unused'],
  integers: ['targets', 'groups', 'unused'],
  lines: ['names', 'texts', 'groups', 'unused'],
  table: ['logits', 'baseline', 'unused'],
  state: ['state', 'unused'],
};

const shapeOf = ({ kind, dtype, shape, columns }: Part, t: Translate): string => {
  if (kind === 'table') return t('{n} columns', { n: columns?.length ?? 0 });
  if (kind === 'lines') return t('{n} lines', { n: plain(shape[0]!) });
  return kind === 'state' ? '' : `${dtype} [${shape.map(plain).join(' × ')}]`;
};

function Parts({ state, actions }: { state: State; actions: Actions }) {
  const t = useText();
  return (
    <table class="parts">
      <caption class="hidden">{t('Files')}</caption>
      <tbody>
        {state.parts.map((part) => (
          <tr key={part.id}>
            <th scope="row">
              <bdi>{part.name}</bdi>
            </th>
            <td class="shape">{shapeOf(part, t)}</td>
            <td>
              <select
                aria-label={t('What {name} is', { name: part.name })}
                value={state.roles[part.id]!}
                onChange={({ currentTarget }) => actions.role(part.id, currentTarget.value as Role)}
              >
                {ROLES[part.kind].map((role) => (
                  <option key={role} value={role}>
                    {t(NAMES[role])}
                  </option>
                ))}
              </select>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const NAMES: Record<Role, string> = {
  logits: 'logits',
  baseline: 'logits of another model',
  targets: 'targets',
  names: 'names of the classes',
  texts: 'texts of the samples',
  groups: 'groups of the samples',
  state: 'state',
  unused: 'not used',
};
