/** @property since milliseconds since the epoch */
export interface ResultsOptions {
  readonly out?: string;
  readonly batch?: string;
  readonly record?: string;
  readonly since?: number;
  readonly json: boolean;
}
