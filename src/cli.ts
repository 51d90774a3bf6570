#!/usr/bin/env node
import { main } from './cli/program.js';

// A reader that has gone, as in `ratatoskr config | head`, is no reason to crash.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
  });
}

const code = await main(process.argv.slice(2), {
  env: process.env,
  uid: process.getuid?.(),
  stdin: process.stdin,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  // Loaded only when needed, so that help and the defaults come at once.
  validate: async (config, folder) => (await import('./cli/survey-strategies.js')).checkPlugins(config, folder),
  examine: async (request) => {
    const { progressLine } = await import('./cli/progress.js');
    return (await import('./cli/run-doctor.js')).runDoctor(request, progressLine(process.stderr));
  },
  survey: async (config, folder) => (await import('./cli/survey-strategies.js')).surveyStrategies(config, folder),
  stun: async (options) => (await import('./cli/run-stun.js')).runStun(options),
  relay: async (options) => (await import('./cli/run-relay.js')).runRelay(options),
  invite: async (name, options) => (await import('./cli/run-relay.js')).printInvite(name, options),
  coordinator: async (options) => (await import('./cli/run-coordinator.js')).runCoordinator(options),
  coordinatorInvite: async (key, options) => (await import('./cli/run-coordinator.js')).printCoordinatorInvite(key, options),
  run: async (file, overrides) => (await import('./cli/run.js')).run(file, overrides),
});

// Once what was written has left, end even if something still runs.
process.exitCode = code;
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
