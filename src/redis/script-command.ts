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
    const args = this.args as Argument[];
    const sizes = args.map((argument) => Buffer.byteLength(argument));
    let total = lineBytes(args.length + 1) + partBytes(this.name.length);
    for (const size of sizes) total += partBytes(size);
    const bytes = Buffer.allocUnsafe(total);
    let at = writeLine(bytes, 0, star, args.length + 1);
    at = writePart(bytes, at, this.name, this.name.length);
    for (let index = 0; index < args.length; index += 1) at = writePart(bytes, at, args[index] ?? '', sizes[index] ?? 0);
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
const partBytes = (size: number): number => lineBytes(size) + size + lineEndBytes;

/** @returns where the next byte belongs, as all of these do */
function writePart(bytes: Buffer, at: number, part: Argument, size: number): number {
  const begin = writeLine(bytes, at, dollar, size);
  if (typeof part === 'string') bytes.write(part, begin);
  else part.copy(bytes, begin);
  return endLine(bytes, begin + size);
}

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
