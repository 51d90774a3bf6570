import os from 'node:os';

/** An error as Node's sockets make them. @param code name of an errno, such as ETIMEDOUT */
export function systemError(code: keyof typeof os.constants.errno, syscall: string, detail: string): Error {
  const errno = -os.constants.errno[code];
  return Object.assign(new Error(`${syscall} ${code} ${detail}`), { code, errno, syscall });
}
