/** Name of the control socket in the runtime folder. */
export const controlSocketName = 'control.sock';
