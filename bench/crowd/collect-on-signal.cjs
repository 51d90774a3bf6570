// Loaded into the agent under test before anything else: SIGUSR2 has it collect its garbage, and say how many bytes are left.
const v8 = require('node:v8');
const vm = require('node:vm');

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');
process.on('SIGUSR2', () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`held: ${heapUsed + external}\n`);
});
