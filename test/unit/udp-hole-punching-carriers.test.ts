import { describe, expect, it } from 'vitest';
import { type CarrierOffer, chooseCarrier, quicListener } from '../../src/strategies/udp-hole-punching/carriers.js';
import { offerMessage } from '../../src/strategies/udp-hole-punching/messages.js';

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

describe('a tunnel', () => {
  it('is the carrier where both ends can have one, without a listener', () => {
    const tunnel = { carrier: 'tunnel' };
    expect(both(offer(['tunnel', 'udx']), offer(['tunnel', 'udx']))).toEqual([tunnel, tunnel]);
  });

  it('is not where one end cannot', () => {
    expect(both(offer(['tunnel', 'udx']), offer(['udx']))).toEqual([udx, udx]);
    expect(both(offer(['udx']), offer(['tunnel', 'udx']))).toEqual([udx, udx]);
  });
});

describe('what a peer says of its carriers', () => {
  const said = (carriers: unknown) =>
    offerMessage.safeParse({ candidates: [], mapping: 'independent', samples: [], streamId: 1, carriers }).data?.carriers;

  it('keeps its order, and leaves out what is not known here', () => {
    expect(said(['udx', 'pigeon', 'tunnel'])).toEqual(['udx', 'tunnel']);
  });

  it('is udx where it says nothing', () => {
    expect(said(undefined)).toEqual(['udx']);
  });

  it('is refused where it is too much', () => {
    expect(said(Array.from({ length: 17 }, () => 'udx'))).toBeUndefined();
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
