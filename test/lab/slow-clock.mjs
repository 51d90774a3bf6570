// Puts the wall clock of the process that imports it an hour back.
const { now } = Date;
Date.now = () => now() - 3_600_000;
