/** Where built and fetched tools are kept: $RATATOSKR_CACHE, else ratatoskr/ in the user's cache folder. */
export function cacheFolder(): string;
