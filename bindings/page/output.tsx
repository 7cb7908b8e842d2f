/** What is taken away: the report, the state, the command. */
import { useState } from 'preact/hooks';
import { useText } from '../report/language.ts';
import { renderReport } from '../report/report.tsx';
import type { Language } from '../report/types.ts';
import { commandLine } from './command.ts';
import type { Result } from './protocol.ts';
import type { State } from './store.ts';

/** The clipboard of a page that was opened as a file needs the old way. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}

function download(name: string, type: string, text: string): void {
  const link = document.createElement('a');
  link.download = name;
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function Output({ state, result, language }: { state: State; result: Result; language: Language }) {
  const t = useText();
  const [copied, setCopied] = useState(false);
  const [title, setTitle] = useState('');
  const command = commandLine(state);
  const used = state.parts.filter(({ id }) => state.roles[id] !== 'unused');
  const report = () =>
    renderReport(result.state, {
      ...(title !== '' && { title }),
      names: result.names,
      texts: result.texts,
      facts: [['files', used.map(({ name }) => name).join('  ')]],
      command,
      language,
    });
  return (
    <section class="card output" aria-label={t('Take away')}>
      <div class="tools">
        <label>
          {t('Title')}
          <input
            value={title}
            placeholder={t('Evaluation')}
            onInput={({ currentTarget }) => setTitle(currentTarget.value)}
          />
        </label>
        <button type="button" id="report" onClick={() => download('report.html', 'text/html', report())}>
          {t('Download the report')}
        </button>
        <button
          type="button"
          id="state"
          onClick={() => download('state.json', 'application/json', `${JSON.stringify(result.state)}\n`)}
        >
          {t('Download state.json')}
        </button>
      </div>
      <div class="tools">
        <code>{command}</code>
        <button
          type="button"
          class="quiet"
          onClick={async () => {
            await copy(command);
            setCopied(true);
          }}
        >
          {copied ? t('Copied') : t('Copy')}
        </button>
      </div>
    </section>
  );
}
