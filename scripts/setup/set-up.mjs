import { build, checkNode, installDependencies } from './project.mjs';
import { completePath } from './step.mjs';
import { checkSystem } from './system.mjs';

/** Brings a fresh clone on a bare machine to where the laboratory runs, for 'tests' or 'bench' if need be. Does again only what is out of date. */
export async function setUp({ purpose } = {}) {
  checkNode();
  completePath();
  checkSystem({ purpose });
  installDependencies();
  build();
  // Needs the dependencies.
  const { labTools } = await import('./lab-tools.mjs');
  const { yggdrasil, linkEmulator } = await labTools();
  Object.assign(process.env, { RATATOSKR_LAB_YGGDRASIL: yggdrasil, RATATOSKR_LAB_LINK_EMULATOR: linkEmulator });
}
