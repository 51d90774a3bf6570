export interface LabTools {
  /** Path of yggdrasil 0.5.13 or newer. */
  readonly yggdrasil: string;
  /** Path of the built test/lab/link-emulator.cc. */
  readonly linkEmulator: string;
}

/** Programs of the laboratory that no package brings, built when they are missing; RATATOSKR_LAB_* name others. */
export function labTools(): Promise<LabTools>;
