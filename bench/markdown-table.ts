/** @param columns names; one that begins with a space is of numbers */
export function markdownTable(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const names = columns.map((name) => name.trim());
  const rule = columns.map((name) => (name.startsWith(' ') ? '---:' : '---'));
  return [line(names), line(rule), ...rows.map(line)].join('\n');
}
