import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { AdminError } from '../errors.js';

/** Tells the operator whose the socket is and which command lets this user in. @returns AdminError ADMIN_FORBIDDEN */
export async function explainForbidden(path: string, cause: unknown): Promise<AdminError> {
  const user = currentUser();
  let owner: { readonly uid: number; readonly gid: number; readonly mode: number };
  try {
    owner = await stat(path);
  } catch {
    const help = `Let user ${user} enter that folder: its group is usually the socket’s too, and “ls -ld” names it.`;
    return new AdminError('ADMIN_FORBIDDEN', `User ${user} may not enter the folder of ${path}.`, { cause, help });
  }
  const [group, ownerName] = await Promise.all([nameOf('/etc/group', owner.gid), nameOf('/etc/passwd', owner.uid)]);
  const mode = (owner.mode & 0o777).toString(8).padStart(4, '0');
  const message = `${path} belongs to user ${ownerName} and group ${group}, mode ${mode}, and user ${user} may not open it.`;
  return new AdminError('ADMIN_FORBIDDEN', message, { cause, help: mend(owner, group, user) });
}

function mend(owner: { readonly gid: number; readonly mode: number }, group: string, user: string): string {
  if ((owner.mode & 0o060) !== 0o060) return 'Let its group read and write the socket, or run the agent as the user who owns it.';
  if (owner.gid === 0) return 'Give the router a group of its own (Group= in its systemd unit), or run the agent as root.';
  return `Run “sudo usermod -aG ${group} ${user}”, then log in anew or restart the agent’s service.`;
}

function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry, as containers have.
    return `#${process.getuid?.() ?? '?'}`;
  }
}

/** Name of an id in a file of colon-separated lines with the id third, or the id itself. */
async function nameOf(file: string, id: number): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const line = text.split('\n').find((candidate) => candidate.split(':')[2] === String(id));
  return line?.split(':')[0] ?? String(id);
}
