/** The page: files in, controls beside, the report alive below. */
import type { ComponentChildren } from 'preact';
import { useEffect, useErrorBoundary, useMemo, useRef, useState } from 'preact/hooks';
import { plain } from '../report/format.ts';
import { Speaks, translator, useText } from '../report/language.ts';
import type { Language } from '../report/types.ts';
import { Controls } from './controls.tsx';
import { Files } from './files.tsx';
import { Live } from './live.tsx';
import { LossCurves } from './loss-curves.tsx';
import { size } from './sizes.ts';
import { type Actions, isComplete, type State, useStore } from './store.ts';

export function App() {
  const [language, speak] = useState<Language>(/^zh/i.test(navigator.language) ? 'zh' : 'en');
  const t = useMemo(() => translator(language), [language]);
  const [state, actions] = useStore();
  const [over, setOver] = useState(false);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
    document.title = t('focal-simd: what does the model do?');
  }, [language, t]);
  useDrop(actions.add, setOver);
  const { result } = state;
  return (
    <Speaks value={t}>
      <main class={over ? 'over' : ''}>
        <header class="top">
          <div>
            <h1>focal-simd</h1>
            <p class="note">{t('Drop predictions, see what the model does. Nothing leaves this machine.')}</p>
          </div>
          <button
            type="button"
            class="quiet"
            lang={language === 'zh' ? 'en' : 'zh-Hans'}
            onClick={() => speak(language === 'zh' ? 'en' : 'zh')}
          >
            {language === 'zh' ? 'English' : '中文'}
          </button>
        </header>
        <Files state={state} actions={actions} />
        {state.parts.length > 0 && <Controls state={state} actions={actions} />}
        <Status state={state} actions={actions} />
        {result && (
          <Guarded of={result}>
            <Live state={state} result={result} actions={actions} language={language} />
          </Guarded>
        )}
        <LossCurves choices={state.choices} />
      </main>
    </Speaks>
  );
}

/** A fault of ours while something is drawn is told, and leaves the rest of the page as it is. */
function Guarded({ of, children }: { readonly of: unknown; readonly children: ComponentChildren }) {
  const t = useText();
  const [error, again] = useErrorBoundary();
  useEffect(again, [of]);
  if (!error) return children;
  return (
    <p class="error" role="alert">
      {t('This cannot be shown, which is a fault of the page: {error}', { error: String(error) })}
    </p>
  );
}

/** Files may be dropped anywhere. */
function useDrop(add: (files: File[]) => void, over: (is: boolean) => void) {
  const latest = useRef(add);
  latest.current = add;
  useEffect(() => {
    const stop = new AbortController();
    const on = (type: string, handle: (event: DragEvent) => void) =>
      addEventListener(type, (event) => handle(event as DragEvent), { signal: stop.signal });
    on('dragover', (event) => {
      event.preventDefault();
      over(true);
    });
    on('dragleave', (event) => {
      if (!event.relatedTarget) over(false);
    });
    on('drop', (event) => {
      event.preventDefault();
      over(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) latest.current(files);
    });
    return () => stop.abort();
  }, []);
}

function Status({ state, actions }: { state: State; actions: Actions }) {
  const t = useText();
  const { progress, phase } = state;
  const seconds = (performance.now() - state.started) / 1000;
  const share = progress?.share ?? null;
  return (
    <>
      <div role="alert">
        {state.errors.map((error) => (
          <p key={error} class="error">
            <bdi>{error}</bdi>
          </p>
        ))}
      </div>
      {phase === 'ready' && state.parts.length > 0 && !isComplete(state) && (
        <p class="hint" role="status">
          {t('Say which file holds the logits and which the targets.')}
        </p>
      )}
      {(phase === 'looking' || phase === 'running') && (
        <div class="running">
          <progress aria-label={t('Progress')} {...(share === null ? {} : { value: share })} max={1} />
          {progress && (
            <span class="numbers">
              {plain(progress.done)} {t('samples')}
              {progress.bytes > 0 && `, ${size(progress.bytes)}, ${size(progress.bytes / seconds)}/s`}
              {share !== null &&
                share > 0.02 &&
                `, ${t('{s} s left', { s: ((seconds / share) * (1 - share)).toFixed(0) })}`}
            </span>
          )}
          <button type="button" onClick={actions.cancel}>
            {t('Cancel')}
          </button>
        </div>
      )}
    </>
  );
}
