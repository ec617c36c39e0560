/** A source of chance. 0 <= x < 1. */
export type Random = () => number;
