import { onTestFinished } from 'vitest';

/** What Node warns of from now on until the test ends. */
export function processWarnings(): readonly string[] {
  const warnings: string[] = [];
  const hear = ({ message }: Error) => void warnings.push(message);
  process.on('warning', hear);
  onTestFinished(() => void process.off('warning', hear));
  return warnings;
}
