import { request } from 'node:http';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { z } from 'zod';
import { controlSocketName } from '../control/control-socket.js';
import { problemSchema } from '../control/schemas.js';
import { AgentError } from '../core/errors.js';

/** Asks a running agent, over the control socket in its runtime folder. */
export class ControlClient {
  constructor(private readonly runtimeDir: string) {}

  /** @throws AgentError AGENT_UNREACHABLE, CONTROL_REFUSED with the agent's own words */
  get<Schema extends z.ZodType>(route: string, schema: Schema): Promise<z.infer<Schema>> {
    return this.call('GET', route, schema);
  }

  /** Changes something. @throws AgentError as {@link get} */
  post<Schema extends z.ZodType>(route: string, schema: Schema): Promise<z.infer<Schema>> {
    return this.call('POST', route, schema);
  }

  private async call<Schema extends z.ZodType>(method: string, route: string, schema: Schema): Promise<z.infer<Schema>> {
    const { status, body } = await this.open(route, method);
    const json: unknown = JSON.parse(await text(body));
    if (status === 200) {
      const answer = schema.safeParse(json);
      if (answer.success) return answer.data;
      throw new AgentError(
        'CONTROL_REFUSED',
        `What answers at ${this.runtimeDir} is not what was asked for: ${answer.error.issues[0]?.message}`,
      );
    }
    const { code, message, help } = problemSchema.parse(json).error;
    throw new AgentError('CONTROL_REFUSED', `${message} (${code})`, help === undefined ? {} : { help });
  }

  /** Text that goes on until the agent ends. @throws AgentError AGENT_UNREACHABLE */
  async *stream(route: string): AsyncGenerator<string, void> {
    const { body } = await this.open(route);
    try {
      for await (const chunk of body.setEncoding('utf8')) yield chunk as string;
    } catch (cause) {
      throw new AgentError('AGENT_UNREACHABLE', 'The agent has ended.', { cause });
    } finally {
      body.destroy();
    }
  }

  private open(route: string, method = 'GET'): Promise<{ status: number; body: Readable }> {
    const socketPath = path.join(this.runtimeDir, controlSocketName);
    return new Promise((resolve, reject) => {
      const call = request({ socketPath, path: route, method, agent: false }, (body) =>
        resolve({ status: body.statusCode ?? 0, body }),
      );
      call.on('error', (cause: NodeJS.ErrnoException) =>
        reject(
          new AgentError('AGENT_UNREACHABLE', `No agent answers at ${socketPath} (${cause.code ?? cause.message}).`, { cause }),
        ),
      );
      call.end();
    });
  }
}
