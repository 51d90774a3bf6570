/** Adds a peering and then does nothing, to be killed: add-and-wait.ts <admin URI> <state folder> <peer URI> */
import { AdminRouter } from '../../../src/core/admin/admin-router.js';
import { openPeerJournal } from '../../../src/core/admin/peer-journal.js';
import { systemClock } from '../../../src/core/clock.js';
import { EventSource } from '../../../src/core/events.js';
import { systemRandom } from '../../../src/core/random.js';
import { createSystemNet } from '../../../src/native/system-net.js';

const [admin = '', folder = '', peer = ''] = process.argv.slice(2);
const events = new EventSource('add-and-wait');
const journal = await openPeerJournal(folder, events);
const router = new AdminRouter({
  net: createSystemNet(),
  clock: systemClock,
  random: systemRandom,
  events,
  journal,
  uris: [admin],
});
router.onConnected(() => {
  router.addPeer(peer).then(
    () => console.log('added'),
    (error) => console.log(String(error)),
  );
});
await router.run(new AbortController().signal);
