import { findLinkEmulator } from './link-emulator.mjs';
import { completePath } from './step.mjs';
import { findYggdrasil } from './yggdrasil.mjs';

/** Programs of the laboratory that no package brings. Quick when they are there. */
export async function labTools() {
  completePath();
  const { RATATOSKR_LAB_YGGDRASIL, RATATOSKR_LAB_LINK_EMULATOR } = process.env;
  return {
    yggdrasil: RATATOSKR_LAB_YGGDRASIL || (await findYggdrasil()),
    linkEmulator: RATATOSKR_LAB_LINK_EMULATOR || (await findLinkEmulator()),
  };
}
