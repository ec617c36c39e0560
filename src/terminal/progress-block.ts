/** Progress on a terminal: a block of lines that is redrawn in place. */
import { statuses, type Status } from '../../batches/record/status.ts';
import { formatDuration } from '../duration.ts';
import { createFigures, type Figures, type Progress } from './figures.ts';
import { grouped, printable, type Paint, type Style } from './format.ts';
import { clip, wrapItems } from './width.ts';

/** To column 1 first: what was typed, a `^C` too, is on the line of the cursor. */
const eraseUp = (lines: number): string => (lines === 0 ? '' : `\r\u001b[${lines}A\u001b[0J`);

export interface BlockOutput {
  readonly columns?: number;
  write(text: string): boolean;
}

export function createProgressBlock(output: BlockOutput, paint: Paint) {
  const figuresOf = createFigures();
  let startedAt: number | undefined;
  let shown: readonly string[] = [];
  let lines = 0;
  const draw = (block: readonly string[]): void => {
    output.write(`${eraseUp(lines)}${block.join('\n')}\n`);
    lines = block.length;
    shown = block;
  };
  return {
    show(progress: Progress): void {
      startedAt ??= progress.at;
      // The last column stays free: some terminals wrap there.
      const width = Math.max(10, (output.columns ?? 80) - 1);
      draw(blockOf(progress, { figures: figuresOf(progress), elapsedMs: progress.at - startedAt, width, paint }));
    },
    print(text: string): void {
      output.write(`${eraseUp(lines)}${text}`);
      lines = 0;
      if (shown.length > 0) draw(shown);
    },
    close: (): void => undefined,
  };
}

interface Frame {
  readonly figures: Figures;
  readonly elapsedMs: number;
  readonly width: number;
  readonly paint: Paint;
}

function blockOf(progress: Progress, { figures, elapsedMs, width, paint }: Frame): string[] {
  const { done, final, perSecond, left } = figures;
  const wrap = (items: readonly string[], separator: string): string[] =>
    wrapItems(items, { width, separator, indent: width < narrow ? '' : '  ' });
  const times = [...(left === null ? [] : [`${left} left`]), `${formatDuration(elapsedMs)} elapsed`];
  const block = [
    titleLine(progress, { figures, elapsedMs, width, paint }),
    ...wrap(
      [
        `${grouped(done)} of ${grouped(progress.rows)} rows sent or final`,
        `${grouped(final)} final`,
        `${perSecond.toFixed(0)}/s`,
        ...times,
      ],
      ', ',
    ),
    ...wrap(statusItems(figures, paint), '  '),
    ...wrap(moneyItems(figures), ' '),
    ...(progress.note === null
      ? []
      : wrap(
          progress.note.split(' ').map((word) => paint('yellow', word)),
          ' ',
        )),
  ];
  return block.map((line) => clip(line, width));
}

const widestBar = 28;
const barShare = 0.36;
const shortestName = 4;

/** Below this every column counts. */
const narrow = 30;

/** The bar is filled by what is final; what was sent and is not final is shaded. */
function titleLine({ file, rows }: Progress, { figures, width, paint }: Frame): string {
  const share = (count: number): number => (rows === 0 ? 1 : Math.min(1, count / rows));
  const percent = `${Math.floor(share(figures.final) * 100)}%`;
  const bar = Math.min(widestBar, Math.floor(width * barShare));
  const name = clip(printable(file), Math.max(shortestName, width - bar - percent.length - 3));
  const final = Math.floor(share(figures.final) * bar);
  const sent = Math.max(0, Math.floor(share(figures.done) * bar) - final);
  const drawn = paint('cyan', '█'.repeat(final)) + paint('dim', '▒'.repeat(sent) + '░'.repeat(bar - final - sent));
  return `${paint('bold', name)}  ${drawn} ${percent}`;
}

const colours: Partial<Record<Status, Style>> = { succeeded: 'green', failed: 'red', rejected: 'red', conflict: 'red', unknown: 'yellow' };
/** What a person must see comes first. */
const order: readonly Status[] = ['unknown', 'failed', 'conflict', 'rejected', 'cancelled', 'succeeded'];
const inOrder = [...order, ...statuses.filter((status) => !order.includes(status))];

function statusItems({ counts }: Figures, paint: Paint): string[] {
  const items = inOrder
    .filter((status) => counts[status].count > 0)
    .map((status) => `${status} ${paint(colours[status] ?? 'dim', grouped(counts[status].count))}`);
  return items.length === 0 ? ['nothing yet'] : items;
}

/** What has succeeded, of what was received, currency by currency; each amount is an item of its own, so none is cut. */
function moneyItems({ counts, received }: Figures): string[] {
  const items = Object.entries(received.amounts).flatMap(([currency, amount]) => [
    `paid ${currency} ${grouped(counts.succeeded.amounts[currency] ?? '0')}`,
    `of ${grouped(amount)}`,
  ]);
  return items.length === 0 ? ['nothing paid yet'] : items;
}
