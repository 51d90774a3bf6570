import net from 'node:net';

/**
 * Takes commands from outside the laboratory: one JSON object a connection, answered with one.
 * Resolves when it listens.
 */
export async function serveCommands<Command>(path: string, run: (command: Command) => Promise<unknown>): Promise<void> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('error', () => {});
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      const command = JSON.parse(Buffer.concat(chunks).toString()) as Command;
      run(command).then(
        (answer) => socket.end(JSON.stringify(answer ?? {})),
        (error: unknown) => socket.end(JSON.stringify({ error: String(error) })),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  process.stdout.write('ready\n');
}

/** @throws Error of the other end */
export function sendCommand<Answer>(path: string, command: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(path);
    socket.on('error', reject);
    socket.setTimeout(60_000, () => socket.destroy(new Error(`no answer at ${path}`)));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      const answer = JSON.parse(Buffer.concat(chunks).toString()) as Answer & { error?: string };
      if (answer.error === undefined) resolve(answer);
      else reject(new Error(answer.error));
    });
    socket.end(JSON.stringify(command));
  });
}
