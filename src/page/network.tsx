import type { NetworkReport } from '../control/observation-schemas.js';
import { type Nat, natVerdict } from './nat-verdict.js';

/** What the NAT in front of the agent does, in a sentence and in the terms of RFC 4787. */
export function Network({ report }: { readonly report: NetworkReport | undefined }) {
  if (!report) return <p class="empty">Examining the network…</p>;
  const { nat, failure, examinedAt } = report;
  const when = new Date(examinedAt).toLocaleTimeString();
  if (!nat) {
    return (
      <p class="empty">
        No STUN server told anything over UDP at {when}
        {failure ? `: ${failure.message} (${failure.code})` : ''}. UDP may be blocked, or the servers in <code>stun</code> may
        answer over TCP alone.
      </p>
    );
  }
  return (
    <>
      <p class="verdict">{natVerdict(nat)}</p>
      <dl class="facts">
        {rowsOf(nat).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div>
          <dt>Examined</dt>
          <dd>{when}, UDP over IPv4</dd>
        </div>
      </dl>
    </>
  );
}

function rowsOf(nat: Nat): [string, string][] {
  const { kind, delta, parity } = nat.portAllocation;
  const rows: [string, string][] = [
    ['Translated', nat.translated],
    ['Mapping', nat.mapping],
    ['Filtering', nat.filtering],
    ['Hairpinning', nat.hairpinning],
    ['Ports', `${kind}${delta === undefined ? '' : `, steps of ${delta}`}${parity === 'yes' ? ', parity kept' : ''}`],
    ['Several addresses', nat.severalAddresses],
  ];
  if (nat.doubtful.length > 0) rows.push(['Doubtful servers', nat.doubtful.join(', ')]);
  return rows;
}
