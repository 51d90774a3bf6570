/** The laboratory itself failed: not what is tested in it. */
export class LabError extends Error {
  override readonly name = 'LabError';
}
