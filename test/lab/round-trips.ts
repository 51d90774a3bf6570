/** One-way delays in milliseconds: 120 for a round trip over the public peer, 40 without. */
export const links = { a: 10, b: 10, p: 20 };
/** From a to b and back, in milliseconds. */
export const lineRttMs = 2 * (links.a + links.b);
/** Half-way between the two: a ping that takes less has not gone over the public peer, in milliseconds. */
export const directRttMs = 80;
/** A ping that takes more has gone over the public peer, or the machine is very busy; milliseconds. */
export const overlayRttMs = 110;
