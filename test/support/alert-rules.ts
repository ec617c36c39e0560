/** Evaluates the alert rules over recorded series, as Prometheus does, for the part of PromQL that the rules use. */
export type Labels = Readonly<Record<string, string>>;

/** @property value at so many seconds; undefined: there is no sample */
export interface RecordedSeries {
  readonly name: string;
  readonly labels: Labels;
  readonly value: (second: number) => number | undefined;
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly forSeconds: number;
}

const stepSeconds = 30;
const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };
const duration = (text: string): number => Number(text.slice(0, -1)) * (secondsOf[text.slice(-1)] ?? Number.NaN);

export function readRules(yaml: string): readonly AlertRule[] {
  return yaml
    .split(/^ +- alert: /m)
    .slice(1)
    .map((text) => ({
      alert: /^\w+/.exec(text)?.[0] ?? '',
      expr: /^ +expr: (.+)$/m.exec(text)?.[1] ?? '',
      forSeconds: duration(/^ +for: (\w+)$/m.exec(text)?.[1] ?? '0s'),
    }));
}

/** The labels with which the rule fires after so many minutes. */
export function firingAfter(rule: AlertRule, recorded: readonly RecordedSeries[], minutes: number): readonly Labels[] {
  const evaluate = parse(rule.expr);
  const since = new Map<string, number>();
  for (let second = 0; second <= minutes * 60; second += stepSeconds) {
    const now = new Set(vectorOf(evaluate({ recorded, second })).map(({ labels }) => nameOf(labels)));
    for (const name of since.keys()) if (!now.has(name)) since.delete(name);
    for (const name of now) if (!since.has(name)) since.set(name, second);
  }
  return [...since].filter(([, from]) => minutes * 60 - from >= rule.forSeconds).map(([name]) => JSON.parse(name) as Labels);
}

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}
type Value = readonly Sample[] | number;
interface Moment {
  readonly recorded: readonly RecordedSeries[];
  readonly second: number;
}
type Evaluate = (moment: Moment) => Value;

const nameOf = (labels: Labels): string => JSON.stringify(Object.fromEntries(Object.entries(labels).sort()));
const vectorOf = (value: Value): readonly Sample[] => {
  if (typeof value === 'number') throw new TypeError('a number is where a vector is expected');
  return value;
};

const tokens = /\s*("[^"]*"|=~|!~|!=|==|[A-Za-z_][A-Za-z0-9_]*|\d+[smh](?![a-z])|\d+(?:\.\d+)?|[-+*/<>=(){}[\],:])/y;

function tokensOf(expr: string): string[] {
  const found: string[] = [];
  tokens.lastIndex = 0;
  while (tokens.lastIndex < expr.trimEnd().length) {
    const token = tokens.exec(expr)?.[1];
    if (token === undefined) throw new SyntaxError(`not read by this evaluator: ${expr}`);
    found.push(token);
  }
  return found;
}

class Reader {
  readonly #tokens: string[];
  constructor(expr: string) {
    this.#tokens = tokensOf(expr);
  }
  peek = (): string | undefined => this.#tokens[0];
  next = (): string => this.#tokens.shift() ?? '';
  takes(token: string): boolean {
    if (this.peek() !== token) return false;
    this.next();
    return true;
  }
  expect(token: string): void {
    const found = this.next();
    if (found !== token) throw new SyntaxError(`${found} where ${token} is expected`);
  }
}

function parse(expr: string): Evaluate {
  const reader = new Reader(expr);
  const evaluate = readAnd(reader);
  if (reader.peek() !== undefined) throw new SyntaxError(`${reader.peek()} is left over in ${expr}`);
  return evaluate;
}

function readAnd(reader: Reader): Evaluate {
  const one = readComparison(reader);
  if (!reader.takes('and')) return one;
  const other = readAnd(reader);
  return (moment) => {
    const names = new Set(vectorOf(other(moment)).map(({ labels }) => nameOf(labels)));
    return vectorOf(one(moment)).filter(({ labels }) => names.has(nameOf(labels)));
  };
}

const comparisons: Readonly<Record<string, (one: number, other: number) => boolean>> = {
  '==': (one, other) => one === other,
  '>': (one, other) => one > other,
  '<': (one, other) => one < other,
};

function readComparison(reader: Reader): Evaluate {
  const one = readProduct(reader);
  const holds = comparisons[reader.peek() ?? ''];
  if (holds === undefined) return one;
  reader.next();
  const other = readProduct(reader);
  return (moment) => {
    const right = other(moment);
    return vectorOf(one(moment)).filter(({ labels, value }) => {
      const against = typeof right === 'number' ? right : right.find((sample) => nameOf(sample.labels) === nameOf(labels))?.value;
      return against !== undefined && holds(value, against);
    });
  };
}

function readProduct(reader: Reader): Evaluate {
  const one = readPart(reader);
  if (!reader.takes('*')) return one;
  const other = readProduct(reader);
  return (moment) => {
    const [left, right] = [one(moment), other(moment)];
    if (typeof left !== 'number') throw new TypeError('only a number multiplies');
    return typeof right === 'number' ? left * right : right.map(({ labels, value }) => ({ labels, value: left * value }));
  };
}

const aggregations: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
};

function readPart(reader: Reader): Evaluate {
  const token = reader.next();
  if (/^\d/.test(token)) return () => Number(token);
  const aggregate = aggregations[token];
  if (aggregate !== undefined) return readAggregation(reader, aggregate);
  if (token === 'increase' || token === 'min_over_time') {
    reader.expect('(');
    const evaluate = token === 'increase' ? readIncrease(reader) : readMinimum(reader);
    reader.expect(')');
    return evaluate;
  }
  return readSelector(reader, token);
}

function readAggregation(reader: Reader, aggregate: (values: readonly number[]) => number): Evaluate {
  const by = reader.takes('by') ? readNames(reader) : [];
  reader.expect('(');
  const inner = readAnd(reader);
  reader.expect(')');
  return (moment) => {
    const groups = new Map<string, number[]>();
    for (const { labels, value } of vectorOf(inner(moment))) {
      const name = nameOf(Object.fromEntries(by.map((label) => [label, labels[label] ?? ''])));
      groups.set(name, [...(groups.get(name) ?? []), value]);
    }
    return [...groups].map(([name, values]) => ({ labels: JSON.parse(name) as Labels, value: aggregate(values) }));
  };
}

function readNames(reader: Reader): string[] {
  const names: string[] = [];
  reader.expect('(');
  for (;;) {
    names.push(reader.next());
    if (reader.takes(')')) return names;
    reader.expect(',');
  }
}

/** Without the extrapolation of Prometheus: what was counted between the samples of the range. */
function readIncrease(reader: Reader): Evaluate {
  const matches = readMatchers(reader, reader.next());
  reader.expect('[');
  const range = duration(reader.next());
  reader.expect(']');
  return ({ recorded, second }) =>
    recorded.filter(matches).flatMap(({ labels, value }) => {
      const values: number[] = [];
      for (let at = Math.max(0, second - range); at <= second; at += stepSeconds) {
        const sample = value(at);
        if (sample !== undefined) values.push(sample);
      }
      const risen = values.slice(1).reduce((sum, one, index) => sum + (one >= (values[index] ?? 0) ? one - (values[index] ?? 0) : one), 0);
      return values.length < 2 ? [] : [{ labels, value: risen }];
    });
}

function readMinimum(reader: Reader): Evaluate {
  const inner = readAnd(reader);
  reader.expect('[');
  const range = duration(reader.next());
  reader.expect(':');
  const step = duration(reader.next());
  reader.expect(']');
  return ({ recorded, second }) => {
    const lowest = new Map<string, number>();
    for (let at = Math.max(0, second - range); at <= second; at += step)
      for (const { labels, value } of vectorOf(inner({ recorded, second: at })))
        lowest.set(nameOf(labels), Math.min(value, lowest.get(nameOf(labels)) ?? value));
    return [...lowest].map(([name, value]) => ({ labels: JSON.parse(name) as Labels, value }));
  };
}

function readSelector(reader: Reader, name: string): Evaluate {
  const matches = readMatchers(reader, name);
  const offset = reader.takes('offset') ? duration(reader.next()) : 0;
  return ({ recorded, second }) =>
    recorded.filter(matches).flatMap(({ labels, value }) => {
      const sample = value(second - offset);
      return sample === undefined ? [] : [{ labels, value: sample }];
    });
}

function readMatchers(reader: Reader, name: string): (series: RecordedSeries) => boolean {
  const tests: ((labels: Labels) => boolean)[] = [];
  if (reader.takes('{')) {
    while (!reader.takes('}')) {
      const label = reader.next();
      const operator = reader.next();
      const text = reader.next().slice(1, -1);
      const pattern = new RegExp(`^(?:${text})$`);
      const is = (labels: Labels): boolean => (operator.endsWith('~') ? pattern.test(labels[label] ?? '') : (labels[label] ?? '') === text);
      tests.push((labels) => is(labels) !== operator.startsWith('!'));
      reader.takes(',');
    }
  }
  return (series) => series.name === name && tests.every((holds) => holds(series.labels));
}
