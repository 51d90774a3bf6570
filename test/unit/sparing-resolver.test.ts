import { expect, it } from 'vitest';
import { sparingResolver } from '../../src/doctor/sparing-resolver.js';
import { createSystemNet } from '../../src/native/system-net.js';

function resolver(answers: boolean) {
  const asked: string[] = [];
  const resolve = async (host: string) => {
    asked.push(host);
    return ['192.0.2.1'];
  };
  const net = { ...createSystemNet(), resolve };
  return { asked, net: sparingResolver(net, async () => answers) };
}

it('asks for each name once', async () => {
  const { asked, net } = resolver(true);
  await Promise.all([net.resolve('a.example', {}), net.resolve('a.example', {}), net.resolve('b.example', {})]);
  expect(asked).toEqual(['a.example', 'b.example']);
});

it('asks for none where the name servers are silent, and says so', async () => {
  const { asked, net } = resolver(false);
  await expect(net.resolve('a.example', {})).rejects.toMatchObject({ code: 'EAI_AGAIN' });
  expect(asked).toEqual([]);
});

it('needs no name servers for an address', async () => {
  const { net } = resolver(false);
  expect(await net.resolve('192.0.2.1', {})).toEqual(['192.0.2.1']);
});
