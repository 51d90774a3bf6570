import { expect, it } from 'vitest';

/** What both ends of an attempt plan, for every pair of NATs. */
export interface PlanTable<Name extends string> {
  readonly names: readonly Name[];
  /** The plan of an end behind the NAT of the row towards one behind the NAT of the column, in the order of `names`. */
  readonly expected: Readonly<Record<Name, readonly string[]>>;
  /** @param direct there is a way that needs no NAT's help */
  describe(own: Name, peer: Name, direct?: boolean): string;
  /** Plans that are of no use. */
  readonly hopeless: readonly string[];
}

/** Tests that plans are as the table says, fit each other, and give nothing up too early. */
export function testPlans<Name extends string>({ names, expected, describe, hopeless }: PlanTable<Name>): void {
  const rows = names.flatMap((own) => names.map((peer, column) => ({ own, peer, plan: expected[own][column] })));

  it.each(rows)('of an end that is $own, towards one that is $peer, is $plan', ({ own, peer, plan }) => {
    expect(describe(own, peer)).toBe(plan);
  });

  it('fits the other end’s', () => {
    const other: Record<string, string> = { open: 'probe', probe: 'open' };
    for (const { own, peer } of rows) {
      const plan = describe(own, peer);
      expect(describe(peer, own)).toBe(other[plan] ?? plan);
    }
  });

  it('is never hopeless where a way needs no NAT’s help', () => {
    for (const { own, peer } of rows) expect(hopeless).not.toContain(describe(own, peer, true));
  });
}
