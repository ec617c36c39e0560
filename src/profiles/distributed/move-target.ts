/** A ledger in Redis that is being imported. */
import type { MoveTarget } from '../../ledger/moved-items.ts';
import { placeText } from '../../ledger/redis/errors.ts';
import { finishImport, type RedisLedger } from '../../ledger/redis/ledger.ts';
import { assertSameTallies } from '../../ledger/same-tallies.ts';
import type { RedisConnection } from '../../redis/connection.ts';

/** @param ledger opened with `importing` */
export function redisTarget(ledger: RedisLedger, place: { readonly connection: RedisConnection; readonly prefix: string }): MoveTarget {
  const name = placeText({ address: place.connection.address, prefix: place.prefix });
  return {
    name,
    async write(items) {
      await Promise.all(
        items.map((item) => {
          switch (item.type) {
            case 'pause':
              return ledger.setPause({ batchId: item.pause.batchId, pause: item.pause });
            case 'gates':
              return ledger.setGates(item.gates, 0);
            case 'terms':
              return ledger.setTerms({ batchId: item.batchId, terms: item.terms, expected: 0 });
            default:
              return ledger.importItem(item);
          }
        }),
      );
    },
    async finish({ pause, tallies }) {
      await ledger.setPause({ batchId: null, pause });
      assertSameTallies(name, await ledger.recount(), tallies);
      await finishImport(place);
    },
    close: () => ledger.close(),
  };
}
