/** An error with a code as the system's own have it. */
export function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
