import { Fragment } from 'preact';
import type { NetworkReport, Strategies as Report } from '../control/observation-schemas.js';
import { Why } from './why.js';

interface StrategiesProps {
  readonly strategies: Report['strategies'];
  /** Undefined while the network is being examined. */
  readonly network: NetworkReport | undefined;
}

/** The strategies in the order of the configuration: whether they can work here, and how they did. */
export function Strategies({ strategies, network }: StrategiesProps) {
  return (
    <table class="strategies">
      <caption class="visually-hidden">Strategies, best first</caption>
      <thead>
        <tr>
          <th scope="col">Strategy</th>
          <th scope="col">Usable here</th>
          <th scope="col" class="number">
            Attempts
          </th>
          <th scope="col" class="number">
            Bridges
          </th>
        </tr>
      </thead>
      <tbody>
        {strategies.map(({ name, attempts, bridges, overtaken, lastFailure }) => {
          const counted = attempts - overtaken;
          const probe = network?.strategies.find((each) => each.name === name);
          return (
            <Fragment key={name}>
              <tr>
                <th scope="row">{name}</th>
                <td>{usable(network, probe?.usable)}</td>
                <td class="number">{attempts}</td>
                <td class="number">
                  {bridges}
                  {counted > 0 && (
                    <>
                      {' '}
                      <span class="quiet">{Math.min(100, Math.round((bridges / counted) * 100))} %</span>
                      <svg class="rate" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                        <rect class="rate-all" width="100" height="4" />
                        <rect class="rate-part" width={Math.min(100, (bridges / counted) * 100)} height="4" />
                      </svg>
                    </>
                  )}
                </td>
              </tr>
              {(probe?.reason || lastFailure) && (
                <tr class="reasons">
                  <td colSpan={4}>
                    {probe?.reason && <Why text={probe.reason} />}
                    {lastFailure && <Why text={`Last failure: ${lastFailure.message}`} code={lastFailure.code} />}
                  </td>
                </tr>
              )}
            </Fragment>
          );
        })}
      </tbody>
    </table>
  );
}

function usable(network: NetworkReport | undefined, answer: 'yes' | 'no' | 'unknown' | undefined): string {
  if (!network) return 'looking…';
  if (answer === 'yes') return '✓ yes';
  return answer === 'no' ? '✕ no' : '? unknown';
}
