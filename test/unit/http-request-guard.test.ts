import { describe, expect, test } from 'vitest';
import { refusalOf } from '../../src/http/request-guard.js';

const token = 'the-token';
const refused = (headers: Record<string, string>, method = 'GET') =>
  refusalOf({ method, headers: { host: '127.0.0.1:4780', ...headers } }, { names: ['box.example'], token })?.error.code;

describe('the Host of a request over HTTP', () => {
  test.each(['127.0.0.1:4780', '127.0.0.1', '[::1]:4780', 'localhost:4780', 'agent.localhost', '192.168.1.2', 'BOX.example:80'])(
    'may be %s',
    (host) => expect(refused({ host })).toBeUndefined(),
  );

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'sub.box.example',
    '',
    'a b',
    '127.0.0.1@evil.example',
  ])('may not be %j, which a stranger may have pointed here', (host) => expect(refused({ host })).toBe('HTTP_HOST_REFUSED'));

  test('may not be missing', () => {
    expect(refusalOf({ method: 'GET', headers: {} }, { names: [], token })?.status).toBe(421);
  });
});

describe('a request from a page', () => {
  test.each([
    ['the agent’s own page', { origin: 'http://127.0.0.1:4780', 'sec-fetch-site': 'same-origin' }, undefined],
    ['its own page behind a proxy with TLS', { origin: 'https://127.0.0.1:4780' }, undefined],
    ['another site', { origin: 'https://evil.example' }, 'HTTP_ORIGIN_REFUSED'],
    ['another port of this machine', { origin: 'http://127.0.0.1:8080' }, 'HTTP_ORIGIN_REFUSED'],
    ['a sandboxed frame', { origin: 'null' }, 'HTTP_ORIGIN_REFUSED'],
    ['an image that another site embeds', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 'HTTP_ORIGIN_REFUSED'],
    ['a link of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, undefined],
    ['the address bar', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, undefined],
  ])('of %s is answered with %s', (_whose, headers, code) => {
    expect(refused(headers as unknown as Record<string, string>)).toBe(code);
  });
});

describe('a request that changes something', () => {
  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('with %s needs the token', (method) => {
    expect(refused({}, method)).toBe('HTTP_TOKEN_MISSING');
    expect(refused({ authorization: 'Bearer another' }, method)).toBe('HTTP_TOKEN_MISSING');
    expect(refused({ authorization: `Bearer ${token}` }, method)).toBeUndefined();
  });

  test('is refused to other sites even with the token', () => {
    expect(refused({ authorization: `Bearer ${token}`, origin: 'https://evil.example' }, 'POST')).toBe('HTTP_ORIGIN_REFUSED');
  });

  test('cannot pass for a followed link', () => {
    expect(refused({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 'POST')).toBe('HTTP_ORIGIN_REFUSED');
  });
});
