/**
 * Loaded before a program: the thread of its ledger ends by itself with group `DYING_GROUP`, before or after that is written
 * (`DYING_WHEN`).
 */
import { isMainThread, parentPort } from 'node:worker_threads';

const dyingGroup = Number(process.env['DYING_GROUP']);
let groups = 0;

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const on = port.on.bind(port);
  port.on = ((name: 'message', hear: (message: { readonly type: string }) => void) =>
    on(name, (message: { readonly type: string }) => {
      if (message.type === 'group') groups += 1;
      const isTime = groups === dyingGroup;
      if (isTime && process.env['DYING_WHEN'] === 'before') process.exit(7);
      // What is answered after the end of the thread is never heard.
      if (isTime) port.postMessage = () => undefined;
      hear(message);
      if (isTime) throw new Error('the thread was ended by a test');
    })) as typeof port.on;
}
