/** Hands things from who has them to who takes them, one by one: the giver waits until the taker asks for the next. */
export interface Rendezvous<Thing> {
  /** Resolves when the thing was taken and worked through: true; false when it will not be taken. */
  send(thing: Thing): Promise<boolean>;
  /** Things as they come; once. Throws what `fail` was given, at once; ends after `end`. */
  receive(): AsyncGenerator<Thing, void, undefined>;
  end(): void;
  fail(cause: unknown): void;
  /** Whether the taker waits for a thing. */
  isWaiting(): boolean;
}

export function createRendezvous<Thing>(): Rendezvous<Thing> {
  interface Offer {
    readonly thing: Thing;
    readonly settle: (isTaken: boolean) => void;
  }
  const offers: Offer[] = [];
  let over: { readonly failure?: { readonly cause: unknown } } | undefined;
  let wake: (() => void) | undefined;

  const finish = (how: NonNullable<typeof over>): void => {
    if (over !== undefined) return;
    over = how;
    for (const { settle } of offers.splice(0)) settle(false);
    wake?.();
  };
  const next = async (): Promise<Offer | undefined> => {
    while (offers.length === 0 && over === undefined) await new Promise<void>((resolve) => (wake = resolve));
    wake = undefined;
    if (over?.failure !== undefined) throw over.failure.cause;
    return offers.shift();
  };

  return {
    send(thing) {
      if (over !== undefined) return Promise.resolve(false);
      return new Promise((resolve) => {
        offers.push({ thing, settle: resolve });
        wake?.();
      });
    },
    async *receive() {
      for (let offer = await next(); offer !== undefined; offer = await next()) {
        let isTaken = false;
        try {
          yield offer.thing;
          isTaken = true;
        } finally {
          offer.settle(isTaken);
        }
      }
    },
    end: () => finish({}),
    fail: (cause) => finish({ failure: { cause } }),
    isWaiting: () => wake !== undefined,
  };
}
