import { describe, expect, it } from 'vitest';
import { type CarrierOffer, chooseCarrier, quicListener } from '../../src/strategies/udp-hole-punching/carriers.js';

const offer = (carriers: CarrierOffer['carriers'], listens = false): CarrierOffer => ({ carriers, listens });
const both = (controlling: CarrierOffer, controlled: CarrierOffer) => [
  chooseCarrier(controlling, controlled, 'controlling'),
  chooseCarrier(controlled, controlling, 'controlled'),
];
const udx = { carrier: 'udx' };

describe('the carrier of a path', () => {
  it('is udx where nothing else is enabled at both ends', () => {
    expect(both(offer(['udx']), offer(['udx']))).toEqual([udx, udx]);
    expect(both(offer(['quic', 'udx'], true), offer(['udx']))).toEqual([udx, udx]);
  });

  it('is quic where both ends have enabled it and one listens, which the other dials', () => {
    const dials = { carrier: 'quic', dials: true };
    const listens = { carrier: 'quic', dials: false };
    expect(both(offer(['quic', 'udx']), offer(['quic', 'udx'], true))).toEqual([dials, listens]);
    expect(both(offer(['quic', 'udx'], true), offer(['quic', 'udx']))).toEqual([listens, dials]);
  });

  it('is dialled by one end alone where both listen', () => {
    const choices = both(offer(['quic'], true), offer(['quic'], true));
    expect(choices.map((choice) => choice?.carrier === 'quic' && choice.dials)).toEqual([true, false]);
  });

  it('is not quic where neither end listens', () => {
    expect(both(offer(['quic', 'udx']), offer(['quic', 'udx']))).toEqual([udx, udx]);
  });

  it('is what the controlling end prefers', () => {
    expect(both(offer(['udx', 'quic'], true), offer(['quic', 'udx'], true))).toEqual([udx, udx]);
  });

  it('is none where the two have nothing in common', () => {
    expect(both(offer(['quic']), offer(['udx']))).toEqual([undefined, undefined]);
    expect(both(offer(['quic']), offer(['quic']))).toEqual([undefined, undefined]);
  });
});

describe('the address of a quic listener', () => {
  it.each(['127.0.0.1:9002', '[::1]:9002', '127.8.8.8:1'])('may be %s', (text) => {
    expect(quicListener.safeParse(text).success).toBe(true);
  });

  it.each(['0.0.0.0:9002', '192.168.1.2:9002', 'localhost:9002', '127.0.0.1', '[::]:9002'])('may not be %s', (text) => {
    expect(quicListener.safeParse(text).success).toBe(false);
  });
});
