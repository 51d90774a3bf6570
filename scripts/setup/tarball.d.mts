/** `npm pack` into a folder, or the one that RATATOSKR_TARBALL names. @returns its path */
export function packTarball(folder: string): string;

/** `npm pack` of a plugin, as it is built, into a folder. @returns its path */
export function packPlugin(name: string, folder: string): string;
