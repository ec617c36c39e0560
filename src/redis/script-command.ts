/** The call of a script as one command of the client. */
import { Command } from 'ioredis';

type Argument = string | Buffer;

const [star, dollar, carriageReturn, lineFeed, zero] = Array.from('*$\r\n0', (sign) => sign.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
];

/**
 * Written in one go: a call has up to a thousand arguments, and of each the client would make four strings, or as many
 * entries of a list, before they become bytes.
 */
export class ScriptCommand extends Command {
  /** @param args taken as they are: from its parameters the client would make a list of its own */
  constructor(name: 'eval' | 'evalsha', args: Argument[]) {
    super(name, [], { replyEncoding: 'utf8' });
    this.args = args;
  }

  override toWritable(): Buffer {
    const parts = [this.name, ...(this.args as Argument[])];
    const sizes = parts.map((part) => Buffer.byteLength(part));
    const total = sizes.reduce((sum, size) => sum + lineBytes(size) + size + lineEndBytes, lineBytes(parts.length));
    const bytes = Buffer.allocUnsafe(total);
    let at = writeLine(bytes, 0, star, parts.length);
    for (let index = 0; index < parts.length; index += 1) {
      const part = parts[index] ?? '';
      at = writeLine(bytes, at, dollar, sizes[index] ?? 0);
      at += typeof part === 'string' ? bytes.write(part, at) : part.copy(bytes, at);
      at = endLine(bytes, at);
    }
    return bytes;
  }
}

const lineEndBytes = 2;

function digitsOf(count: number): number {
  let digits = 1;
  for (let limit = 10; count >= limit; limit *= 10) digits += 1;
  return digits;
}

const lineBytes = (count: number): number => 1 + digitsOf(count) + lineEndBytes;

/** @returns where the next byte belongs */
function writeLine(bytes: Buffer, at: number, sign: number, count: number): number {
  bytes[at] = sign;
  const end = at + 1 + digitsOf(count);
  for (let place = end - 1, rest = count; place > at; place -= 1, rest = Math.trunc(rest / 10)) bytes[place] = zero + (rest % 10);
  return endLine(bytes, end);
}

function endLine(bytes: Buffer, at: number): number {
  bytes[at] = carriageReturn;
  bytes[at + 1] = lineFeed;
  return at + lineEndBytes;
}
