/**
 * Assigns a topic's partitions to the members of a group so that each keeps what it has: when a member comes or goes,
 * what is in flight in the others stays there, and is not started a second time by another member.
 */

/** A member and what it had when it rejoined. */
export interface MemberClaim {
  readonly memberId: string;
  readonly owned: readonly number[];
}

/**
 * As even as it goes: no member has two more than another. Of two that claim the same partition the first keeps it.
 *
 * @returns partitions by member id; every member is in it
 */
export function assignPartitions(members: readonly MemberClaim[], partitions: readonly number[]): ReadonlyMap<string, readonly number[]> {
  const free = new Set(partitions);
  // Those with the most keep the most: of the larger shares there are only so many.
  const claims = members
    .toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
    .map(({ memberId, owned }) => ({ memberId, kept: owned.filter((partition) => free.delete(partition)) }))
    .toSorted((a, b) => b.kept.length - a.kept.length);
  const least = Math.floor(partitions.length / Math.max(claims.length, 1));
  const larger = partitions.length - least * claims.length;
  const shares = claims.map(({ memberId, kept }, index) => {
    const quota = least + (index < larger ? 1 : 0);
    for (const partition of kept.slice(quota)) free.add(partition);
    return { memberId, quota, assigned: kept.slice(0, quota) };
  });
  const rest = [...free].toSorted((a, b) => a - b);
  for (const { quota, assigned } of shares) assigned.push(...rest.splice(0, quota - assigned.length));
  return new Map(shares.map(({ memberId, assigned }) => [memberId, assigned.toSorted((a, b) => a - b)]));
}
