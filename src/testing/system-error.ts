/** An error as the system's sockets make them. @param code name of an errno, such as ETIMEDOUT */
export function systemError(code: string, syscall: string, detail: string): Error {
  return Object.assign(new Error(`${syscall} ${code} ${detail}`), { code, syscall });
}
