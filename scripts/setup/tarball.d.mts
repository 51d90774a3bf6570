/** `npm pack` into a folder, or the one that RATATOSKR_TARBALL names. @returns its path */
export function packTarball(folder: string): string;
