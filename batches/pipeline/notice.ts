/** Something that people may want to see while the pipeline works; nothing is decided by it. */
export interface Notice {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly cause?: unknown;
}

export type OnNotice = (notice: Notice) => void;

export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
