/** What is taken away: the report, the state, the command. */
import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import type { ComparisonState } from '../compare/codec.ts';
import type { MeterState } from '../meter/codec.ts';
import type { SlicedState } from '../meter/slices-codec.ts';
import { useText } from '../report/language.ts';
import { renderReport } from '../report/report.tsx';
import type { Language } from '../report/types.ts';
import { commandLine, compareLine } from './command.ts';
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

/** Something to take away: its report, its state, its command. */
interface Takeaway {
  readonly id: string;
  readonly state: MeterState | SlicedState | ComparisonState;
  readonly name: string;
  readonly command: string;
  readonly download: string;
}

export function Output({ state, result, language }: { state: State; result: Result; language: Language }) {
  const t = useText();
  const [title, setTitle] = useState('');
  const { evaluated, compared } = result;
  const takeaways: Takeaway[] = [
    ...(evaluated
      ? [
          {
            id: '',
            state: evaluated.state,
            name: 'state.json',
            command: commandLine(state),
            download: t('Download the report'),
          },
        ]
      : []),
    ...(compared
      ? [
          {
            id: 'comparison-',
            state: compared.state,
            name: 'comparison.json',
            // merged states have one command
            command: result.bytes > 0 ? compareLine(state) : commandLine(state),
            download: t('Download the comparison'),
          },
        ]
      : []),
  ];
  const used = state.parts.filter(({ id }) => state.roles[id] !== 'unused');
  const report = ({ state, command }: Takeaway) =>
    renderReport(state, {
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
            placeholder={evaluated ? t('Evaluation') : t('Comparison')}
            onInput={({ currentTarget }) => setTitle(currentTarget.value)}
          />
        </label>
        {takeaways.map((one) => (
          <Fragment key={one.id}>
            <button
              type="button"
              id={`${one.id}report`}
              onClick={() => download(`${one.id}report.html`, 'text/html', report(one))}
            >
              {one.download}
            </button>
            <button
              type="button"
              id={`${one.id}state`}
              onClick={() => download(one.name, 'application/json', `${JSON.stringify(one.state)}\n`)}
            >
              {t('Download {name}', { name: one.name })}
            </button>
          </Fragment>
        ))}
      </div>
      {takeaways.map(({ id, command }) => (
        <Command key={id} command={command} />
      ))}
    </section>
  );
}

/** A command, to be copied. */
function Command({ command }: { readonly command: string }) {
  const t = useText();
  const [copied, setCopied] = useState('');
  return (
    <div class="tools">
      <code>{command}</code>
      <button
        type="button"
        class="quiet"
        onClick={async () => {
          await copy(command);
          setCopied(command);
        }}
      >
        {copied === command ? t('Copied') : t('Copy')}
      </button>
    </div>
  );
}
