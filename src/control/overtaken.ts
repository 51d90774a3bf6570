const code = 'PATH_SUPERSEDED';

/** Did an attempt fail only because another was faster? At the controlled end that is the peer's word, which the message repeats. */
export function wasOvertaken(failure: { readonly code: string; readonly message: string }): boolean {
  return failure.code === code || (failure.code === 'PEER_ENDED' && failure.message.includes(`(${code})`));
}
