/**
 * What the rules need to know of the world.
 *
 * @property now milliseconds since the epoch; cards expire against it
 * @property maxAmount greatest amount in minor units, by currency in upper case; a currency without one has no limit
 */
export interface ReadingOptions {
  readonly now: number;
  readonly maxAmount?: ReadonlyMap<string, bigint>;
}
