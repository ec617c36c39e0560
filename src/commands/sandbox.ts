import { readFile } from 'node:fs/promises';
import { createSandbox, parseBalance, parseFaults, type Sandbox } from '../../sandbox/server.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';

interface SandboxOptions {
  readonly port: number;
  readonly publicKey?: string;
  readonly privateKey?: string;
  readonly webhookUrl?: string;
  readonly confirm: 'auto' | 'manual';
  readonly settleMs: number;
  readonly seed: number;
  readonly faults?: string;
  readonly retryGapMs: number;
  readonly balance?: string;
  readonly underfunded: 'hold' | 'refuse';
  readonly reportMetadata: string;
}

/** Runs the simulated gateway until it is interrupted. The first line on stdout is its URL. */
export async function sandbox(options: SandboxOptions): Promise<ExitCode> {
  if (options.webhookUrl !== undefined && !URL.canParse(options.webhookUrl)) {
    throw new CommandError(exitCodes.usage, `--webhook-url ${JSON.stringify(options.webhookUrl)}: expected a URL.`);
  }
  const running = await start({
    port: options.port,
    publicKeyPem: await readPem('--public-key', options.publicKey),
    privateKeyPem: await readPem('--private-key', options.privateKey),
    webhookUrl: options.webhookUrl,
    confirm: options.confirm,
    settleMs: options.settleMs,
    seed: options.seed,
    faults: read('--faults', options.faults, parseFaults),
    retryGapMs: options.retryGapMs,
    balance: read('--balance', options.balance, parseBalance),
    underfunded: options.underfunded,
    reportMetadata: read('--report-metadata', options.reportMetadata, parseMetadataLength),
    log: (message) => process.stderr.write(`sandbox: ${message}\n`),
  });
  process.stdout.write(`${running.url}\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  await running.close();
  return exitCodes.ok;
}

async function start(options: Parameters<typeof createSandbox>[0]): Promise<Sandbox> {
  try {
    return await createSandbox(options);
  } catch (cause) {
    const isInUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new CommandError(
      exitCodes.usage,
      isInUse
        ? `port ${options.port} is in use: choose another one, or 0 for any.`
        : `the sandbox cannot start: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function readPem(flag: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CommandError(exitCodes.usage, `${flag} ${path}: ${(cause as Error).message}`, { cause });
  }
}

function parseMetadataLength(text: string): 'whole' | number {
  if (text === 'whole') return text;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error(`"${text}": expected whole or a number of characters above zero`);
}

function read<Value>(flag: string, text: string | undefined, parse: (text: string) => Value): Value | undefined {
  try {
    return text === undefined ? undefined : parse(text);
  } catch (cause) {
    throw new CommandError(exitCodes.usage, `${flag}: ${(cause as Error).message}`, { cause });
  }
}
