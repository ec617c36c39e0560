/** A header compiled for its rows: which cell is which member. */
import { carriesCardNumber } from '../fields/cards.ts';
import { slotOf, type BodyPath } from '../instruction/members.ts';
import { maskCard, maskDigits } from '../instruction/masks.ts';
import type { Column } from './header.ts';

const cardSlot = slotOf('card_number');
const securityCodeSlot = slotOf('card_security_code');
const hidden = '…';

export interface MetadataColumn {
  readonly name: string;
  readonly index: number;
  readonly keys: readonly string[];
}

/** A compiled header. */
export interface Layout {
  readonly columns: readonly Column[];
  /** By cell; -1 for a cell that is not a member. */
  readonly slotOfCell: readonly number[];
  /** Columns named by a path that belongs to one kind or method. */
  readonly narrowed: readonly NarrowedColumn[];
  readonly metadataColumns: readonly MetadataColumn[];
  readonly hasSecurityCode: boolean;
  readonly slots: readonly number[];
  readonly checkOrder: readonly number[];
}

interface NarrowedColumn {
  readonly slot: number;
  readonly index: number;
  readonly place: BodyPath;
}

export function layoutOf(columns: readonly Column[]): Layout {
  const slotOfCell = columns.map((column) => (column.is === 'member' ? column.slot : -1));
  const placed = columns.flatMap((column, index) =>
    column.is === 'member' && column.place !== undefined ? [{ slot: column.slot, place: column.place, index }] : [],
  );
  return {
    columns,
    slotOfCell,
    narrowed: placed.filter(({ place }) => place.kind !== undefined || place.method !== undefined),
    metadataColumns: columns
      .flatMap((column, index) => (column.is === 'metadata' ? [{ name: column.name, index, keys: column.keys }] : []))
      .sort((a, b) => (a.keys.join('.') < b.keys.join('.') ? -1 : 1)),
    hasSecurityCode: slotOfCell.includes(securityCodeSlot),
    slots: slotsInOrder(columns),
    checkOrder: [...new Set(slotOfCell.filter((slot) => slot >= 0))],
  };
}

/** In the order of the table, so that equal rows make equal bodies whatever the order of their columns. */
const slotsInOrder = (columns: readonly Column[]): number[] => {
  const slots = columns.flatMap((column) => (column.is === 'member' ? [column.slot] : []));
  return [...new Set(slots)].sort((a, b) => a - b);
};

export function maskSecrets({ columns, slotOfCell, hasSecurityCode }: Layout, cells: readonly string[]): string[] {
  const isMisfit = cells.length !== columns.length;
  return cells.map((cell, index) => {
    const slot = slotOfCell[index] ?? -1;
    if (cell === '') return cell;
    // In a row that lost its columns a security code may be anywhere.
    if (slot === securityCodeSlot || (isMisfit && hasSecurityCode && /^[0-9]{3,4}$/.test(cell.trim()))) return hidden;
    if (slot === cardSlot) return maskCard(cell) ?? hidden;
    return carriesCardNumber(cell) ? maskDigits(cell) : cell;
  });
}
